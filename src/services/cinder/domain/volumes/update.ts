// What an owner may change of a volume at any time: its name, its description, its metadata.
import { setMetadata } from '../../db/metadata.ts'
import { findVolume, updateVolume as updateRow } from '../../db/volumes.ts'
import { VolumeNotFound } from '../../model/errors.ts'
import type { Metadata, Volume } from '../../model/volume.ts'
import type { Allowed, Cinder } from '../cinder.ts'

export interface VolumeChange {
  readonly name?: string | null
  readonly description?: string | null
  readonly metadata?: Metadata
  readonly bootable?: boolean
  readonly readOnly?: boolean
}

export async function updateVolume(cinder: Cinder, volume: Allowed<Volume>, change: VolumeChange): Promise<Volume> {
  const { name, description, metadata, bootable, readOnly } = change
  return cinder.database.transaction(async (tx) => {
    await updateRow(tx, volume.id, {
      updated_at: cinder.clock.now().toISOString(),
      ...(name !== undefined && { display_name: name }),
      ...(description !== undefined && { display_description: description }),
      ...(bootable !== undefined && { bootable: bootable ? 1 : 0 }),
      ...(readOnly !== undefined && { read_only: readOnly ? 1 : 0 }),
    })
    if (metadata) await setMetadata(tx, 'volume_metadata', volume.id, metadata, true)
    const changed = await findVolume(tx, volume.id)
    if (!changed) throw new VolumeNotFound(`Volume ${volume.id} could not be found.`)
    return changed
  })
}
