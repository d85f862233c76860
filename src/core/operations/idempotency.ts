// A repeated internal create answers its first answer: the key is kept in the transaction of the row it made.
import type { Capabilities, RequestContext } from '#core/context'
import { type Db, lockClaim } from '#core/db'
import { BadRequest, Conflict } from '#core/errors'
import type { OperationTables } from './tables.ts'

/**
 * Run `create` unless the request's key has been seen; then answer what it made the first time.
 *
 * @throws Conflict when the request was taken back before it came
 * @param create makes the row in the same transaction and returns what must be known to answer again, mostly its id
 */
export async function once<T>(tx: Db<any>, ctx: RequestContext, { clock }: Pick<Capabilities, 'clock'>, create: () => Promise<T>): Promise<{ value: T; repeated: boolean }> {
  const key = ctx.idempotencyKey
  if (key === undefined) return { value: await create(), repeated: false }
  await lockClaim(tx, 'once', key)
  const seen = await answeredBefore<T>(tx, ctx)
  if (seen) return { value: seen.value, repeated: true }
  const value = await create()
  await (tx as Db<OperationTables>).insertInto('idempotency_keys').values({ key, value: JSON.stringify(value), created_at: clock.now().toISOString() }).execute()
  return { value, repeated: false }
}

/** What `once` kept for the request's key: to be asked before checks that need not hold any more when a request is repeated. */
export async function answeredBefore<T>(db: Db<any>, ctx: RequestContext): Promise<{ readonly value: T } | undefined> {
  const key = ctx.idempotencyKey
  if (key === undefined) return undefined
  const seen = await (db as Db<OperationTables>).selectFrom('idempotency_keys').select('value').where('key', '=', key).executeTakeFirst()
  if (seen?.value === takenBack) throw new Conflict('This request was taken back before it came.')
  return seen && { value: JSON.parse(seen.value) as T }
}

/** No answer of a create. */
const takenBack = 'null'

/**
 * What the create with this key shall not do any more, if it has not done it yet: it comes too late from now on.
 *
 * @returns what it made, if it did
 */
export async function takeBack(tx: Db<any>, ctx: RequestContext, { clock }: Pick<Capabilities, 'clock'>): Promise<unknown> {
  const key = ctx.idempotencyKey
  if (key === undefined) throw new BadRequest('Say by its Idempotency-Key which request is taken back.')
  const keys = tx as Db<OperationTables>
  const seen = await keys.selectFrom('idempotency_keys').select('value').where('key', '=', key).executeTakeFirst()
  if (seen) return JSON.parse(seen.value)
  await keys.insertInto('idempotency_keys').values({ key, value: takenBack, created_at: clock.now().toISOString() }).execute()
  return null
}
