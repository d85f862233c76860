// An attachment as clients see it.
import type { Attachment as WireAttachment } from '../../contract/attachments.ts'
import type { Attachment } from '../../model/attachment.ts'
import { wireTime } from '../links.ts'

export function viewAttachmentSummary({ id, status, serverId, volumeId }: Attachment) {
  return { id, status, instance: serverId, volume_id: volumeId }
}

export function viewAttachment(attachment: Attachment): WireAttachment {
  return {
    ...viewAttachmentSummary(attachment),
    attached_at: attachment.attachedAt === null ? '' : wireTime(attachment.attachedAt),
    detached_at: '',
    attach_mode: attachment.mode,
    connection_info: attachment.connectionInfo ?? {},
  }
}
