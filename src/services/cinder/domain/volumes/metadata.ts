// Parts of a volume's metadata, and of what it keeps of its image.
import { type MetadataTable, metadataOf, removeMetadata, setMetadata } from '../../db/metadata.ts'
import { updateVolume } from '../../db/volumes.ts'
import { InvalidInput, InvalidVolume } from '../../model/errors.ts'
import type { Metadata, Volume } from '../../model/volume.ts'
import type { Allowed, Cinder } from '../cinder.ts'

const mostKeys = 128

/** @returns all that the volume has then. @throws InvalidVolume while the volume is in maintenance */
export async function changeMetadata(cinder: Cinder, volume: Allowed<Volume>, table: MetadataTable, metadata: Metadata, replace: boolean): Promise<Metadata> {
  if (volume.status === 'maintenance') throw new InvalidVolume("Invalid volume: Updating volume metadata is not allowed for volumes in status 'maintenance'.")
  return cinder.database.transaction(async (tx) => {
    await setMetadata(tx, table, volume.id, metadata, replace)
    await updateVolume(tx, volume.id, { updated_at: cinder.clock.now().toISOString() })
    const all = (await metadataOf(tx, table, [volume.id])).get(volume.id) ?? {}
    if (Object.keys(all).length > mostKeys) throw new InvalidInput(`Invalid input received: A volume has at most ${mostKeys} metadata items.`)
    return all
  })
}

/** @returns whether the key was there */
export async function dropMetadata(cinder: Cinder, volume: Allowed<Volume>, table: MetadataTable, key: string): Promise<boolean> {
  if (volume.status === 'maintenance') throw new InvalidVolume("Invalid volume: Deleting volume metadata is not allowed for volumes in status 'maintenance'.")
  return cinder.database.transaction((tx) => removeMetadata(tx, table, volume.id, key))
}
