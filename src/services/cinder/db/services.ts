// The roles that have registered. Whether they live is known from what they report over the bus, not from here.
import { beginsWith, type Db } from '#core/db'
import type { CinderTables, ServiceRow } from './tables.ts'

export async function listServices(db: Db<CinderTables>, filter: { host?: string; binary?: string } = {}): Promise<ServiceRow[]> {
  let query = db.selectFrom('services').selectAll().orderBy('created_at').orderBy('binary').orderBy('host')
  if (filter.host !== undefined) {
    const { host } = filter
    query = query.where(({ eb, or }) => or([eb('host', '=', host), beginsWith('host', `${host}@`)]))
  }
  if (filter.binary !== undefined) query = query.where('binary', '=', filter.binary)
  return query.execute()
}

/** @returns the row's id, which stays the same over restarts */
export async function registerService(tx: Db<CinderTables>, row: Pick<ServiceRow, 'uuid' | 'binary' | 'host' | 'availability_zone' | 'created_at'>): Promise<string> {
  const known = await tx.selectFrom('services').select(['uuid', 'availability_zone']).where('binary', '=', row.binary).where('host', '=', row.host).executeTakeFirst()
  if (!known) {
    await tx.insertInto('services').values({ ...row, disabled: 0, disabled_reason: null, updated_at: null }).execute()
    return row.uuid
  }
  if (known.availability_zone !== row.availability_zone) {
    await tx.updateTable('services').set({ availability_zone: row.availability_zone }).where('uuid', '=', known.uuid).execute()
  }
  return known.uuid
}

/** @param reason stays what it was where it is not given @returns whether there is such a service */
export async function setServiceDisabled(tx: Db<CinderTables>, binary: string, host: string, disabled: boolean, reason: string | null | undefined, now: string): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('services').set({ disabled: disabled ? 1 : 0, ...(reason !== undefined && { disabled_reason: reason }), updated_at: now })
    .where('binary', '=', binary).where('host', '=', host).executeTakeFirstOrThrow()
  return numUpdatedRows === 1n
}
