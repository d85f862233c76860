// A volume is claimed for a server. Of two that claim a volume at once one wins; the other is told in what state it is.
import type { RequestContext } from '#core/context'
import { once } from '#core/operations'
import { attachmentsOf, findAttachment, insertAttachment } from '../../db/attachments.ts'
import { findVolumeRow, moveVolume, updateVolume } from '../../db/volumes.ts'
import type { Attachment } from '../../model/attachment.ts'
import { InvalidVolume, ResourceConflict, VolumeNotFound } from '../../model/errors.ts'
import type { Volume } from '../../model/volume.ts'
import { type Allowed, authorize, type Cinder } from '../cinder.ts'

export interface NewAttachment {
  readonly serverId: string | null
  readonly mode?: 'rw' | 'ro'
}

/** @throws InvalidVolume when the volume is not free */
export async function reserve(cinder: Cinder, ctx: RequestContext, volume: Allowed<Volume>, wanted: NewAttachment): Promise<Attachment> {
  const { clock, ids, database } = cinder
  if (volume.status.startsWith('error')) {
    throw new InvalidVolume(`Invalid volume: Volume attachments can not be created if the volume is in an error state. The Volume ${volume.id} currently has a status of: ${volume.status} `)
  }
  if (volume.multiattach && volume.status === 'in-use' && volume.bootable) authorize(cinder, ctx, 'volume:multiattach_bootable_volume', volume)

  const { value } = await database.transaction((tx) => once(tx, ctx, cinder, async () => {
    const now = clock.now()
    const claimed = await moveVolume(tx, volume.id, volume.multiattach ? 'reserve_again' : 'reserve', { updated_at: now.toISOString() })
    if (!claimed) {
      const row = await findVolumeRow(tx, volume.id)
      if (!row) throw new VolumeNotFound(`Volume ${volume.id} could not be found.`)
      // The same server may claim it once more: it moves to another host (cinder/volume/api.py, _attachment_reserve).
      const again = wanted.serverId !== null && (row.status === 'in-use' || row.status === 'reserved') &&
        (await attachmentsOf(tx, [volume.id])).some((attachment) => attachment.serverId === wanted.serverId)
      if (!again) {
        const statuses = volume.multiattach ? 'available or in-use or downloading' : 'available or downloading'
        throw new InvalidVolume(`Invalid volume: Volume ${volume.id} status must be ${statuses} to reserve, but the current status is ${row.status}.`)
      }
    } else if (volume.attachments.length === 0) {
      await updateVolume(tx, volume.id, { attach_status: 'reserved' })
    }
    const attachment: Attachment = {
      id: ids.uuid(), volumeId: volume.id, projectId: volume.projectId, serverId: wanted.serverId, status: 'reserved', host: null, device: null,
      mode: volume.readOnly === true ? 'ro' : (wanted.mode ?? 'null'), connector: null, connectionInfo: null, attachedAt: null, createdAt: now,
    }
    await insertAttachment(tx, attachment)
    return { id: attachment.id }
  }))
  const made = await findAttachment(database.read, value.id)
  if (!made) throw new ResourceConflict(`The attachment ${value.id} that this request made is gone.`)
  return made
}
