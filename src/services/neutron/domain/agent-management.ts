// Agents as administrators see them: what is kept of them, joined with their last report.
import { agentRow, agentRows, deleteAgentRow, dhcpHost, dhcpNetworks, setAgent } from '../db/agents.ts'
import { networkRecord } from '../db/networks.ts'
import { routerRecord, routersOnHost } from '../db/routers.ts'
import type { AgentRow } from '../db/tables.ts'
import { AgentNotFound, NetworkNotFound, RouterNotFound } from '../model/errors.ts'
import { bit, toFlag } from './access.ts'
import { type AgentKind, kindOf, type KnownAgent } from './agents.ts'
import type { Neutron } from './neutron.ts'

export interface AgentRecord {
  readonly row: AgentRow
  readonly kind: AgentKind
  readonly known: KnownAgent | undefined
  readonly alive: boolean
}

function record(neutron: Neutron, row: AgentRow): AgentRecord {
  const kind = kindOf(row.agent_type) ?? 'l2'
  const known = neutron.agents.find(kind, row.host)
  return { row, kind, known, alive: neutron.agents.isAlive(known) }
}

export async function listAgents(neutron: Neutron): Promise<AgentRecord[]> {
  return (await agentRows(neutron.database.read)).map((row) => record(neutron, row))
}

export async function findAgent(neutron: Neutron, id: string): Promise<AgentRecord> {
  const row = await agentRow(neutron.database.read, id)
  if (!row) throw new AgentNotFound(`Agent ${id} could not be found.`)
  return record(neutron, row)
}

export async function updateAgent(neutron: Neutron, id: string, body: { admin_state_up?: unknown; description?: string | null }): Promise<AgentRecord> {
  const { row, kind } = await findAgent(neutron, id)
  const up = toFlag(body.admin_state_up, row.admin_state_up === 1)
  await neutron.database.transaction((tx) => setAgent(tx, id, { admin_state_up: bit(up), ...(body.description !== undefined && { description: body.description ?? '' }) }))
  neutron.agents.disable(kind, row.host, !up)
  return findAgent(neutron, id)
}

export async function deleteAgent(neutron: Neutron, id: string): Promise<void> {
  const { row, kind } = await findAgent(neutron, id)
  await neutron.database.transaction((tx) => deleteAgentRow(tx, id))
  neutron.agents.forget(kind, row.host)
}

async function agentsAt(neutron: Neutron, kind: AgentKind, host: string | undefined): Promise<AgentRecord[]> {
  return (await listAgents(neutron)).filter((agent) => agent.kind === kind && agent.row.host === host)
}

export async function dhcpAgentsOf(neutron: Neutron, networkId: string): Promise<AgentRecord[]> {
  if (!(await networkRecord(neutron.database.read, networkId))) throw new NetworkNotFound(`Network ${networkId} could not be found.`)
  return agentsAt(neutron, 'dhcp', await dhcpHost(neutron.database.read, networkId))
}

export async function l3AgentsOf(neutron: Neutron, routerId: string): Promise<AgentRecord[]> {
  const router = await routerRecord(neutron.database.read, routerId)
  if (!router) throw new RouterNotFound(`Router ${routerId} could not be found`)
  return agentsAt(neutron, 'l3', router.row.host)
}

export async function networksOfAgent(neutron: Neutron, id: string) {
  const { row, kind } = await findAgent(neutron, id)
  const ids = kind === 'dhcp' ? await dhcpNetworks(neutron.database.read, row.host) : []
  return (await Promise.all(ids.map((networkId) => networkRecord(neutron.database.read, networkId)))).flatMap((each) => each ?? [])
}

export async function routersOfAgent(neutron: Neutron, id: string) {
  const { row, kind } = await findAgent(neutron, id)
  const rows = kind === 'l3' ? await routersOnHost(neutron.database.read, row.host) : []
  return (await Promise.all(rows.map((router) => routerRecord(neutron.database.read, router.id)))).flatMap((each) => each ?? [])
}

