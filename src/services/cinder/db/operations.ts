// What the volume role asks of an operation: who holds it now.
import type { Db } from '#core/db'
import type { CinderTables } from './tables.ts'

/** @returns the epoch of the lease that counts; none when the operation is over */
export async function leaseOf(db: Db<CinderTables>, operationId: string): Promise<number | undefined> {
  const open = await db.selectFrom('operations').select('epoch').where('id', '=', operationId).where('finished_at', 'is', null).executeTakeFirst()
  return open?.epoch
}
