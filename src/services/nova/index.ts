// Nova, the compute service: its name and its roles.
import { explain } from '#core/events'
import { defineService, type Role, type Runtime } from '#core/service'
import { computeApi } from './api/index.ts'
import { novaPolicy } from './api/policy.ts'
import { novaOptions } from './config.ts'
import { openDatabases } from './db/open.ts'
import { createNova, type Nova } from './domain/nova.ts'
import { operationDefinitions } from './domain/operations.ts'
import { startCompute } from './host/index.ts'
import { statusOf } from './model/server-states.ts'
import { startAuditorRole } from './workers/auditor.ts'
import { startConductor } from './workers/conductor.ts'
import { startMetadata } from './workers/metadata.ts'
import { startScheduler } from './workers/scheduler.ts'

export { novaOptions }

export const nova = defineService({
  name: 'nova',
  options: novaOptions,
  roles: {
    conductor: async (runtime) => startConductor(await openNova(runtime, 'nova-conductor')),
    auditor: async (runtime) => startAuditorRole(await openNova(runtime, 'nova-auditor')),
    scheduler: async (runtime) => startScheduler(runtime, runtime.config(novaOptions)),
    compute: (runtime) => startCompute(runtime, runtime.config(novaOptions)),
    api: async (runtime) => startApi(runtime, await openNova(runtime, 'nova-api')),
    metadata: async (runtime) => startMetadata(await openNova(runtime, 'nova-api-metadata')),
  },
})

function startApi(runtime: Runtime, nova: Nova): Role {
  const withStatus = (state: Readonly<Record<string, unknown>>) => ({ status: statusOf(String(state['vm_state']), state['task_state'] as string | null), ...state })
  // An operation of the API ends after what it did in a cell: the cells first.
  return explain(computeApi(nova), runtime, { databases: [nova.cells.cell1, nova.cells.cell0, nova.api], views: { server: withStatus } })
}

async function openNova(runtime: Runtime, role: string): Promise<Nova> {
  return createNova(runtime, runtime.config(novaOptions), novaPolicy(), await openDatabases(runtime), operationDefinitions, role)
}
