// The server has its disk: the volume is in use.
import { updateAttachment } from '../../db/attachments.ts'
import { moveVolume } from '../../db/volumes.ts'
import type { Attachment } from '../../model/attachment.ts'
import { AttachmentNotFound, InvalidVolume } from '../../model/errors.ts'
import type { Allowed, Cinder } from '../cinder.ts'

/** Saying it twice is no error. @throws InvalidVolume when the volume is not on its way to a server */
export async function completeAttachment(cinder: Cinder, attachment: Allowed<Attachment>): Promise<void> {
  const { clock, database } = cinder
  await database.transaction(async (tx) => {
    const now = clock.now().toISOString()
    if (!(await updateAttachment(tx, attachment.id, { attach_status: 'attached', ...(attachment.attachedAt === null && { attach_time: now }) }, ['reserved', 'attaching', 'attached']))) {
      throw new AttachmentNotFound(`Volume attachment could not be found with filter: attachment_id = ${attachment.id}.`)
    }
    if (!(await moveVolume(tx, attachment.volumeId, 'attached', { attach_status: 'attached', updated_at: now }))) {
      throw new InvalidVolume(`Invalid volume: Volume ${attachment.volumeId} is not being attached.`)
    }
  })
}
