// The SQL of one log of events: its two ends, what lies after a position, and leaving what is old.
import { type Database, type Db, type EventRow, type EventTables, statement } from '#core/db'
import type { Position } from './cursor.ts'

type Log = Db<EventTables>

const selectOldest = statement((db: Log) => db.selectFrom('events').select(['sequence', 'time']).orderBy('sequence').limit(1))
const selectNewest = statement((db: Log) => db.selectFrom('events').select(['sequence', 'time']).orderBy('sequence', 'desc').limit(1))
const selectAt = statement((db: Log, { sequence }: { sequence: number }) => db.selectFrom('events').select(['sequence', 'time']).where('sequence', '=', sequence))
const selectAfter = statement((db: Log, { after, upTo, limit }: { after: number; upTo: number; limit: number }) =>
  db.selectFrom('events').selectAll().where('sequence', '>', after).where('sequence', '<=', upTo).orderBy('sequence').limit(limit))
const selectOfProjectAfter = statement((db: Log, { after, upTo, limit, projectId }: { after: number; upTo: number; limit: number; projectId: string }) =>
  db.selectFrom('events').selectAll().where('sequence', '>', after).where('sequence', '<=', upTo).where('project_id', '=', projectId).orderBy('sequence').limit(limit))

const start: Position = { sequence: 0, time: 0 }

export async function newest(db: Log): Promise<Position> {
  return (await selectNewest(db, {})).rows[0] ?? start
}

/** The first that is kept; undefined while there never was one, since the last one always stays. */
export async function oldest(db: Log): Promise<Position | undefined> {
  return (await selectOldest(db, {})).rows[0]
}

/** @param projectId of this project alone; of all when absent */
export async function eventsAfter(db: Log, range: { readonly after: number; readonly upTo: number; readonly limit: number }, projectId?: string): Promise<EventRow[]> {
  return (projectId === undefined ? await selectAfter(db, range) : await selectOfProjectAfter(db, { ...range, projectId })).rows
}

/** Whether all that came after a position is still there, and the position is one of this log and not of one before it. */
export async function canResume(db: Log, position: Position): Promise<boolean> {
  const [first, last] = [await oldest(db), await newest(db)]
  if (position.sequence > last.sequence || (first && first.sequence > position.sequence + 1)) return false
  const [row] = (await selectAt(db, { sequence: position.sequence })).rows
  return row === undefined || row.time === position.time
}

const batch = 2000

/** Leave events that are older than `before` or beyond the newest `most`. The newest stays, so that its number is known. */
export async function forgetEvents(database: Database<EventTables>, { before, most }: { before: Date; most: number }): Promise<void> {
  const last = await newest(database.read)
  const old = await database.read.selectFrom('events').select('sequence').where('time', '<', before.getTime()).orderBy('sequence', 'desc').limit(1).executeTakeFirst()
  const upTo = Math.min(last.sequence - 1, Math.max(old?.sequence ?? 0, last.sequence - most))
  for (;;) {
    const first = await oldest(database.read)
    if (!first || first.sequence > upTo) return
    await database.transaction((tx) => tx.deleteFrom('events').where('sequence', '<=', Math.min(upTo, first.sequence + batch)).execute())
  }
}
