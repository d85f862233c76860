// Which agents live where: kept in memory from their reports, since a report is worth nothing an hour later.
import type { Capabilities } from '#core/context'

export const agentTypes = {
  l2: { type: 'Linux bridge agent', binary: 'neutron-linuxbridge-agent' },
  dhcp: { type: 'DHCP agent', binary: 'neutron-dhcp-agent' },
  l3: { type: 'L3 agent', binary: 'neutron-l3-agent' },
  metadata: { type: 'Metadata agent', binary: 'neutron-metadata-agent' },
} as const

export type AgentKind = keyof typeof agentTypes

export interface AgentReport {
  readonly kind: AgentKind
  readonly host: string
  readonly startedAt: string
  readonly configurations: Readonly<Record<string, unknown>>
  /** What it carries now; the least loaded is chosen for new work. */
  readonly load: number
  /** It leaves on purpose. */
  readonly stopping: boolean
}

export interface KnownAgent extends AgentReport {
  readonly seenAt: number
}

export interface AgentRegistry {
  /** @returns true for the first report since the agent started */
  reported(report: AgentReport): boolean
  all(): readonly KnownAgent[]
  find(kind: AgentKind, host: string): KnownAgent | undefined
  isAlive(agent: KnownAgent | undefined): boolean
  /** The living agent of a kind with the least to carry. */
  choose(kind: AgentKind): KnownAgent | undefined
  disable(kind: AgentKind, host: string, disabled: boolean): void
  forget(kind: AgentKind, host: string): void
}

/** More hosts than one control plane serves; beyond it the oldest report is forgotten. */
const keptAgents = 10_000

export function createAgentRegistry({ clock }: Pick<Capabilities, 'clock'>, downSeconds: number): AgentRegistry {
  const agents = new Map<string, KnownAgent>()
  const disabled = new Set<string>()
  const key = (kind: AgentKind, host: string) => `${kind} ${host}`
  const isAlive = (agent: KnownAgent | undefined) => agent !== undefined && !agent.stopping && clock.now().getTime() - agent.seenAt < downSeconds * 1000
  return {
    reported(report) {
      const before = agents.get(key(report.kind, report.host))
      const oldest = agents.keys().next().value
      if (!before && agents.size >= keptAgents && oldest !== undefined) agents.delete(oldest)
      agents.set(key(report.kind, report.host), { ...report, seenAt: clock.now().getTime() })
      return before?.startedAt !== report.startedAt
    },
    all: () => [...agents.values()],
    find: (kind, host) => agents.get(key(kind, host)),
    isAlive,
    choose(kind) {
      const living = [...agents.values()].filter((agent) => agent.kind === kind && isAlive(agent) && !disabled.has(key(kind, agent.host)))
      return living.sort((a, b) => a.load - b.load || (a.host < b.host ? -1 : 1))[0]
    },
    disable(kind, host, off) {
      if (off) disabled.add(key(kind, host))
      else disabled.delete(key(kind, host))
    },
    forget: (kind, host) => void agents.delete(key(kind, host)),
  }
}
