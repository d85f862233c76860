// Rows of consumers and of what they hold.
import { type Db, sql } from '#core/db'
import type { AllocationRow, ConsumerRow, PlacementTables } from './tables.ts'

type Tables = Db<PlacementTables>

export async function consumersOf(db: Tables, uuids: readonly string[]): Promise<Map<string, ConsumerRow>> {
  const rows = await db.selectFrom('consumers').selectAll().where('uuid', 'in', uuids).execute()
  return new Map(rows.map((row) => [row.uuid, row]))
}

export async function allocationsOf(db: Tables, consumers: readonly string[]): Promise<AllocationRow[]> {
  if (consumers.length === 0) return []
  return db.selectFrom('allocations').selectAll().where('consumer_uuid', 'in', consumers).execute()
}

export async function allocationsFrom(db: Tables, provider: string) {
  return db.selectFrom('allocations').innerJoin('consumers', 'consumers.uuid', 'allocations.consumer_uuid')
    .select(['allocations.consumer_uuid', 'allocations.resource_class', 'allocations.used', 'allocations.created_at', 'consumers.generation'])
    .where('allocations.provider_uuid', '=', provider).execute()
}

export async function deleteAllocationsOf(tx: Tables, consumers: readonly string[]): Promise<void> {
  if (consumers.length > 0) await tx.deleteFrom('allocations').where('consumer_uuid', 'in', consumers).execute()
}

export async function deleteConsumers(tx: Tables, consumers: readonly string[]): Promise<void> {
  if (consumers.length > 0) await tx.deleteFrom('consumers').where('uuid', 'in', consumers).execute()
}

const insertAtOnce = 100

export async function insertAllocations(tx: Tables, rows: readonly AllocationRow[]): Promise<void> {
  for (let at = 0; at < rows.length; at += insertAtOnce) await tx.insertInto('allocations').values(rows.slice(at, at + insertAtOnce)).execute()
}

export async function insertConsumers(tx: Tables, rows: readonly ConsumerRow[]): Promise<void> {
  for (let at = 0; at < rows.length; at += insertAtOnce) await tx.insertInto('consumers').values(rows.slice(at, at + insertAtOnce)).execute()
}

/** @returns false when its generation is no longer the one that was read */
export async function updateConsumer(tx: Tables, generation: number, row: ConsumerRow): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('consumers')
    .set({ project_id: row.project_id, user_id: row.user_id, consumer_type: row.consumer_type, generation: row.generation, updated_at: row.updated_at })
    .where('uuid', '=', row.uuid).where('generation', '=', generation).executeTakeFirstOrThrow()
  return numUpdatedRows === 1n
}

export interface UsageOf {
  readonly projectId: string
  readonly userId?: string | undefined
  /** `unknown` stands for consumers without a type. */
  readonly consumerType?: string | undefined
}

function ofOwner(db: Tables, { projectId, userId, consumerType }: UsageOf) {
  let query = db.selectFrom('consumers').innerJoin('allocations', 'allocations.consumer_uuid', 'consumers.uuid').where('consumers.project_id', '=', projectId)
  if (userId !== undefined) query = query.where('consumers.user_id', '=', userId)
  if (consumerType === 'unknown') query = query.where('consumers.consumer_type', 'is', null)
  else if (consumerType !== undefined && consumerType !== 'all') query = query.where('consumers.consumer_type', '=', consumerType)
  return query
}

export async function usagesByClass(db: Tables, of: UsageOf) {
  return ofOwner(db, of).select(['allocations.resource_class']).select((each) => each.fn.sum<number>('allocations.used').as('used'))
    .groupBy('allocations.resource_class').execute()
}

export async function usagesByType(db: Tables, of: UsageOf) {
  return ofOwner(db, of).select(['consumers.consumer_type', 'allocations.resource_class'])
    .select((each) => each.fn.sum<number>('allocations.used').as('used'))
    .groupBy(['consumers.consumer_type', 'allocations.resource_class']).execute()
}

export async function consumersByType(db: Tables, of: UsageOf) {
  return ofOwner(db, of).select('consumers.consumer_type').select(sql<number>`count(distinct consumers.uuid)`.as('count')).groupBy('consumers.consumer_type').execute()
}
