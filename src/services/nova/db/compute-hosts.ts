// Services and compute nodes of a cell one by one and in pages, and the servers that they carry.
import { contains, type Db, sql, type Updateable } from '#core/db'
import type { CellTables, ServiceRow } from './cell-tables.ts'
import type { ComputeNode, ServiceEntry } from './hosts.ts'

/** Before 2.53 both are known by number, from then on by UUID. */
export type Reference = { readonly id: number } | { readonly uuid: string }

export async function findService(db: Db<CellTables>, by: Reference | { readonly host: string; readonly binary: string }): Promise<ServiceEntry | undefined> {
  const all = db.selectFrom('services').selectAll()
  if ('id' in by) return all.where('id', '=', by.id).executeTakeFirst()
  if ('uuid' in by) return all.where('uuid', '=', by.uuid).executeTakeFirst()
  return all.where('host', '=', by.host).where('binary', '=', by.binary).executeTakeFirst()
}

export async function updateService(tx: Db<CellTables>, id: number, change: Updateable<ServiceRow>): Promise<void> {
  await tx.updateTable('services').set(change).where('id', '=', id).execute()
}

/** @returns false, and nothing is deleted, while the host of a compute service carries servers */
export async function deleteService(tx: Db<CellTables>, service: ServiceEntry): Promise<boolean> {
  if (service.binary === 'nova-compute') {
    if (await countServersOn(tx, [service.host]) > 0) return false
    await tx.deleteFrom('compute_nodes').where('host', '=', service.host).execute()
  }
  await tx.deleteFrom('services').where('id', '=', service.id).execute()
  return true
}

export async function findNode(db: Db<CellTables>, by: Reference): Promise<ComputeNode | undefined> {
  const all = db.selectFrom('compute_nodes').selectAll()
  return ('id' in by ? all.where('id', '=', by.id) : all.where('uuid', '=', by.uuid)).executeTakeFirst()
}

export async function nodesOf(db: Db<CellTables>, host: string): Promise<ComputeNode[]> {
  return db.selectFrom('compute_nodes').selectAll().where('host', '=', host).execute()
}

/** In the order in which they came, after a node. */
export async function pageNodes(db: Db<CellTables>, page: { readonly limit: number; readonly after?: number }): Promise<ComputeNode[]> {
  let query = db.selectFrom('compute_nodes').selectAll().orderBy('id')
  if (page.after !== undefined) query = query.where('id', '>', page.after)
  return query.limit(page.limit).execute()
}

/** Nodes whose name has the text somewhere in it; `%` and `_` stand for themselves. */
export async function nodesLike(db: Db<CellTables>, text: string): Promise<ComputeNode[]> {
  return db.selectFrom('compute_nodes').selectAll().where(contains('hypervisor_hostname', text)).orderBy('id').execute()
}

export interface HostUse {
  readonly vcpus: number
  readonly memoryMiB: number
  /** The root disk of a server that is booted from a volume is none of the host's. */
  readonly diskGiB: number
  /** Servers on which something is being done. */
  readonly busy: number
}

export async function useByHost(db: Db<CellTables>, hosts: readonly string[]): Promise<ReadonlyMap<string, HostUse>> {
  if (hosts.length === 0) return new Map()
  const rows = await db.selectFrom('instances')
    .select([
      'host', sql<number>`sum(vcpus)`.as('vcpus'), sql<number>`sum(memory_mb)`.as('memory'),
      sql<number>`sum(ephemeral_gb + case when coalesce(image_ref, '') = '' then 0 else root_gb end)`.as('disk'),
      sql<number>`sum(case when task_state is null then 0 else 1 end)`.as('busy'),
    ])
    .where('host', 'in', hosts).where('deleted', '=', 0).groupBy('host').execute()
  return new Map(rows.map((row) => [row.host ?? '', { vcpus: Number(row.vcpus), memoryMiB: Number(row.memory), diskGiB: Number(row.disk), busy: Number(row.busy) }]))
}

export async function serversByHost(db: Db<CellTables>, hosts: readonly string[]): Promise<ReadonlyMap<string, readonly { readonly id: number; readonly uuid: string }[]>> {
  if (hosts.length === 0) return new Map()
  const rows = await db.selectFrom('instances').select(['host', 'id', 'uuid']).where('host', 'in', hosts).where('deleted', '=', 0).orderBy('id').execute()
  return Map.groupBy(rows, (row) => row.host ?? '')
}

export async function countServersOn(db: Db<CellTables>, hosts: readonly string[]): Promise<number> {
  if (hosts.length === 0) return 0
  const row = await db.selectFrom('instances').select(sql<number>`count(*)`.as('count')).where('host', 'in', hosts).where('deleted', '=', 0).executeTakeFirstOrThrow()
  return Number(row.count)
}
