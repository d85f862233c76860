// The two sets of keys and values that a volume carries: its owner's, and those of the image it was made from.
import { type Db } from '#core/db'
import type { Metadata } from '../model/volume.ts'
import type { CinderTables } from './tables.ts'

export type MetadataTable = 'volume_metadata' | 'volume_image_metadata'

export async function metadataOf(db: Db<CinderTables>, table: MetadataTable, volumeIds: readonly string[]): Promise<ReadonlyMap<string, Metadata>> {
  const found = new Map<string, Record<string, string>>()
  if (volumeIds.length === 0) return found
  const rows = await db.selectFrom(table).selectAll().where('volume_id', 'in', volumeIds).orderBy('key').execute()
  for (const { volume_id: id, key, value } of rows) {
    const known = found.get(id)
    if (known) known[key] = value
    else found.set(id, { [key]: value })
  }
  return found
}

export async function insertMetadata(tx: Db<CinderTables>, table: MetadataTable, volumeId: string, metadata: Metadata): Promise<void> {
  const rows = Object.entries(metadata).map(([key, value]) => ({ volume_id: volumeId, key, value }))
  if (rows.length > 0) await tx.insertInto(table).values(rows).execute()
}

/** Set the given keys; with `replace` they become all that there is. */
export async function setMetadata(tx: Db<CinderTables>, table: MetadataTable, volumeId: string, metadata: Metadata, replace: boolean): Promise<void> {
  let outdated = tx.deleteFrom(table).where('volume_id', '=', volumeId)
  const keys = Object.keys(metadata)
  if (!replace) {
    if (keys.length === 0) return
    outdated = outdated.where('key', 'in', keys)
  }
  await outdated.execute()
  await insertMetadata(tx, table, volumeId, metadata)
}

/** @returns whether the key was there */
export async function removeMetadata(tx: Db<CinderTables>, table: MetadataTable, volumeId: string, key: string): Promise<boolean> {
  const { numDeletedRows } = await tx.deleteFrom(table).where('volume_id', '=', volumeId).where('key', '=', key).executeTakeFirstOrThrow()
  return numDeletedRows === 1n
}
