// What went wrong, told to the owner of a volume.
import { afterMarker, type Db, orderings } from '#core/db'
import type { Page } from '#core/http'
import type { CinderTables, MessageRow } from './tables.ts'

export const messageSortColumns = {
  id: { column: 'id' }, created_at: { column: 'created_at' }, event_id: { column: 'event_id' }, message_level: { column: 'message_level' },
  resource_type: { column: 'resource_type' }, resource_uuid: { column: 'resource_uuid' }, request_id: { column: 'request_id' },
} as const

export type MessageFilter = Partial<Pick<MessageRow, 'project_id' | 'resource_uuid' | 'resource_type' | 'event_id' | 'request_id' | 'message_level'>>

export async function insertMessage(tx: Db<CinderTables>, row: MessageRow): Promise<void> {
  await tx.insertInto('messages').values(row).execute()
  await tx.deleteFrom('messages').where('expires_at', '<', row.created_at).execute()
}

export async function findMessage(db: Db<CinderTables>, id: string, projectId?: string): Promise<MessageRow | undefined> {
  let query = db.selectFrom('messages').selectAll().where('id', '=', id)
  if (projectId !== undefined) query = query.where('project_id', '=', projectId)
  return query.executeTakeFirst()
}

export async function listMessages(db: Db<CinderTables>, filter: MessageFilter, page: Page, offset: number): Promise<MessageRow[] | undefined> {
  let query = db.selectFrom('messages').selectAll()
  for (const [column, value] of Object.entries(filter)) query = query.where(column as keyof MessageFilter, '=', value)
  if (page.marker !== undefined) {
    const marker = await findMessage(db, page.marker, filter.project_id)
    if (!marker) return undefined
    query = query.where(afterMarker(page.sort, messageSortColumns, { ...marker }))
  }
  for (const { expression, direction } of orderings(page.sort, messageSortColumns)) query = query.orderBy(expression, direction)
  return query.limit(page.limit).offset(offset).execute()
}

export async function deleteMessage(tx: Db<CinderTables>, id: string): Promise<void> {
  await tx.deleteFrom('messages').where('id', '=', id).execute()
}
