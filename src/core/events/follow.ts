// Follows the logs of a service: what lies after the cursor first, then what comes, in the order of the commits of each.
import type { Clock } from '#core/context'
import type { Database, EventRow, EventTables } from '#core/db'
import { type Position, type Positions, writeCursor } from './cursor.ts'
import { canResume, eventsAfter, newest, oldest } from './log.ts'

export type Followed =
  | { readonly kind: 'event'; readonly log: string; readonly row: EventRow; readonly cursor: string }
  /** Some events were left already; it goes on from now. */
  | { readonly kind: 'reset'; readonly cursor: string }
  /** Nothing happened; the cursor may have moved past what was not wanted. */
  | { readonly kind: 'quiet'; readonly cursor: string }

export interface FollowOptions {
  readonly databases: readonly Database<EventTables>[]
  /** From now on when absent. A log that it does not name begins at its oldest event. */
  readonly from?: Positions
  /** Only of this project: the database sees to it, so that the events of others cost a reader little. */
  readonly projectId?: string
  readonly wants: (row: EventRow) => boolean
  /** A sign of life comes at least so often. */
  readonly quietSeconds: number
  readonly clock: Clock
  /** Ends it. */
  readonly signal: AbortSignal
}

const page = 200
/** So many events are gone through at once, before others have their turn. */
const stretch = 5000
/** What is written within this time is read in one go. */
const gatherMilliseconds = 15
/** How often to look without having heard: other processes write too. */
const lookMilliseconds = 1000

/** The first thing is a `quiet` or a `reset`, once the place to begin at is known. */
export async function* follow({ databases, from, projectId, wants, quietSeconds, clock, signal }: FollowOptions): AsyncGenerator<Followed> {
  const at = new Map<string, Position>()
  let lost = false
  for (const { name, read } of databases) {
    const wanted = from?.get(name)
    const begin = wanted ?? (from ? await beforeOldest(read) : await newest(read))
    const whole = wanted === undefined || (await canResume(read, wanted))
    lost ||= !whole
    at.set(name, whole ? begin : await newest(read))
  }
  let toldAt = clock.monotonic()
  const tell = <T extends object>(what: T): T & { cursor: string } => {
    toldAt = clock.monotonic()
    return { ...what, cursor: writeCursor(at) }
  }
  yield tell({ kind: lost ? 'reset' : 'quiet' } as const)

  while (!signal.aborted) {
    // Listen before looking: what is committed between the two is heard.
    const bell = listen(databases, clock, signal)
    for await (const { log, row } of inOrder({ databases, at, projectId, clock })) {
      if (signal.aborted) return bell.stop()
      if (row === undefined) yield tell({ kind: 'reset' } as const)
      else {
        at.set(log, { sequence: row.sequence, time: row.time })
        if (wants(row)) yield tell({ kind: 'event', log, row } as const)
      }
    }
    const heard = await bell.rung
    if (clock.monotonic() - toldAt >= quietSeconds * 1000) yield tell({ kind: 'quiet' } as const)
    if (heard) await clock.sleep(gatherMilliseconds, signal).catch(() => undefined)
  }
}

interface Unread {
  readonly name: string
  readonly read: Database<EventTables>['read']
  /** The last event when the reading began. */
  readonly last: Position
  /** What comes up to this one is in `rows`, or was given. */
  readTo: number
  rows: EventRow[]
}

interface Reading {
  readonly databases: readonly Database<EventTables>[]
  readonly at: Map<string, Position>
  readonly projectId: string | undefined
  readonly clock: Clock
}

/**
 * What each log has after its position: in its own order, and by time among the logs. In place of a row stands `undefined`
 * where some were forgotten before they were read; the log's position is its end then, as it is when all was given.
 */
async function* inOrder({ databases, at, projectId, clock }: Reading): AsyncGenerator<{ log: string; row: EventRow | undefined }> {
  const logs: Unread[] = []
  // The first of the list are looked at last: what a later one's event came after is then seen with it.
  for (const { name, read } of databases.toReversed()) logs.unshift({ name, read, last: await newest(read), readTo: at.get(name)?.sequence ?? 0, rows: [] })
  for (;;) {
    for (const log of logs) {
      while (log.rows.length === 0 && log.readTo < log.last.sequence) {
        const after = log.readTo
        const upTo = Math.min(after + stretch, log.last.sequence)
        const rows = await eventsAfter(log.read, { after, upTo, limit: page }, projectId)
        const first = await oldest(log.read)
        if (first && first.sequence <= after + 1) {
          log.rows = rows
          log.readTo = rows.length < page ? upTo : (rows.at(-1)?.sequence ?? upTo)
          // The embedded database answers at once, and nobody else would come in between.
          if (log.readTo < log.last.sequence) await clock.sleep(0)
        } else {
          log.readTo = log.last.sequence
          at.set(log.name, log.last)
          yield { log: log.name, row: undefined }
        }
      }
    }
    const next = logs.filter(({ rows }) => rows.length > 0).sort((a, b) => (a.rows[0]?.time ?? 0) - (b.rows[0]?.time ?? 0))[0]
    const row = next?.rows.shift()
    if (!next || !row) break
    yield { log: next.name, row }
  }
  for (const { name, last } of logs) if (last.sequence > (at.get(name)?.sequence ?? 0)) at.set(name, last)
}

async function beforeOldest(read: Database<EventTables>['read']): Promise<Position> {
  const first = await oldest(read)
  return { sequence: first ? first.sequence - 1 : 0, time: 0 }
}

/** `rung` is true once a commit left events, false after a while without one or at the end. */
function listen(databases: readonly Database<EventTables>[], clock: Clock, signal: AbortSignal): { readonly rung: Promise<boolean>; stop(): void } {
  const { promise: rung, resolve } = Promise.withResolvers<boolean>()
  const settle = (heard: boolean): void => {
    for (const hearing of hearings) hearing.stop()
    timer.cancel()
    signal.removeEventListener('abort', stop)
    resolve(heard)
  }
  const stop = () => settle(false)
  const hearings = databases.map((database) => database.hear(() => settle(true)))
  const timer = clock.after(lookMilliseconds, stop)
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  return { rung, stop }
}
