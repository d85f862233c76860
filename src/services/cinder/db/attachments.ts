// Attachments in the database.
import { afterMarker, type Db, fromJson, orderings, toJson } from '#core/db'
import type { Page } from '#core/http'
import type { Attachment, Connector } from '../model/attachment.ts'
import type { AttachmentRow, CinderTables } from './tables.ts'

export const attachmentSortColumns = {
  id: { column: 'id' }, created_at: { column: 'created_at' }, attach_status: { column: 'attach_status' }, status: { column: 'attach_status' },
  volume_id: { column: 'volume_id' }, instance_uuid: { column: 'instance_uuid', whenNull: '' },
} as const

export interface AttachmentFilter {
  /** All projects when absent. */
  readonly projectId?: string
  readonly volumeId?: string
  readonly serverId?: string
  readonly status?: string
}

export function toAttachment(row: AttachmentRow): Attachment {
  return {
    id: row.id, volumeId: row.volume_id, projectId: row.project_id, serverId: row.instance_uuid, status: row.attach_status,
    host: row.attached_host, device: row.mountpoint, mode: row.attach_mode,
    connector: row.connector === null ? null : fromJson<Connector>(row.connector),
    connectionInfo: row.connection_info === null ? null : fromJson<Record<string, unknown>>(row.connection_info),
    attachedAt: row.attach_time === null ? null : new Date(row.attach_time), createdAt: new Date(row.created_at),
  }
}

export async function attachmentsOf(db: Db<CinderTables>, volumeIds: readonly string[]): Promise<Attachment[]> {
  if (volumeIds.length === 0) return []
  const rows = await db.selectFrom('volume_attachments').selectAll().where('volume_id', 'in', volumeIds).orderBy('created_at').orderBy('id').execute()
  return rows.map(toAttachment)
}

/** Seen from a project; from all of them when none is given. */
export async function findAttachment(db: Db<CinderTables>, id: string, projectId?: string): Promise<Attachment | undefined> {
  let query = db.selectFrom('volume_attachments').selectAll().where('id', '=', id)
  if (projectId !== undefined) query = query.where('project_id', '=', projectId)
  const row = await query.executeTakeFirst()
  return row && toAttachment(row)
}

export async function attachmentFault(db: Db<CinderTables>, id: string): Promise<string | undefined> {
  const row = await db.selectFrom('volume_attachments').select('fault').where('id', '=', id).executeTakeFirst()
  return row?.fault ?? undefined
}

export async function insertAttachment(tx: Db<CinderTables>, attachment: Attachment): Promise<void> {
  const { connector, connectionInfo } = attachment
  await tx.insertInto('volume_attachments').values({
    id: attachment.id, volume_id: attachment.volumeId, project_id: attachment.projectId, instance_uuid: attachment.serverId,
    attach_status: attachment.status, attached_host: attachment.host, mountpoint: attachment.device, attach_mode: attachment.mode,
    connector: connector === null ? null : toJson(connector), connection_info: connectionInfo === null ? null : toJson(connectionInfo),
    fault: null, attach_time: attachment.attachedAt?.toISOString() ?? null, created_at: attachment.createdAt.toISOString(),
  }).execute()
}

export type AttachmentChange = Partial<Omit<AttachmentRow, 'id' | 'volume_id' | 'project_id' | 'created_at'>>

/** @returns whether it was there, in one of the given states if any are given */
export async function updateAttachment(tx: Db<CinderTables>, id: string, change: AttachmentChange, from?: readonly AttachmentRow['attach_status'][]): Promise<boolean> {
  let query = tx.updateTable('volume_attachments').set(change).where('id', '=', id)
  if (from) query = query.where('attach_status', 'in', from)
  const { numUpdatedRows } = await query.executeTakeFirstOrThrow()
  return numUpdatedRows === 1n
}

export async function deleteAttachment(tx: Db<CinderTables>, id: string): Promise<void> {
  await tx.deleteFrom('volume_attachments').where('id', '=', id).execute()
}

export async function listAttachments(db: Db<CinderTables>, filter: AttachmentFilter, page: Page, offset: number): Promise<Attachment[] | undefined> {
  let query = db.selectFrom('volume_attachments').selectAll()
  if (filter.projectId !== undefined) query = query.where('project_id', '=', filter.projectId)
  if (filter.volumeId !== undefined) query = query.where('volume_id', '=', filter.volumeId)
  if (filter.serverId !== undefined) query = query.where('instance_uuid', '=', filter.serverId)
  if (filter.status !== undefined) query = query.where('attach_status', '=', filter.status as AttachmentRow['attach_status'])
  if (page.marker !== undefined) {
    let look = db.selectFrom('volume_attachments').selectAll().where('id', '=', page.marker)
    if (filter.projectId !== undefined) look = look.where('project_id', '=', filter.projectId)
    const marker = await look.executeTakeFirst()
    if (!marker) return undefined
    query = query.where(afterMarker(page.sort, attachmentSortColumns, { ...marker }))
  }
  for (const { expression, direction } of orderings(page.sort, attachmentSortColumns)) query = query.orderBy(expression, direction)
  const rows = await query.limit(page.limit).offset(offset).execute()
  return rows.map(toAttachment)
}
