// What the auditors of all services have found, gathered for `nimbo doctor`, and their repairs.
import { auditRpc, type Finding } from '#core/audit'
import type { Capabilities } from '#core/context'
import { AppError, NotFound } from '#core/errors'
import { type Bus, rpcClient } from '#core/rpc'
import { ownContext, type ServiceName } from '#core/service'

export interface FindingView {
  readonly id: string
  readonly service: string
  readonly kind: string
  readonly resource: string
  readonly host?: string
  readonly message: string
  readonly advice: string
  readonly remedy: Finding['remedy']
  readonly state: Finding['state']
  readonly first_seen: string
  readonly last_seen: string
  readonly ended_at?: string
  readonly age_seconds: number
  readonly tries: number
  readonly done: string
}

export interface Diagnosis {
  readonly findings: readonly FindingView[]
  /** Services whose auditor does not answer. */
  readonly silent: readonly string[]
  /** Comparisons that could not be made just now. */
  readonly failed: readonly string[]
}

export interface Doctor {
  findings(ended: boolean): Promise<Diagnosis>
  /** Look at everything first. */
  audit(): Promise<Diagnosis>
  /** @throws NotFound, and what the repair itself says when there is none */
  repair(id: string): Promise<FindingView>
}

/** Services that have an auditor. */
const audited: readonly ServiceName[] = ['glance', 'cinder', 'neutron', 'nova']

export function createDoctor(bus: Bus, capabilities: Capabilities, running: readonly ServiceName[] = audited): Doctor {
  const { clock } = capabilities
  const services = audited.filter((name) => running.includes(name))
  const auditors = rpcClient(bus, capabilities, auditRpc)
  const ctx = () => ownContext(capabilities, 'doctor')
  const view = (service: string, { check: _check, firstSeen, lastSeen, endedAt, host, ...rest }: Finding): FindingView => ({
    ...rest, service, first_seen: firstSeen, last_seen: lastSeen, ...(host !== '' && { host }), ...(endedAt !== null && { ended_at: endedAt }),
    age_seconds: Math.max(0, Math.round((clock.now().getTime() - Date.parse(firstSeen)) / 1000)),
  })

  async function findings(ended: boolean, failed: readonly string[] = []): Promise<Diagnosis> {
    const [found, silent]: [FindingView[], string[]] = [[], []]
    for (const service of services) {
      try {
        const { findings: own } = await auditors.on(service).findings(ctx(), { ended })
        found.push(...own.map((each) => view(service, each)))
      } catch (error) {
        if (!(error instanceof AppError) || error.status < 500) throw error
        silent.push(service)
      }
    }
    return { findings: found, silent, failed }
  }

  return {
    findings: (ended) => findings(ended),
    async audit() {
      const failed = await Promise.all(services.map((service) => auditors.on(service).audit(ctx(), {})
        .then(({ failed: checks }) => checks.map((check) => `${service}: ${check}`), (error: unknown) => {
          if (error instanceof AppError && error.status === 503) return []
          return [`${service}: everything`]
        })))
      return findings(false, failed.flat())
    },
    async repair(id) {
      for (const service of services) {
        const { findings: own } = await auditors.on(service).findings(ctx(), { ended: false })
        if (own.some((each) => each.id === id)) return view(service, await auditors.on(service).repair(ctx(), { id }))
      }
      throw new NotFound('There is no open finding of this id.')
    },
  }
}
