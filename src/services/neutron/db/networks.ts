// Networks with their segments, subnets and tags.
import { type Db, isUniqueViolation, type SqlBool, sql } from '#core/db'
import type { Random } from '#core/context'
import { type Condition, grouped, listed, type ListOf, type ListRequest, listRows, rowsBy, tagFilters } from './list.ts'
import type { LooseDb } from './loose.ts'
import type { NetworkRow, NeutronTables, SegmentRow } from './tables.ts'

export type Tx = Db<NeutronTables>

export interface NetworkRecord {
  readonly row: NetworkRow
  readonly segment: SegmentRow | undefined
  readonly subnetIds: readonly string[]
  readonly tags: readonly string[]
}

export const networkList: ListOf = {
  table: 'networks',
  columns: listed('networks', { texts: ['name', 'status'], flags: ['admin_state_up', 'shared', 'is_default', 'port_security_enabled'], numbers: ['mtu'] }, {
    'router:external': { column: 'networks.external', kind: 'flag' },
  }),
  special: {
    ...tagFilters('networks'),
    'provider:network_type': (values) => bySegment('network_type', values),
    'provider:physical_network': (values) => bySegment('physical_network', values),
    'provider:segmentation_id': (values) => bySegment('segmentation_id', values.map(Number)),
    subnets: (values) => sql<SqlBool>`networks.id in (select network_id from subnets where id in (${sql.join(values)}))`,
  },
}

function bySegment(column: string, values: readonly (string | number)[]): Condition {
  return sql<SqlBool>`networks.id in (select network_id from segments where ${sql.ref(column)} in (${sql.join(values)}))`
}

/** What a project sees: its own networks, shared ones, external ones. */
export function networksOf(projectId: string): Condition {
  return sql<SqlBool>`(networks.project_id = ${projectId} or networks.shared = 1 or networks.external = 1)`
}

async function complete(db: Tx, rows: readonly NetworkRow[]): Promise<NetworkRecord[]> {
  const ids = rows.map((row) => row.id)
  if (ids.length === 0) return []
  const segments = grouped(await rowsBy<SegmentRow>(db, 'segments', 'network_id', ids), 'network_id')
  const subnets = grouped(await subnetIds(db, ids), 'network_id')
  const tags = grouped(await tagsOf(db, ids), 'resource_id')
  return rows.map((row) => ({
    row, segment: segments.get(row.id)?.[0],
    subnetIds: (subnets.get(row.id) ?? []).map((subnet) => subnet.id), tags: (tags.get(row.id) ?? []).map((tag) => tag.tag),
  }))
}

async function subnetIds(db: Tx, networkIds: readonly string[]): Promise<{ id: string; network_id: string }[]> {
  const rows: { id: string; network_id: string }[] = []
  for (let at = 0; at < networkIds.length; at += 500) {
    rows.push(...await db.selectFrom('subnets').select(['id', 'network_id']).where('network_id', 'in', networkIds.slice(at, at + 500)).orderBy('created_at').execute())
  }
  return rows
}

export function tagsOf(db: Tx, ids: readonly string[]): Promise<{ resource_id: string; tag: string }[]> {
  return rowsBy(db, 'tags', 'resource_id', ids, 'tag')
}

export async function listNetworks(db: Tx, request: ListRequest, scope?: Condition): Promise<NetworkRecord[]> {
  return complete(db, await listRows<NetworkRow>(db, networkList, request, scope))
}

export async function networkRow(db: Tx, id: string): Promise<NetworkRow | undefined> {
  return db.selectFrom('networks').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function networkRows(db: Tx, ids: readonly string[]): Promise<NetworkRow[]> {
  return rowsBy<NetworkRow>(db, 'networks', 'id', ids)
}

export async function networkRecord(db: Tx, id: string): Promise<NetworkRecord | undefined> {
  const row = await networkRow(db, id)
  return row && (await complete(db, [row]))[0]
}

export async function segmentOf(db: Tx, networkId: string): Promise<SegmentRow | undefined> {
  return db.selectFrom('segments').selectAll().where('network_id', '=', networkId).executeTakeFirst()
}

export async function segmentsOf(db: Tx, networkIds: readonly string[]): Promise<SegmentRow[]> {
  return rowsBy<SegmentRow>(db, 'segments', 'network_id', networkIds)
}

export async function insertNetwork(tx: Tx, row: NetworkRow): Promise<void> {
  await tx.insertInto('networks').values(row).execute()
}

/** @returns false when the segment is another network's */
export async function insertSegment(tx: Tx, row: SegmentRow): Promise<boolean> {
  try {
    await tx.insertInto('segments').values(row).execute()
    return true
  } catch (error) {
    if (isUniqueViolation(error)) return false
    throw error
  }
}

/** A number in the range that no network of the type has, or undefined when all are taken. */
export async function freeSegmentationId(tx: Tx, type: string, [from, to]: readonly [number, number], random: Random): Promise<number | undefined> {
  const tries = Array.from({ length: 8 }, () => from + random.integer(to - from + 1))
  const taken = new Set((await tx.selectFrom('segments').select('segmentation_id').where('network_type', '=', type).where('segmentation_id', 'in', tries).execute()).map((row) => row.segmentation_id))
  const free = tries.find((id) => !taken.has(id))
  if (free !== undefined) return free
  const all = new Set((await tx.selectFrom('segments').select('segmentation_id').where('network_type', '=', type).execute()).map((row) => row.segmentation_id))
  for (let id = from; id <= to; id++) if (!all.has(id)) return id
  return undefined
}

/** @returns false when the row is gone or, with `revision`, has changed since */
export async function updateRow(tx: Tx, table: 'networks' | 'subnets' | 'ports' | 'routers' | 'floating_ips' | 'security_groups', id: string, set: Readonly<Record<string, unknown>>, now: string): Promise<boolean> {
  const { numUpdatedRows } = await (tx as LooseDb).updateTable(table)
    .set((expression) => ({ ...set, updated_at: now, revision_number: expression('revision_number', '+', 1) })).where('id', '=', id).executeTakeFirstOrThrow()
  return numUpdatedRows === 1n
}

export async function deleteNetworkRow(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('networks').where('id', '=', id).execute()
}

export async function deleteTags(tx: Tx, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await tx.deleteFrom('tags').where('resource_id', 'in', [...ids]).execute()
}
