// Servers that ran at some time in a period, deleted ones too.
import type { Db } from '#core/db'
import { sql, type SqlBool } from '#core/db'
import type { CellTables } from './cell-tables.ts'
import type { Instance } from './instances.ts'

/** @returns undefined when the marker is no server */
export async function serversInPeriod(db: Db<CellTables>, period: { readonly start: string; readonly stop: string }, projectId: string | undefined, page: { readonly limit: number; readonly marker?: string }): Promise<Instance[] | undefined> {
  let query = db.selectFrom('instances').selectAll().where('launched_at', '<', period.stop)
    .where(({ eb, or }) => or([eb('terminated_at', 'is', null), eb('terminated_at', '>', period.start)]))
  if (projectId !== undefined) query = query.where('project_id', '=', projectId)
  if (page.marker !== undefined) {
    const marker = await db.selectFrom('instances').select(['project_id', 'uuid']).where('uuid', '=', page.marker).executeTakeFirst()
    if (!marker) return undefined
    query = query.where(sql<SqlBool>`(project_id > ${marker.project_id} or (project_id = ${marker.project_id} and uuid > ${marker.uuid}))`)
  }
  return query.orderBy('project_id').orderBy('uuid').limit(page.limit).execute()
}
