// What was done to a server, with the events of each action: begun and finished by those who do it.
import type { Db, Selectable } from '#core/db'
import { BadRequest } from '#core/errors'
import type { ActionEventRow, ActionRow, CellTables } from './cell-tables.ts'

export type Action = Selectable<ActionRow>
export type ActionEvent = Selectable<ActionEventRow>

export interface ActionStart {
  readonly serverId: string
  readonly action: string
  readonly requestId: string
  readonly userId: string
  readonly projectId: string
}

/** Note an action; one that the same request noted before is left as it is. */
export async function startAction(tx: Db<CellTables>, start: ActionStart, now: string): Promise<number> {
  const noted = tx.selectFrom('instance_actions').select('id')
    .where('instance_uuid', '=', start.serverId).where('request_id', '=', start.requestId).where('action', '=', start.action)
  const known = await noted.executeTakeFirst()
  if (known) return known.id
  await tx.insertInto('instance_actions').values({
    instance_uuid: start.serverId, action: start.action, request_id: start.requestId, user_id: start.userId, project_id: start.projectId,
    message: null, start_time: now, finish_time: null, updated_at: now,
  }).execute()
  return (await noted.executeTakeFirstOrThrow()).id
}

export interface EventNote {
  readonly event: string
  readonly host: string | null
  /** Absent for what began with its action. */
  readonly startedAt?: string
  readonly result: 'Success' | 'Error'
  readonly details?: string
  /** Why it failed, for the owner. Upstream's action says `Error`; but details and traceback are for admins, and clients show their users the action's message. */
  readonly message?: string
  /** For operators: what lay behind a failure. */
  readonly traceback?: string
}

/** Note a finished event of the action that a request began. A repeat after a crash, which says the same, replaces the former note. */
export async function noteEvent(tx: Db<CellTables>, serverId: string, requestId: string, note: EventNote, now: string, ends = false): Promise<void> {
  const action = await tx.selectFrom('instance_actions').select(['id', 'start_time']).where('instance_uuid', '=', serverId).where('request_id', '=', requestId).orderBy('id', 'desc').executeTakeFirst()
  if (!action) return
  await tx.deleteFrom('instance_actions_events').where('action_id', '=', action.id).where('event', '=', note.event).where('result', '=', note.result)
    .where('host', note.host === null ? 'is' : '=', note.host).where('details', note.details === undefined ? 'is' : '=', note.details ?? null).execute()
  await tx.insertInto('instance_actions_events').values({
    action_id: action.id, event: note.event, host: note.host, start_time: note.startedAt ?? action.start_time, finish_time: now, result: note.result,
    traceback: note.traceback ?? null, details: note.details ?? null,
  }).execute()
  const message = note.result === 'Error' ? (note.message ?? 'Error') : undefined
  await tx.updateTable('instance_actions').set({ updated_at: now, ...(ends && { finish_time: now }), ...(message !== undefined && { message }) }).where('id', '=', action.id).execute()
}

export interface ActionPage {
  readonly limit: number
  /** The request id of the last one seen. */
  readonly marker?: string
  readonly since?: string
  readonly before?: string
}

/** The latest first. @throws BadRequest for an unknown marker */
export async function listActions(db: Db<CellTables>, serverId: string, { limit, marker, since, before }: ActionPage): Promise<Action[]> {
  let query = db.selectFrom('instance_actions').selectAll().where('instance_uuid', '=', serverId)
  if (marker !== undefined) {
    const last = await findAction(db, serverId, marker)
    if (!last) throw new BadRequest(`Marker ${marker.slice(0, 80)} could not be found.`)
    query = query.where('id', '<', last.id)
  }
  if (since !== undefined) query = query.where('updated_at', '>=', since)
  if (before !== undefined) query = query.where('updated_at', '<=', before)
  return query.orderBy('id', 'desc').limit(limit).execute()
}

export async function findAction(db: Db<CellTables>, serverId: string, requestId: string): Promise<Action | undefined> {
  return db.selectFrom('instance_actions').selectAll().where('instance_uuid', '=', serverId).where('request_id', '=', requestId).orderBy('id', 'desc').executeTakeFirst()
}

/** The latest first, as upstream. */
export async function actionEvents(db: Db<CellTables>, actionId: number): Promise<ActionEvent[]> {
  return db.selectFrom('instance_actions_events').selectAll().where('action_id', '=', actionId).orderBy('id', 'desc').execute()
}
