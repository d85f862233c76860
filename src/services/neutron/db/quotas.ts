// Quotas: limits of a project's own, and counts of what it has.
import type { Tx } from './networks.ts'
import { sql } from '#core/db'
import type { LooseDb } from './loose.ts'

export async function ownLimits(db: Tx, projectId: string): Promise<Map<string, number>> {
  const rows = await db.selectFrom('quotas').selectAll().where('project_id', '=', projectId).execute()
  return new Map(rows.map((row) => [row.resource, row.amount]))
}

export async function ownLimit(db: Tx, projectId: string, resource: string): Promise<number | undefined> {
  const row = await db.selectFrom('quotas').select('amount').where('project_id', '=', projectId).where('resource', '=', resource).executeTakeFirst()
  return row?.amount
}

export async function allLimits(db: Tx): Promise<{ project_id: string; resource: string; amount: number }[]> {
  return db.selectFrom('quotas').selectAll().orderBy('project_id').execute()
}

export async function saveLimit(tx: Tx, projectId: string, resource: string, amount: number): Promise<void> {
  const { numUpdatedRows } = await tx.updateTable('quotas').set({ amount }).where('project_id', '=', projectId).where('resource', '=', resource).executeTakeFirstOrThrow()
  if (numUpdatedRows === 0n) await tx.insertInto('quotas').values({ project_id: projectId, resource, amount }).execute()
}

export async function deleteLimits(tx: Tx, projectId: string): Promise<boolean> {
  const { numDeletedRows } = await tx.deleteFrom('quotas').where('project_id', '=', projectId).executeTakeFirstOrThrow()
  return numDeletedRows > 0n
}

/** Rows of a project, counted up to `atMost`: more is not asked for. */
export async function countRows(db: Tx, table: string, projectId: string, atMost: number): Promise<number> {
  const counted = await (db as LooseDb)
    .selectFrom((from) => from.selectFrom(table).select(sql`1`.as('one')).where('project_id', '=', projectId).limit(atMost).as('some'))
    .select((count) => count.fn.countAll().as('count')).executeTakeFirstOrThrow()
  return Number((counted as { count: number }).count)
}
