// Host aggregates in the database, with their hosts and metadata; a zone is the metadata `availability_zone`.
import { type Db, type Selectable, type Updateable } from '#core/db'
import type { Aggregate } from '../model/aggregate.ts'
import type { AggregateRow, ApiTables } from './api-tables.ts'

async function complete(db: Db<ApiTables>, rows: readonly Selectable<AggregateRow>[]): Promise<Aggregate[]> {
  if (rows.length === 0) return []
  const ids = rows.map((row) => row.id)
  const hosts = Map.groupBy(await db.selectFrom('aggregate_hosts').selectAll().where('aggregate_id', 'in', ids).orderBy('host').execute(), (row) => row.aggregate_id)
  const metadata = Map.groupBy(await db.selectFrom('aggregate_metadata').selectAll().where('aggregate_id', 'in', ids).orderBy('key').execute(), (row) => row.aggregate_id)
  return rows.map((row) => ({
    id: row.id, uuid: row.uuid, name: row.name, createdAt: row.created_at, updatedAt: row.updated_at,
    hosts: (hosts.get(row.id) ?? []).map(({ host }) => host),
    metadata: Object.fromEntries((metadata.get(row.id) ?? []).map(({ key, value }) => [key, value])),
  }))
}

export async function listAggregates(db: Db<ApiTables>): Promise<Aggregate[]> {
  return complete(db, await db.selectFrom('aggregates').selectAll().orderBy('id').execute())
}

export async function findAggregate(db: Db<ApiTables>, id: number): Promise<Aggregate | undefined> {
  const row = await db.selectFrom('aggregates').selectAll().where('id', '=', id).executeTakeFirst()
  return row && (await complete(db, [row]))[0]
}

export async function insertAggregate(tx: Db<ApiTables>, aggregate: { readonly uuid: string; readonly name: string }, now: string): Promise<number> {
  await tx.insertInto('aggregates').values({ ...aggregate, created_at: now, updated_at: null }).execute()
  return (await tx.selectFrom('aggregates').select('id').where('uuid', '=', aggregate.uuid).executeTakeFirstOrThrow()).id
}

export async function updateAggregate(tx: Db<ApiTables>, id: number, change: Updateable<AggregateRow>): Promise<void> {
  await tx.updateTable('aggregates').set(change).where('id', '=', id).execute()
}

/** What has no value is removed, what is not named stays. */
export async function mergeMetadata(tx: Db<ApiTables>, id: number, metadata: Readonly<Record<string, string | null>>): Promise<void> {
  const keys = Object.keys(metadata)
  if (keys.length === 0) return
  await tx.deleteFrom('aggregate_metadata').where('aggregate_id', '=', id).where('key', 'in', keys).execute()
  const rows = Object.entries(metadata).flatMap(([key, value]) => (value === null ? [] : [{ aggregate_id: id, key, value }]))
  if (rows.length > 0) await tx.insertInto('aggregate_metadata').values(rows).execute()
}

export async function addHost(tx: Db<ApiTables>, id: number, host: string): Promise<void> {
  await tx.insertInto('aggregate_hosts').values({ aggregate_id: id, host }).execute()
}

export async function removeHost(tx: Db<ApiTables>, id: number, host: string): Promise<void> {
  await tx.deleteFrom('aggregate_hosts').where('aggregate_id', '=', id).where('host', '=', host).execute()
}

/** The host is gone: no aggregate has it, and no cell. */
export async function forgetHost(tx: Db<ApiTables>, host: string): Promise<void> {
  await tx.deleteFrom('aggregate_hosts').where('host', '=', host).execute()
  await tx.deleteFrom('host_mappings').where('host', '=', host).execute()
}

export async function deleteAggregate(tx: Db<ApiTables>, id: number): Promise<void> {
  await tx.deleteFrom('aggregates').where('id', '=', id).execute()
}

/** The zone of each host that an aggregate puts in one; of one host, or of all. */
export async function zonesByHost(db: Db<ApiTables>, host?: string): Promise<ReadonlyMap<string, string>> {
  const all = db.selectFrom('aggregate_hosts').innerJoin('aggregate_metadata', 'aggregate_metadata.aggregate_id', 'aggregate_hosts.aggregate_id')
    .select(['aggregate_hosts.host', 'aggregate_metadata.value']).where('aggregate_metadata.key', '=', 'availability_zone')
  const rows = await (host === undefined ? all : all.where('aggregate_hosts.host', '=', host)).execute()
  return new Map(rows.map((row) => [row.host, row.value]))
}
