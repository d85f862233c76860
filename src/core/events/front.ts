// One address for all services: asks each of them with the caller's token, joins their lists, and weaves their streams into one.
import type { Readable } from 'node:stream'
import { type Caller, client, type ServiceTarget } from '#core/client'
import type { Capabilities, Clock, Identity } from '#core/context'
import { AppError, NotFound, ServiceUnavailable, Unauthorized } from '#core/errors'
import { createApi, type Handlers, keystoneFaults, readPage, serve, type Transport } from '#core/http'
import { compilePolicy } from '#core/policy'
import { explainRoutes, frontRoutes } from './contract.ts'
import { type Position, readCursor, writeCursor } from './cursor.ts'
import { mostListed, pageOf, refusal } from './service-api.ts'
import { readSent, type Sent } from './sse.ts'
import { streamOf } from './stream.ts'

export interface FrontOptions {
  readonly services: readonly ServiceTarget[]
  readonly capabilities: Capabilities
  readonly authUrl: string
  readonly checkReplies: boolean
}

/** The services judge the token. */
const nobody: Identity = { userId: '', userName: '', userDomainId: '', userDomainName: '', roles: [] }
const pauseSeconds = 2

export function createFront({ services, capabilities, authUrl, checkReplies }: FrontOptions): Transport {
  const { clock } = capabilities
  const targets = services.map((service): ServiceTarget => ({ name: service.name, transport: service.transport, origin: service.origin, prefix: '/v1' }))
  const callerOf = (ctx: { token?: string; requestId: string; signal: AbortSignal }): Caller => ({ token: ctx.token ?? '', requestId: ctx.requestId, signal: ctx.signal })

  const handlers: Handlers<typeof frontRoutes> = {
    async listOperations({ ctx, query, baseUrl, queryText }) {
      const { limit } = readPage(query, { sortable: [], defaultSort: [], maxLimit: mostListed })
      const asked = { ...query, limit: String(Math.min(limit + 1, mostListed)) }
      const answers = await Promise.all(targets.map((target) => orUnavailable(client(explainRoutes, target, callerOf(ctx)).listOperations({ query: asked }))))
      const unavailable = targets.filter((_target, at) => answers[at] === undefined).map(({ name }) => name)
      const operations = answers.flatMap((answer) => answer?.body.operations ?? [])
      return { status: 200, body: { ...pageOf(operations, limit, `${baseUrl}/operations`, queryText), ...(unavailable.length > 0 && { unavailable }) } }
    },
    async showOperation({ ctx, params }) {
      const answers = await Promise.all(targets.map((target) => orUnavailable(client(explainRoutes, target, callerOf(ctx)).showOperation({ params }).catch((error: unknown) => {
        if (error instanceof AppError && error.status === 404) return null
        throw error
      }))))
      const found = answers.find((answer) => answer)
      if (found) return { status: 200, body: found.body }
      const silent = targets.filter((_target, at) => answers[at] === undefined).map(({ name }) => name)
      if (silent.length > 0) throw new ServiceUnavailable(`There is no such operation, unless it belongs to a service that does not answer: ${silent.join(', ')}.`)
      throw new NotFound(`There is no operation ${params.id}.`)
    },
    async watchEvents({ ctx, query, headers }) {
      const { cursor: wanted, ...filters } = query
      const cursor = wanted ?? headers['last-event-id']
      const at = new Map(cursor === undefined || cursor === '' || cursor === 'oldest' ? [] : readCursor(cursor))
      const abort = new AbortController()
      const open = async (target: ServiceTarget, from: string | undefined): Promise<Upstream> => {
        const caller = { ...callerOf(ctx), signal: abort.signal, headers: { accept: 'text/event-stream' } }
        const { body } = await client(explainRoutes, target, caller).watchEvents({ query: { ...filters, ...(from !== undefined && from !== '' && { cursor: from }) } })
        const bytes = body as Readable
        // What broke off is an end like any other; it is begun anew.
        bytes.on('error', () => undefined)
        const leave = () => void bytes.destroy()
        abort.signal.addEventListener('abort', leave, { once: true })
        bytes.once('close', () => abort.signal.removeEventListener('abort', leave))
        // Another service has refused meanwhile.
        if (abort.signal.aborted) leave()
        const sent = readSent(bytes)
        const { value: first } = await sent.next()
        if (first?.id !== undefined) for (const [log, position] of readCursor(first.id)) at.set(log, position)
        return { sent, first: first ?? undefined }
      }
      // Refused by one is refused by the front; one that does not answer is asked again later. Nothing is sent before each
      // has said where it begins, so that the first cursor speaks for all.
      const opened = await Promise.all(targets.map((target) => orUnavailable(open(target, cursor)))).catch((error: unknown) => {
        abort.abort()
        throw error
      })
      const body = streamOf(() => weave(targets.map((target, index) => relay({
        name: target.name, upstream: opened[index], open: (from) => open(target, from), cursor, clock, signal: abort.signal,
      })), at), { clock, ended: () => abort.abort() })
      return { status: 200, headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' }, body }
    },
  }

  return createApi({
    service: 'nimbo', prefix: '/v1', faults: keystoneFaults, policy: compilePolicy([]), capabilities, authUrl, checkReplies,
    routes: [serve(frontRoutes, handlers)],
    authenticate(token) {
      if (token === undefined || token === '') throw new Unauthorized('The request you have made requires authentication.')
      return { identity: nobody, fromCache: false }
    },
    discovery: ({ method, path, origin }) => (method === 'GET' && (path === '/' || path === '/v1' || path === '/v1/')
      ? { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ versions: [{ id: 'v1', status: 'CURRENT', links: [{ rel: 'self', href: `${origin}/v1/` }] }] }) }
      : undefined),
  })
}

async function orUnavailable<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof AppError && error.status === 503) return undefined
    throw error
  }
}

interface Upstream {
  readonly sent: AsyncGenerator<Sent>
  /** Its first word, which says where it begins. */
  readonly first: Sent | undefined
}

interface Relay {
  readonly name: string
  readonly upstream: Upstream | undefined
  readonly open: (from: string | undefined) => Promise<Upstream>
  /** Where the client wants to begin. */
  readonly cursor: string | undefined
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** One service's stream with its own cursors, begun anew where it broke off. */
async function* relay({ name, upstream, open, cursor, clock, signal }: Relay): AsyncGenerator<Sent> {
  let own = cursor
  while (!signal.aborted) {
    try {
      const { first, sent } = upstream ?? (await open(own))
      try {
        for (let each = first; each !== undefined; each = nextOf(await sent.next())) {
          if (each.event === 'unavailable') break
          if (each.id === undefined) {
            yield each
            // It was refused: the token ended, or its rights.
            if (each.event !== undefined) return
            continue
          }
          own = each.id
          yield each
        }
      } finally {
        // The service counts it until it is closed.
        await sent.return(undefined)
      }
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof AppError && (error.status === 401 || error.status === 403)) return yield refusal(error)
    }
    upstream = undefined
    if (signal.aborted) return
    yield { comment: `${name} does not answer` }
    await clock.sleep(pauseSeconds * 1000, signal).catch(() => undefined)
  }
}

function nextOf({ value, done }: IteratorResult<Sent, unknown>): Sent | undefined {
  return done ? undefined : value
}

/**
 * Whatever comes first, from any of them, with a cursor that speaks for all: only of what was sent on, since each stream is
 * asked for its next one ahead. The end of one that was refused is the end of all.
 */
async function* weave(streams: readonly AsyncGenerator<Sent>[], at: Map<string, Position>): AsyncGenerator<Sent> {
  const waiting = new Map(streams.map((stream) => [stream, stream.next()] as const))
  try {
    while (waiting.size > 0) {
      const { stream, result } = await Promise.race([...waiting].map(async ([each, next]) => ({ stream: each, result: await next })))
      if (result.done) return
      waiting.set(stream, stream.next())
      const { id, ...sent } = result.value
      if (id !== undefined) for (const [log, position] of readCursor(id)) at.set(log, position)
      yield id === undefined ? sent : { id: writeCursor(at), ...sent }
    }
  } finally {
    for (const stream of streams) void stream.return(undefined).catch(() => undefined)
  }
}
