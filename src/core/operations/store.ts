// The SQL of operations. Every write of a worker names the epoch of its lease: with an older one nothing changes.
import type { Identity } from '#core/context'
import { beginsWith, type Db, statement } from '#core/db'
import { errorClass } from '#core/errors'
import type { OperationRow, OperationStepRow, OperationTables } from './tables.ts'

export const LeaseLost = errorClass('LeaseLost', 409, 'operation.lease_lost')

type Tx = Db<OperationTables>

export async function insertOperation(tx: Tx, row: OperationRow): Promise<void> {
  await tx.insertInto('operations').values(row).execute()
}

/** Open operations that nobody holds and whose time has come, the oldest first. */
export async function claimable(db: Tx, now: string, ownerPrefix: string, owner: string, limit: number): Promise<OperationRow[]> {
  const { rows } = await selectClaimable(db, { now, ownerPrefix, owner, limit })
  return rows
}

const selectClaimable = statement((db: Tx, { now, ownerPrefix, owner, limit }: { now: string; ownerPrefix: string; owner: string; limit: number }) =>
  db.selectFrom('operations').selectAll()
    .where('finished_at', 'is', null)
    .where((where) => where.or([where('not_before', 'is', null), where('not_before', '<=', now)]))
    .where((where) => where.or([
      where('lease_owner', 'is', null), where('lease_until', '<', now),
      // Our own former incarnation on this host is gone: its lease ends with it.
      where.and([beginsWith('lease_owner', ownerPrefix), where('lease_owner', '!=', owner)]),
    ]))
    .orderBy('created_at').limit(limit))

/** @returns the new epoch, or undefined when another worker was faster, or the operation was asked to stop since it was read */
export async function lease(tx: Tx, row: Pick<OperationRow, 'id' | 'epoch' | 'cancel_requested'>, owner: string, until: string): Promise<number | undefined> {
  const epoch = row.epoch + 1
  const { numAffectedRows } = await takeLease(tx, { id: row.id, epoch, before: row.epoch, asked: row.cancel_requested, owner, until })
  return numAffectedRows === 1n ? epoch : undefined
}

const takeLease = statement((tx: Tx, { id, epoch, before, asked, owner, until }: { id: string; epoch: number; before: number; asked: number; owner: string; until: string }) =>
  tx.updateTable('operations').set({ lease_owner: owner, lease_until: until, epoch, not_before: null })
    .where('id', '=', id).where('epoch', '=', before).where('cancel_requested', '=', asked).where('finished_at', 'is', null))

/** @returns the operations that this worker holds still, and whether each was asked to stop */
export async function renewLeases(tx: Tx, owner: string, held: readonly string[], until: string): Promise<ReadonlyMap<string, boolean>> {
  await tx.updateTable('operations').set({ lease_until: until }).where('id', 'in', held).where('lease_owner', '=', owner).where('finished_at', 'is', null).execute()
  const rows = await tx.selectFrom('operations').select(['id', 'cancel_requested']).where('lease_owner', '=', owner).where('finished_at', 'is', null).execute()
  return new Map(rows.map(({ id, cancel_requested: asked }) => [id, asked === 1]))
}

/** @throws LeaseLost when a later epoch holds the operation */
export async function updateHeld(tx: Tx, id: string, epoch: number, set: Partial<OperationRow>): Promise<void> {
  const { numUpdatedRows } = await tx.updateTable('operations').set(set)
    .where('id', '=', id).where('epoch', '=', epoch).where('finished_at', 'is', null).executeTakeFirstOrThrow()
  if (numUpdatedRows !== 1n) throw new LeaseLost('Another worker has taken over this operation.', { id, epoch })
}

/** The same for the commonest change: one step further. @throws LeaseLost */
export async function moveOn(tx: Tx, id: string, epoch: number, position: number): Promise<void> {
  const { numAffectedRows } = await setPosition(tx, { id, epoch, position })
  if (numAffectedRows !== 1n) throw new LeaseLost('Another worker has taken over this operation.', { id, epoch })
}

const setPosition = statement((tx: Tx, { id, epoch, position }: { id: string; epoch: number; position: number }) =>
  tx.updateTable('operations').set({ position, attempt: 1 }).where('id', '=', id).where('epoch', '=', epoch).where('finished_at', 'is', null))

/** Ask the open operations on a resource to stop. @returns their ids */
export async function requestCancel(tx: Tx, resourceId: string, { except, kind }: { readonly except?: string; readonly kind?: string }): Promise<string[]> {
  const open = await openOperations(tx, resourceId)
  const ids = open.filter((row) => row.id !== except && (kind === undefined || row.kind === kind)).map(({ id }) => id)
  if (ids.length > 0) await tx.updateTable('operations').set({ cancel_requested: 1, not_before: null }).where('id', 'in', ids).execute()
  return ids
}

export async function openOperations(db: Tx, resourceId: string): Promise<Pick<OperationRow, 'id' | 'kind' | 'created_at'>[]> {
  return db.selectFrom('operations').select(['id', 'kind', 'created_at']).where('resource_id', '=', resourceId).where('finished_at', 'is', null).orderBy('created_at').execute()
}

export async function journalStart(tx: Tx, operationId: string, sequence: number, step: string, phase: 'run' | 'undo', attempt: number, at: string): Promise<void> {
  await insertStep(tx, { operationId, sequence, step, phase, attempt, at })
}

const insertStep = statement((tx: Tx, { operationId, sequence, step, phase, attempt, at }: { operationId: string; sequence: number; step: string; phase: 'run' | 'undo'; attempt: number; at: string }) =>
  tx.insertInto('operation_steps').values({
    operation_id: operationId, sequence, step, phase, attempt, status: 'started', result: null, error: null, started_at: at, ended_at: null,
  }))

export async function journalEnd(tx: Tx, operationId: string, sequence: number, status: 'done' | 'failed', at: string, more: { result?: unknown; error?: unknown }): Promise<void> {
  await endStep(tx, {
    operationId, sequence, status, at,
    result: more.result === undefined ? null : JSON.stringify(more.result),
    error: more.error === undefined ? null : JSON.stringify(more.error),
  })
}

const endStep = statement((tx: Tx, { operationId, sequence, status, at, result, error }: { operationId: string; sequence: number; status: 'done' | 'failed'; at: string; result: string | null; error: string | null }) =>
  tx.updateTable('operation_steps').set({ status, ended_at: at, result, error }).where('operation_id', '=', operationId).where('sequence', '=', sequence))

export async function journal(db: Tx, operationId: string) {
  return db.selectFrom('operation_steps').selectAll().where('operation_id', '=', operationId).orderBy('sequence').execute()
}

/** Operations that ended before `before` leave with their journal, and old keys with them. */
export async function forgetFinished(tx: Tx, before: string): Promise<void> {
  const old = await tx.selectFrom('operations').select('id').where('finished_at', '<', before).limit(500).execute()
  const ids = old.map((row) => row.id)
  if (ids.length > 0) {
    await tx.deleteFrom('operation_steps').where('operation_id', 'in', ids).execute()
    await tx.deleteFrom('operations').where('id', 'in', ids).execute()
  }
  await tx.deleteFrom('idempotency_keys').where('created_at', '<', before).execute()
}

export function identityOf(row: OperationRow): Identity {
  return JSON.parse(row.identity) as Identity
}

export interface OperationFilter {
  readonly projectId?: string
  readonly resourceId?: string
  readonly kind?: string
  readonly status?: string
  /** Without an end, or with one. */
  readonly open?: boolean
  /** Only what began before this one. */
  readonly before?: { readonly createdAt: string; readonly id: string }
}

/** The newest first. */
export async function findOperations(db: Tx, filter: OperationFilter, limit: number): Promise<OperationRow[]> {
  let query = db.selectFrom('operations').selectAll()
  if (filter.projectId !== undefined) query = query.where('project_id', '=', filter.projectId)
  if (filter.resourceId !== undefined) query = query.where('resource_id', '=', filter.resourceId)
  if (filter.kind !== undefined) query = query.where('kind', '=', filter.kind)
  if (filter.status !== undefined) query = query.where('status', '=', filter.status as OperationRow['status'])
  if (filter.open !== undefined) query = query.where('finished_at', filter.open ? 'is' : 'is not', null)
  const { before } = filter
  if (before) query = query.where((where) => where.or([where('created_at', '<', before.createdAt), where.and([where('created_at', '=', before.createdAt), where('id', '<', before.id)])]))
  return query.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(limit).execute()
}

/**
 * Who holds an operation now: what asks in the name of another epoch comes too late.
 *
 * @returns the epoch of the lease that counts; none when the operation is over
 */
export async function leaseOf(db: Db<any>, operationId: string): Promise<number | undefined> {
  const open = await (db as Tx).selectFrom('operations').select('epoch').where('id', '=', operationId).where('finished_at', 'is', null).executeTakeFirst()
  return open?.epoch
}

export async function findOperation(db: Tx, id: string): Promise<{ row: OperationRow; steps: OperationStepRow[] } | undefined> {
  const row = await db.selectFrom('operations').selectAll().where('id', '=', id).executeTakeFirst()
  return row && { row, steps: await journal(db, id) }
}
