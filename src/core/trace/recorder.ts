// Records what happened in a boot, step by step: written in batches, kept in a bounded table, read while it grows.
import type { Arrival, Capabilities, RequestContext } from '#core/context'
import { type Database, type Migration } from '#core/db'
import { causesOf, describe } from '#core/errors'

export type Outcome = 'done' | 'failed' | 'skipped' | 'cached'

/** One step of one trace. Times are milliseconds since 1970. */
export interface Span {
  readonly traceId: string
  readonly step: number
  readonly attempt: number
  readonly outcome: Outcome
  readonly startedAt: number
  readonly durationMs: number
  readonly detail?: string
}

export interface TraceHead {
  readonly traceId: string
  readonly serverId: string
  readonly name: string
  readonly projectId: string
  readonly startedAt: number
  /** The audit id of the client's token: its log-in is part of the trace. */
  readonly auditId?: string
}

export interface Recorder {
  begin(head: TraceHead): void
  record(span: Omit<Span, 'attempt'> & { attempt?: number }): void
  /** Give the trace its end. */
  end(traceId: string, outcome: string): void
  traces(limit: number): Promise<readonly (TraceHead & { outcome?: string; endedAt?: number })[]>
  /** By server id, trace id or name, the newest first. */
  find(server: string): Promise<(TraceHead & { outcome?: string; endedAt?: number }) | undefined>
  spans(traceId: string): Promise<readonly Span[]>
  flush(): Promise<void>
}

export interface TraceTables {
  traces: { trace_id: string; server_id: string; name: string; project_id: string; started_at: number; ended_at: number | null; outcome: string | null; audit_id: string | null }
  spans: { trace_id: string; sequence: number; step: number; attempt: number; outcome: string; started_at: number; duration_ms: number; detail: string | null }
}

export const traceMigrations: readonly Migration[] = [{
  name: '001-traces',
  async up(db) {
    await db.schema.createTable('traces')
      .addColumn('trace_id', 'text', (column) => column.primaryKey()).addColumn('server_id', 'text', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull()).addColumn('project_id', 'text', (column) => column.notNull())
      .addColumn('started_at', 'bigint', (column) => column.notNull()).addColumn('ended_at', 'bigint').addColumn('outcome', 'text').addColumn('audit_id', 'text')
      .execute()
    await db.schema.createIndex('traces_server').on('traces').column('server_id').execute()
    await db.schema.createTable('spans')
      .addColumn('trace_id', 'text', (column) => column.notNull()).addColumn('sequence', 'bigint', (column) => column.notNull())
      .addColumn('step', 'integer', (column) => column.notNull()).addColumn('attempt', 'integer', (column) => column.notNull())
      .addColumn('outcome', 'text', (column) => column.notNull()).addColumn('started_at', 'bigint', (column) => column.notNull())
      .addColumn('duration_ms', 'real', (column) => column.notNull()).addColumn('detail', 'text')
      .addPrimaryKeyConstraint('spans_pk', ['trace_id', 'sequence'])
      .execute()
  },
}]

const keptTraces = 1000
/** Log-ins wait here for the boot that they begin; the oldest are forgotten. */
const keptLogins = 2000
const flushAfterMs = 100
const insertAtOnce = 100

export function createRecorder(database: Database<TraceTables>, { clock, log }: Capabilities): Recorder {
  let pending: (() => Promise<void>) | undefined
  const heads: TraceHead[] = []
  const spans: (Span & { sequence: number })[] = []
  const ends: { traceId: string; outcome: string; endedAt: number }[] = []
  const logins = new Map<string, Span[]>()
  let sequence = clock.now().getTime() * 1000
  let flushing: Promise<void> = Promise.resolve()

  function schedule(): void {
    if (pending) return
    pending = write
    clock.after(flushAfterMs, () => void flush())
  }

  function flush(): Promise<void> {
    const work = pending
    pending = undefined
    if (work) flushing = flushing.then(work).catch((error: unknown) => log.error({ err: error }, 'the trace could not be written'))
    return flushing
  }

  async function write(): Promise<void> {
    const [newHeads, newSpans, newEnds] = [heads.splice(0), spans.splice(0), ends.splice(0)]
    await database.transaction(async (tx) => {
      for (const head of newHeads) {
        await tx.insertInto('traces').values({
          trace_id: head.traceId, server_id: head.serverId, name: head.name, project_id: head.projectId,
          started_at: head.startedAt, ended_at: null, outcome: null, audit_id: head.auditId ?? null,
        }).execute()
      }
      const rows = newSpans.map((span) => ({
        trace_id: span.traceId, sequence: span.sequence, step: span.step, attempt: span.attempt, outcome: span.outcome,
        started_at: span.startedAt, duration_ms: span.durationMs, detail: span.detail ?? null,
      }))
      for (let at = 0; at < rows.length; at += insertAtOnce) await tx.insertInto('spans').values(rows.slice(at, at + insertAtOnce)).execute()
      for (const end of newEnds) {
        await tx.updateTable('traces').set({ outcome: end.outcome, ended_at: end.endedAt }).where('trace_id', '=', end.traceId).execute()
      }
      if (newHeads.length > 0) await forgetOldest(tx)
    })
  }

  async function forgetOldest(tx: Parameters<Parameters<typeof database.transaction>[0]>[0]): Promise<void> {
    const old = await tx.selectFrom('traces').select('trace_id').orderBy('started_at', 'desc').offset(keptTraces).limit(200).execute()
    if (old.length < 200) return
    const ids = old.map((row) => row.trace_id)
    await tx.deleteFrom('spans').where('trace_id', 'in', ids).execute()
    await tx.deleteFrom('traces').where('trace_id', 'in', ids).execute()
  }

  function push(span: Span): void {
    spans.push({ ...span, sequence: sequence++ })
    schedule()
  }

  const toHead = (row: TraceTables['traces']) => ({
    traceId: row.trace_id, serverId: row.server_id, name: row.name, projectId: row.project_id, startedAt: row.started_at,
    ...(row.outcome !== null && { outcome: row.outcome }), ...(row.ended_at !== null && { endedAt: row.ended_at }),
    ...(row.audit_id !== null && { auditId: row.audit_id }),
  })

  return {
    begin(head) {
      heads.push(head)
      for (const span of logins.get(head.auditId ?? '') ?? []) push({ ...span, traceId: head.traceId })
      schedule()
    },
    record(span) {
      const whole: Span = { attempt: 1, ...span }
      if (!span.traceId.startsWith('login:')) return push(whole)
      const auditId = span.traceId.slice('login:'.length)
      logins.set(auditId, [...(logins.get(auditId) ?? []), whole])
      const oldest = logins.keys().next().value
      if (logins.size > keptLogins && oldest !== undefined) logins.delete(oldest)
    },
    end(traceId, outcome) {
      ends.push({ traceId, outcome, endedAt: clock.now().getTime() })
      schedule()
    },
    async traces(limit) {
      await flush()
      const rows = await database.read.selectFrom('traces').selectAll().orderBy('started_at', 'desc').limit(limit).execute()
      return rows.map(toHead)
    },
    async find(server) {
      await flush()
      const row = await database.read.selectFrom('traces').selectAll()
        .where((where) => where.or([where('server_id', '=', server), where('trace_id', '=', server), where('name', '=', server)]))
        .orderBy('started_at', 'desc').limit(1).executeTakeFirst()
      return row && toHead(row)
    },
    async spans(traceId) {
      await flush()
      const rows = await database.read.selectFrom('spans').selectAll().where('trace_id', '=', traceId).orderBy('sequence').execute()
      return rows.map((row) => ({
        traceId: row.trace_id, step: row.step, attempt: row.attempt, outcome: row.outcome as Outcome,
        startedAt: row.started_at, durationMs: row.duration_ms, ...(row.detail !== null && { detail: row.detail }),
      }))
    },
    flush,
  }
}

/** Run a piece of work as one step of the trace that the context belongs to; without a trace it just runs. */
export async function traced<T>(recorder: Recorder, clock: Capabilities['clock'], ctx: Pick<RequestContext, 'traceId'>, step: number, work: () => Promise<T>, detail?: (result: T) => string | undefined): Promise<T> {
  const { traceId } = ctx
  if (traceId === undefined) return work()
  const startedAt = clock.now().getTime()
  const started = clock.monotonic()
  try {
    const result = await work()
    const text = detail?.(result)
    recorder.record({ traceId, step, outcome: 'done', startedAt, durationMs: clock.monotonic() - started, ...(text !== undefined && { detail: text }) })
    return result
  } catch (error) {
    recorder.record({ traceId, step, outcome: 'failed', startedAt, durationMs: clock.monotonic() - started, detail: [describe(error), ...causesOf(error)].join('; ') })
    throw error
  }
}

/** Note a step that is a moment: a message taken, an answer given. */
export function mark(recorder: Recorder, clock: Capabilities['clock'], ctx: Pick<RequestContext, 'traceId'>, ...steps: number[]): void {
  if (ctx.traceId === undefined) return
  for (const step of steps) recorder.record({ traceId: ctx.traceId, step, outcome: 'done', startedAt: clock.now().getTime(), durationMs: 0 })
}

/** Note how a request's token was checked: question and verdict, which may be one step or two. */
export function markTokenCheck(recorder: Recorder, ctx: Pick<RequestContext, 'traceId' | 'arrival'>, ...steps: number[]): void {
  const { traceId, arrival } = ctx
  if (traceId === undefined || !arrival) return
  for (const step of steps) recorder.record({ traceId, step, ...tokenCheck(arrival) })
}

function tokenCheck(arrival: Arrival): Pick<Span, 'outcome' | 'startedAt' | 'durationMs' | 'detail'> {
  return {
    outcome: arrival.tokenFromCache ? 'cached' : 'done', startedAt: arrival.tokenCheckStartedAt,
    durationMs: arrival.tokenCheckEndedAt - arrival.tokenCheckStartedAt,
    ...(arrival.tokenFromCache && { detail: 'verdict served from the cache of this role' }),
  }
}
