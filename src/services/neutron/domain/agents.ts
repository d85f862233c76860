// Which agents live where: kept in memory from their reports, since a report is worth nothing an hour later.
import type { Capabilities } from '#core/context'
import type { AgentRow } from '../db/tables.ts'

export const agentTypes = {
  l2: { type: 'Linux bridge agent', binary: 'neutron-linuxbridge-agent' },
  dhcp: { type: 'DHCP agent', binary: 'neutron-dhcp-agent' },
  l3: { type: 'L3 agent', binary: 'neutron-l3-agent' },
  metadata: { type: 'Metadata agent', binary: 'neutron-metadata-agent' },
} as const

export type AgentKind = keyof typeof agentTypes

export function kindOf(type: string): AgentKind | undefined {
  return (Object.keys(agentTypes) as AgentKind[]).find((each) => agentTypes[each].type === type)
}

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
  /** Only known from the database: it has not reported to this process yet. */
  readonly recalled: boolean
}

export interface AgentRegistry {
  /** @returns true for the first report since the agent started, or since it counted as down */
  reported(report: AgentReport): boolean
  /** What the database knows of agents before they report to this process: they count as alive until they should have. */
  recall(rows: readonly Pick<AgentRow, 'agent_type' | 'host' | 'admin_state_up' | 'configurations' | 'started_at'>[]): void
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
      // The good-bye of one that was followed by another comes late.
      if (report.stopping && before && before.startedAt !== report.startedAt) return false
      const wasAlive = isAlive(before)
      const oldest = agents.keys().next().value
      if (!before && agents.size >= keptAgents && oldest !== undefined) agents.delete(oldest)
      agents.set(key(report.kind, report.host), { ...report, seenAt: clock.now().getTime(), recalled: false })
      return before?.startedAt !== report.startedAt || !wasAlive
    },
    recall(rows) {
      for (const row of rows) {
        const kind = kindOf(row.agent_type)
        if (kind === undefined || agents.has(key(kind, row.host))) continue
        const configurations = JSON.parse(row.configurations) as Readonly<Record<string, unknown>>
        agents.set(key(kind, row.host), { kind, host: row.host, startedAt: row.started_at, configurations, load: 0, stopping: false, seenAt: clock.now().getTime(), recalled: true })
        if (row.admin_state_up === 0) disabled.add(key(kind, row.host))
      }
    },
    all: () => [...agents.values()],
    find: (kind, host) => agents.get(key(kind, host)),
    isAlive,
    choose(kind) {
      const living = [...agents.values()].filter((agent) => agent.kind === kind && isAlive(agent) && !disabled.has(key(kind, agent.host)))
      return living.sort((a, b) => Number(a.recalled) - Number(b.recalled) || a.load - b.load || (a.host < b.host ? -1 : 1))[0]
    },
    disable(kind, host, off) {
      if (off) disabled.add(key(kind, host))
      else disabled.delete(key(kind, host))
    },
    forget: (kind, host) => void agents.delete(key(kind, host)),
  }
}
