// The auditor of a service in a test: rounds at once, findings in short.
import { auditRpc, type Finding } from '#core/audit'
import { systemClock, systemIds, systemRandom } from '#core/context'
import { silentLog } from '#core/observe'
import { rpcClient } from '#core/rpc'
import { ownContext, type ServiceName } from '#core/service'
import type { TestCloud } from './index.ts'

/** For the configuration of a cloud whose auditors are asked, and do not go rounds of their own. */
export const quickAudit = { audit_interval: 3600, audit_grace: 0.02 }

export interface TestAuditor {
  /** A look, and another one at what was new. @returns the findings that are open then */
  audit(): Promise<Finding[]>
  /** The same, with all that ended, as `kind resource state`. */
  history(): Promise<string[]>
  repair(id: string): Promise<Finding>
}

export function auditorOf(cloud: Pick<TestCloud, 'bus'>, service: ServiceName): TestAuditor {
  const capabilities = { clock: systemClock, random: systemRandom, ids: systemIds, log: silentLog }
  const auditor = rpcClient(cloud.bus, capabilities, auditRpc).on(service)
  const ctx = () => ownContext(capabilities, 'test')
  const audit = async () => {
    const { failed } = await auditor.audit(ctx(), {})
    if (failed.length > 0) throw new Error(`not compared: ${failed.join(', ')}`)
    return (await auditor.findings(ctx(), { ended: false })).findings
  }
  return {
    audit,
    async history() {
      await audit()
      return (await auditor.findings(ctx(), { ended: true })).findings.map(({ kind, resource, state }) => `${kind} ${resource} ${state}`).sort()
    },
    repair: (id) => auditor.repair(ctx(), { id }),
  }
}
