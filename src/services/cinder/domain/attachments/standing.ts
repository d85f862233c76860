// Where a volume stands, said by the uses that it has.
import type { Db } from '#core/db'
import { attachmentsOf } from '../../db/attachments.ts'
import type { CinderTables } from '../../db/tables.ts'
import { moveVolume, updateVolume } from '../../db/volumes.ts'
import type { Attachment } from '../../model/attachment.ts'
import type { AttachStatus } from '../../model/volume-states.ts'

type Standing = { readonly event: 'released' | 'still_used' | 'still_connecting' | 'still_reserved'; readonly attachStatus: AttachStatus }

export function standing(attachments: readonly Pick<Attachment, 'status'>[]): Standing {
  const has = (...statuses: readonly AttachStatus[]) => attachments.some((attachment) => statuses.includes(attachment.status))
  if (has('attached', 'detaching')) return { event: 'still_used', attachStatus: 'attached' }
  if (has('attaching')) return { event: 'still_connecting', attachStatus: 'attaching' }
  if (has('reserved', 'error_attaching')) return { event: 'still_reserved', attachStatus: 'reserved' }
  return { event: 'released', attachStatus: 'detached' }
}

/** In a state that has nothing to do with its uses the volume stays. */
export async function settleVolume(tx: Db<CinderTables>, volumeId: string, now: string): Promise<void> {
  const { event, attachStatus } = standing(await attachmentsOf(tx, [volumeId]))
  const moved = await moveVolume(tx, volumeId, event, { attach_status: attachStatus, updated_at: now })
  if (!moved) await updateVolume(tx, volumeId, { attach_status: attachStatus })
}

/** As above, after a use ended. Who was put into error while it was used is free again once the last use is over. */
export async function settleAfterUse(tx: Db<CinderTables>, volumeId: string, now: string): Promise<void> {
  await settleVolume(tx, volumeId, now)
  if ((await attachmentsOf(tx, [volumeId])).length === 0) await moveVolume(tx, volumeId, 'released_in_error', { updated_at: now })
}
