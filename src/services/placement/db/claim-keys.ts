// The keys of claims that took effect, or were given back before they came.
import type { Db } from '#core/db'
import type { PlacementTables } from './tables.ts'

/** Longer than any message is on its way. */
const keptDays = 7

/** From now on the key is known. @returns false when it was before */
export async function spendKey(tx: Db<PlacementTables>, key: string, consumer: string, now: string): Promise<boolean> {
  const known = await tx.selectFrom('claim_keys').select('key').where('key', '=', key).executeTakeFirst()
  if (known) return false
  await tx.insertInto('claim_keys').values({ key, consumer_uuid: consumer, created_at: now }).execute()
  await tx.deleteFrom('claim_keys').where('created_at', '<', new Date(Date.parse(now) - keptDays * 86_400_000).toISOString()).execute()
  return true
}
