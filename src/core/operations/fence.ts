// What an operation writes outside of its own journal comes from its latest lease only: a worker that was held up in a step,
// and wakes when another one has gone on, changes nothing any more.
import type { Capabilities } from '#core/context'
import { type Db, lockClaim } from '#core/db'
import type { OperationRun } from './definition.ts'
import { LeaseLost, leaseOf } from './store.ts'
import type { OperationTables } from './tables.ts'

type Held = Pick<OperationRun, 'id' | 'epoch'>

/** In a transaction of the operation's own database. @throws LeaseLost */
export async function assertHeld(tx: Db<any>, { id, epoch }: Held): Promise<void> {
  if ((await leaseOf(tx, id)) !== epoch) throw new LeaseLost('Another worker has taken over this operation.', { id, epoch })
}

/**
 * In a transaction of another database: its epoch is kept there, and an earlier one is refused from then on. Each step that
 * writes there calls it, forwards and back. @throws LeaseLost
 */
export async function fence(tx: Db<any>, { id, epoch }: Held, { clock }: Pick<Capabilities, 'clock'>): Promise<void> {
  const keys = tx as Db<OperationTables>
  const key = `fence/${id}`
  await lockClaim(tx, 'once', key)
  const seen = await keys.selectFrom('idempotency_keys').select('value').where('key', '=', key).executeTakeFirst()
  if (seen === undefined) await keys.insertInto('idempotency_keys').values({ key, value: String(epoch), created_at: clock.now().toISOString() }).execute()
  else if (Number(seen.value) > epoch) throw new LeaseLost('Another worker has taken over this operation.', { id, epoch })
  else if (Number(seen.value) < epoch) await keys.updateTable('idempotency_keys').set({ value: String(epoch) }).where('key', '=', key).execute()
}
