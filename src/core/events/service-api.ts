// What a service answers below /v1: the operations and events of its own databases.
import type { Capabilities, Identity } from '#core/context'
import type { Database, EventRow, EventTables } from '#core/db'
import { BadRequest, errorClass, Forbidden, NotFound, Unauthorized } from '#core/errors'
import { type Authenticate, createApi, type Handlers, keystoneFaults, nextLink, readPage, serve, type Transport } from '#core/http'
import { findOperation, findOperations, type OperationFilter, type OperationTables, takeBack } from '#core/operations'
import { compilePolicy } from '#core/policy'
import { type EventQuery, explainRoutes, type Operation, requestRoutes } from './contract.ts'
import { readCursor } from './cursor.ts'
import { follow } from './follow.ts'
import { forgetEvents } from './log.ts'
import { eventRules } from './policy.ts'
import type { Sent } from './sse.ts'
import { quietSeconds, streamOf } from './stream.ts'
import { type StateViews, viewEvent, viewOperation, viewSteps } from './views.ts'

const TooManyStreams = errorClass('TooManyStreams', 429, 'events.too_many_streams')

export type Explained = Database<OperationTables & EventTables>

interface Context extends Capabilities {
  readonly authenticate: Authenticate
  readonly authUrl: string
  readonly checkReplies: boolean
}

export interface ExplainOptions {
  readonly databases: readonly Database<any>[]
  readonly views?: StateViews
  /** Where creates are known by their keys. */
  readonly creates?: Database<any>
  /** How long events are kept, and how many of each database. */
  readonly keep?: { readonly days: number; readonly rows: number }
}

const streamsPerProject = 50
const streamsInAll = 500
export const mostListed = 1000
const keepByDefault = { days: 7, rows: 200_000 }
const forgetEverySeconds = 60

/** Puts /v1 before a service's own API. */
export function explain(api: Transport, context: Context, options: ExplainOptions): { readonly transport: Transport; stop(): void } {
  const databases = options.databases as readonly Explained[]
  const { clock, log } = context
  const policy = compilePolicy(eventRules)
  const streams = new Map<string, number>()
  const over = new AbortController()
  let all = 0

  const sees = (rule: string, identity: Identity, projectId: string | null): boolean => policy.allows(`nimbo:${rule}`, identity, { project_id: projectId ?? undefined })

  /** The project that is asked for; undefined for all. @throws Forbidden */
  function scope(rule: string, identity: Identity, query: Pick<EventQuery, 'project_id' | 'all_projects' | 'resource' | 'operation'>): string | undefined {
    // An admin need not know where it is what he names.
    const isNamed = query.resource !== undefined || query.operation !== undefined
    if (isNamed && query.project_id === undefined && query.all_projects === undefined && sees('all_projects', identity, null)) return undefined
    const projectId = query.project_id ?? identity.projectId
    const beyond = query.all_projects === true || projectId !== identity.projectId
    if (beyond && !sees('all_projects', identity, null)) throw new Forbidden("Policy doesn't allow nimbo:all_projects to be performed.")
    if (query.all_projects === true) return undefined
    if (projectId === undefined) throw new BadRequest('Name a project, or ask for all_projects: the token has none.')
    if (!beyond && !sees(rule, identity, projectId)) throw new Forbidden(`Policy doesn't allow nimbo:${rule} to be performed.`)
    return projectId
  }

  const handlers: Handlers<typeof explainRoutes> = {
    async listOperations({ ctx: { identity }, query, baseUrl, queryText }) {
      const { limit, marker } = readPage(query, { sortable: [], defaultSort: [], maxLimit: mostListed })
      const projectId = scope('operations:list', identity, query)
      const { resource, kind, status, open } = query
      const filter: OperationFilter = {
        ...(projectId !== undefined && { projectId }), ...(resource !== undefined && { resourceId: resource }), ...(kind !== undefined && { kind }),
        ...(status !== undefined && { status }), ...(open !== undefined && { open }), ...(marker !== undefined && { before: readMarker(marker) }),
      }
      const rows = (await Promise.all(databases.map(({ read }) => findOperations(read, filter, limit + 1)))).flat()
      const internals = sees('internals', identity, null)
      return { status: 200, body: pageOf(rows.map((row) => viewOperation(row, internals)), limit, `${baseUrl}/operations`, queryText) }
    },
    async showOperation({ ctx: { identity }, params }) {
      for (const { read } of databases) {
        const found = await findOperation(read, params.id)
        if (!found || !sees('operations:get', identity, found.row.project_id)) continue
        const internals = sees('internals', identity, null)
        return { status: 200, body: { operation: { ...viewOperation(found.row, internals), steps: viewSteps(found.steps, internals) } } }
      }
      throw new NotFound(`There is no operation ${params.id}.`)
    },
    async watchEvents({ ctx, query, headers }) {
      const projectId = scope('events:watch', ctx.identity, query)
      const cursor = query.cursor ?? headers['last-event-id']
      const from = cursor === undefined || cursor === '' ? undefined : cursor === 'oldest' ? new Map<string, never>() : readCursor(cursor)
      const key = ctx.identity.projectId ?? ''
      const mine = streams.get(key) ?? 0
      if (mine >= streamsPerProject || all >= streamsInAll) throw new TooManyStreams('Too many streams of events are open; close one first.')
      streams.set(key, mine + 1)
      all++
      const wants = filterOf(query)
      const produce = (signal: AbortSignal) => events({
        identity: ctx.identity, token: ctx.token, requestId: ctx.requestId, query, projectId, wants, from, signal: AbortSignal.any([signal, over.signal]),
      })
      const body = streamOf(produce, {
        clock,
        ended: () => {
          all--
          const left = (streams.get(key) ?? 1) - 1
          if (left > 0) streams.set(key, left)
          else streams.delete(key)
        },
      })
      return { status: 200, headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' }, body }
    },
  }

  const requests: Handlers<typeof requestRoutes> = {
    async takeBackRequest({ ctx }) {
      const { creates } = options
      if (!creates) throw new NotFound('No create of this service is known by its key.')
      return { status: 200, body: { made: await creates.transaction((tx) => takeBack(tx, ctx, context)) } }
    },
  }

  interface Watching {
    readonly identity: Identity
    readonly token: string | undefined
    readonly requestId: string
    readonly query: EventQuery
    readonly projectId: string | undefined
    readonly wants: (row: EventRow) => boolean
    readonly from: ReturnType<typeof readCursor> | undefined
    readonly signal: AbortSignal
  }

  async function* events(watching: Watching): AsyncGenerator<Sent> {
    const { query, projectId, wants, from, signal, requestId } = watching
    let { identity } = watching
    let checkedAt = clock.monotonic()
    for await (const each of follow({ databases, wants, quietSeconds, clock, signal, ...(projectId !== undefined && { projectId }), ...(from && { from }) })) {
      // The token may have ended, or its roles been taken away, since the stream began.
      if (clock.monotonic() - checkedAt >= checkSeconds * 1000 || (identity.expiresAt?.getTime() ?? Infinity) <= clock.now().getTime()) {
        checkedAt = clock.monotonic()
        try {
          identity = (await context.authenticate(watching.token, undefined, requestId)).identity
          if (scope('events:watch', identity, query) !== projectId) throw new Forbidden('The project of the token changed.')
        } catch (error) {
          yield refusal(error)
          return
        }
      }
      if (each.kind === 'event') yield { id: each.cursor, event: each.row.type, data: JSON.stringify(viewEvent(each.log, each.row, options.views ?? {}, sees('internals', identity, null))) }
      else if (each.kind === 'reset') yield { id: each.cursor, event: 'reset', data: JSON.stringify({ reason: 'Events after the cursor are not kept any more. Read the resources anew; the stream goes on from now.' }) }
      else yield { id: each.cursor, comment: 'alive' }
    }
  }

  const own = createApi({
    service: 'nimbo', prefix: '/v1', faults: keystoneFaults, policy, authenticate: context.authenticate, capabilities: context, authUrl: context.authUrl,
    checkReplies: context.checkReplies, routes: [serve(explainRoutes, handlers), serve(requestRoutes, requests)],
  })

  let timer = clock.after(forgetEverySeconds * 1000, forget)
  function forget(): void {
    const { days, rows } = options.keep ?? keepByDefault
    const before = new Date(clock.now().getTime() - days * 86_400_000)
    void (async () => {
      try {
        for (const database of databases) await forgetEvents(database, { before, most: rows })
      } catch (error) {
        if (!over.signal.aborted) log.warn({ err: error }, 'old events could not be removed')
      }
      if (!over.signal.aborted) timer = clock.after(forgetEverySeconds * 1000, forget)
    })()
  }

  return {
    transport: (request) => (/^\/v1\/(operations|events|requests|openapi\.json)(\/|$)/.test(request.path) ? own(request) : api(request)),
    stop() {
      over.abort()
      timer.cancel()
    },
  }
}

/** How often a stream's token is looked at again; the verdict is mostly remembered. */
const checkSeconds = 10

/** The last word of a stream, in the form that a request's refusal has. */
export function refusal(error: unknown): Sent {
  if (error instanceof Unauthorized) return { event: 'unauthorized', data: JSON.stringify({ error: { code: 401, title: 'Unauthorized', message: 'The request you have made requires authentication.' } }) }
  if (error instanceof Forbidden) return { event: 'forbidden', data: JSON.stringify({ error: { code: 403, title: 'Forbidden', message: error.message } }) }
  return { event: 'unavailable', data: JSON.stringify({ error: { code: 503, title: 'Service Unavailable', message: 'The token could not be checked; come again with the cursor.' } }) }
}

function filterOf({ resource, operation, type }: EventQuery): (row: EventRow) => boolean {
  const types = type?.flatMap((each) => each.split(','))
  return (row) => {
    if (operation !== undefined && row.operation_id !== operation) return false
    if (types && !types.some((each) => row.type === each || row.type.startsWith(`${each}.`))) return false
    if (resource === undefined || row.resource_id === resource) return true
    return row.related !== null && Object.values(JSON.parse(row.related) as object).includes(resource)
  }
}

const markerForm = /^(\d{4}-\d\d-\d\dT[\d:.]+Z)~([0-9a-f-]{36})$/

/** @throws BadRequest */
function readMarker(marker: string): NonNullable<OperationFilter['before']> {
  const [, createdAt, id] = markerForm.exec(marker) ?? []
  if (createdAt === undefined || id === undefined) throw new BadRequest('The marker is not one that a list of operations gave.')
  return { createdAt, id }
}

/** Newest first, from several lists that are each cut behind `limit + 1`. */
export function pageOf(operations: readonly Operation[], limit: number, url: string, queryText: string) {
  const key = (each: Operation) => `${each.created_at}~${each.id}`
  const sorted = operations.toSorted((a, b) => (key(a) < key(b) ? 1 : -1))
  const shown = sorted.slice(0, limit)
  const last = shown.at(-1)
  return {
    operations: shown,
    ...(sorted.length > limit && last && { operations_links: [{ rel: 'next', href: nextLink(url, queryText, key(last)) }] }),
  }
}
