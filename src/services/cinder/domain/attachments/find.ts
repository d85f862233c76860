// One attachment, or a list, as a caller may see it.
import type { RequestContext } from '#core/context'
import type { Page } from '#core/http'
import { type AttachmentFilter, findAttachment, listAttachments as listRows } from '../../db/attachments.ts'
import type { Attachment } from '../../model/attachment.ts'
import { AttachmentNotFound } from '../../model/errors.ts'
import { type Cinder, seenFrom } from '../cinder.ts'

/** @throws AttachmentNotFound */
export async function attachmentFor(cinder: Cinder, ctx: RequestContext, id: string): Promise<Attachment> {
  const attachment = await findAttachment(cinder.database.read, id.toLowerCase(), seenFrom(ctx))
  if (!attachment) throw new AttachmentNotFound(`Volume attachment could not be found with filter: attachment_id = ${id.slice(0, 80)}.`)
  return attachment
}

/** @throws AttachmentNotFound for a marker that is no attachment of this view */
export async function listAttachments(cinder: Cinder, filter: AttachmentFilter, page: Page, offset: number): Promise<Attachment[]> {
  const attachments = await listRows(cinder.database.read, filter, page, offset)
  if (!attachments) throw new AttachmentNotFound(`Volume attachment could not be found with filter: attachment_id = ${(page.marker ?? '').slice(0, 80)}.`)
  return attachments
}
