// An auditor as a role of its service: it goes its rounds, and answers `nimbo doctor` over the bus.
import { option } from '#core/config'
import type { Database } from '#core/db'
import { ownContext, type Role, type Runtime } from '#core/service'
import { Auditor } from './auditor.ts'
import type { Check } from './finding.ts'
import { auditRpc } from './rpc.ts'

/** For the options of every service that has an auditor. */
export const auditOptions = {
  audit_interval: option.number({ default: 60, unit: 'seconds', minimum: 0.1, help: 'Time between two rounds of the auditor, which compares rows with reality.' }),
  audit_grace: option.number({ default: 5, unit: 'seconds', minimum: 0, help: 'How long a difference must last, over two looks of the auditor, before it counts.' }),
}

export interface AuditorRole {
  readonly service: string
  readonly database: Database<any>
  readonly checks: readonly Check[]
  readonly settings: { readonly audit_interval: number; readonly audit_grace: number }
}

export function startAuditor(runtime: Runtime, { service, database, checks, settings }: AuditorRole): Role {
  const log = runtime.log.child({ role: 'auditor' })
  const auditor = new Auditor({
    capabilities: { clock: runtime.clock, random: runtime.random, ids: runtime.ids, log }, database, checks,
    intervalSeconds: settings.audit_interval, graceSeconds: settings.audit_grace, context: () => ownContext({ ids: runtime.ids, log }, `${service}-auditor`),
  })
  const serving = runtime.bus.serve(auditRpc, service, {
    audit: async () => ({ failed: await auditor.audit() }),
    findings: async (_ctx, { ended }) => ({ findings: await auditor.findings(ended) }),
    repair: (_ctx, { id }) => auditor.repair(id),
  })
  auditor.start()
  return {
    async stop() {
      serving.close()
      await auditor.stop()
    },
  }
}
