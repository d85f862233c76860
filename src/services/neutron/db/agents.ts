// What is kept of agents beyond their reports: identity, what an administrator said, and which host serves a network's DHCP.
import type { Tx } from './networks.ts'
import type { AgentRow } from './tables.ts'

export async function agentRows(db: Tx): Promise<AgentRow[]> {
  return db.selectFrom('agents').selectAll().orderBy('id').execute()
}

export async function agentRow(db: Tx, id: string): Promise<AgentRow | undefined> {
  return db.selectFrom('agents').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function agentOf(db: Tx, type: string, host: string): Promise<AgentRow | undefined> {
  return db.selectFrom('agents').selectAll().where('agent_type', '=', type).where('host', '=', host).executeTakeFirst()
}

export async function insertAgent(tx: Tx, row: AgentRow): Promise<void> {
  await tx.insertInto('agents').values(row).execute()
}

export async function setAgent(tx: Tx, id: string, set: Partial<AgentRow>): Promise<void> {
  if (Object.keys(set).length > 0) await tx.updateTable('agents').set(set).where('id', '=', id).execute()
}

/** @returns whether there was something that it missed; from here on nothing is, but what comes later */
export async function takeMissed(tx: Tx, type: string, host: string): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('agents').set({ missed: 0 }).where('agent_type', '=', type).where('host', '=', host).where('missed', '=', 1).executeTakeFirstOrThrow()
  return numUpdatedRows === 1n
}

export async function setMissed(tx: Tx, type: string, host: string): Promise<void> {
  await tx.updateTable('agents').set({ missed: 1 }).where('agent_type', '=', type).where('host', '=', host).execute()
}

export async function deleteAgentRow(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('agents').where('id', '=', id).execute()
}

export async function dhcpHost(db: Tx, networkId: string): Promise<string | undefined> {
  return (await db.selectFrom('dhcp_bindings').select('host').where('network_id', '=', networkId).executeTakeFirst())?.host
}

export async function dhcpNetworks(db: Tx, host: string): Promise<string[]> {
  return (await db.selectFrom('dhcp_bindings').select('network_id').where('host', '=', host).execute()).map((row) => row.network_id)
}

/** Networks with DHCP that no host serves yet. */
export async function unservedNetworks(db: Tx): Promise<string[]> {
  const rows = await db.selectFrom('subnets').select('network_id').distinct().where('enable_dhcp', '=', 1)
    .where('network_id', 'not in', (inner) => inner.selectFrom('dhcp_bindings').select('network_id')).execute()
  return rows.map((row) => row.network_id)
}

export async function bindDhcp(tx: Tx, networkId: string, host: string): Promise<void> {
  await tx.insertInto('dhcp_bindings').values({ network_id: networkId, host }).execute()
}

export async function unbindDhcp(tx: Tx, networkId: string): Promise<void> {
  await tx.deleteFrom('dhcp_bindings').where('network_id', '=', networkId).execute()
}
