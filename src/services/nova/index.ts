// Nova, the compute service: its name and its roles.
import { defineService, type Role, type Runtime } from '#core/service'
import { computeApi } from './api/index.ts'
import { novaPolicy } from './api/policy.ts'
import { novaOptions } from './config.ts'
import { openDatabases } from './db/open.ts'
import { createNova, type Nova } from './domain/nova.ts'

export { novaOptions }

export const nova = defineService({
  name: 'nova',
  options: novaOptions,
  roles: {
    api: async (runtime) => ({ transport: computeApi(await openNova(runtime)), stop() {} }) satisfies Role,
  },
})

async function openNova(runtime: Runtime): Promise<Nova> {
  return createNova(runtime, runtime.config(novaOptions), novaPolicy(), await openDatabases(runtime), { api: [], cell: [] }, 'api')
}
