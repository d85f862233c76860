// Compute hosts: their services and nodes in the cell, and the aggregates that give them zones.
import { type Db, type Selectable, sql } from '#core/db'
import type { ApiTables } from './api-tables.ts'
import type { CellTables, ComputeNodeRow, ServiceRow } from './cell-tables.ts'

export type ComputeNode = Selectable<ComputeNodeRow>
export type ServiceEntry = Selectable<ServiceRow>

export async function upsertService(tx: Db<CellTables>, service: { host: string; binary: string; topic: string }, uuid: string, now: string, seen: string | null): Promise<'made' | 'known'> {
  const known = await tx.selectFrom('services').select('id').where('host', '=', service.host).where('binary', '=', service.binary).executeTakeFirst()
  if (known) {
    await tx.updateTable('services').set({ last_seen_up: seen, updated_at: now }).where('id', '=', known.id).execute()
    return 'known'
  }
  await tx.insertInto('services').values({
    uuid, ...service, disabled: 0, disabled_reason: null, forced_down: 0, version: 66, last_seen_up: seen, created_at: now, updated_at: now,
  }).execute()
  return 'made'
}

/** @returns the node's id, a new one only when the host was not known */
export async function upsertNode(tx: Db<CellTables>, node: Omit<ComputeNode, 'id' | 'uuid' | 'created_at' | 'updated_at'>, uuid: string, now: string): Promise<string> {
  const known = await tx.selectFrom('compute_nodes').select('uuid').where('host', '=', node.host).where('hypervisor_hostname', '=', node.hypervisor_hostname).executeTakeFirst()
  if (known) {
    await tx.updateTable('compute_nodes').set({ ...node, updated_at: now }).where('uuid', '=', known.uuid).execute()
    return known.uuid
  }
  await tx.insertInto('compute_nodes').values({ ...node, uuid, created_at: now, updated_at: now }).execute()
  return uuid
}

export async function listComputeNodes(db: Db<CellTables>): Promise<ComputeNode[]> {
  return db.selectFrom('compute_nodes').selectAll().orderBy('id').execute()
}

export async function listServices(db: Db<CellTables>, binary?: string): Promise<ServiceEntry[]> {
  return db.selectFrom('services').selectAll().$if(binary !== undefined, (query) => query.where('binary', '=', binary ?? '')).orderBy('id').execute()
}

export interface HostAggregate {
  readonly id: number
  readonly name: string
  readonly host: string
  readonly metadata: Readonly<Record<string, string>>
}

/** One entry per aggregate and host in it. */
export async function listHostAggregates(db: Db<ApiTables>): Promise<HostAggregate[]> {
  const hosts = await db.selectFrom('aggregate_hosts').innerJoin('aggregates', 'aggregates.id', 'aggregate_hosts.aggregate_id')
    .select(['aggregates.id', 'aggregates.name', 'aggregate_hosts.host']).execute()
  if (hosts.length === 0) return []
  const metadata = Map.groupBy(await db.selectFrom('aggregate_metadata').selectAll().execute(), (row) => row.aggregate_id)
  return hosts.map((row) => ({ ...row, metadata: Object.fromEntries((metadata.get(row.id) ?? []).map(({ key, value }) => [key, value])) }))
}

export async function findService(db: Db<CellTables>, host: string, binary: string): Promise<ServiceEntry | undefined> {
  return db.selectFrom('services').selectAll().where('host', '=', host).where('binary', '=', binary).executeTakeFirst()
}

/** Servers of each host, and those on which something is being done. */
export async function countServers(db: Db<CellTables>): Promise<ReadonlyMap<string, { readonly servers: number; readonly tasks: number }>> {
  const rows = await db.selectFrom('instances')
    .select(['host', sql<number>`count(*)`.as('servers'), sql<number>`sum(case when task_state is null then 0 else 1 end)`.as('tasks')])
    .where('host', 'is not', null).where('deleted', '=', 0).groupBy('host').execute()
  return new Map(rows.map(({ host, servers, tasks }) => [host ?? '', { servers: Number(servers), tasks: Number(tasks) }]))
}

export async function isMapped(db: Db<ApiTables>, host: string): Promise<boolean> {
  return (await db.selectFrom('host_mappings').select('host').where('host', '=', host).executeTakeFirst()) !== undefined
}

/** Which cell a host is in; one that is mapped already stays so. */
export async function mapHost(tx: Db<ApiTables>, host: string, cell: string, now: string): Promise<void> {
  await tx.insertInto('host_mappings').values({ host, cell, created_at: now }).onConflict((conflict) => conflict.doNothing()).execute()
}
