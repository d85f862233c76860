// A typed client made from a route table: the same calls in one process, over the network, and in tests.
import { AppError, TryAgainLater } from '#core/errors'
import { type ApiReply, readText } from '#core/http'
import type { BodySpec, RouteReply, RouteSpec, RouteTable, TSchema, ValueOf, Versioned } from '#core/spec'
import { exchange, type ServiceTarget } from './exchange.ts'

/** On whose behalf, and joined to what. */
export interface Caller {
  readonly token?: string
  readonly serviceToken?: string
  readonly version?: string
  readonly requestId?: string
  readonly traceId?: string
  readonly idempotencyKey?: string
  readonly signal?: AbortSignal
  readonly headers?: Readonly<Record<string, string>>
}

type Needed<R extends RouteSpec> = (R['path'] extends `${string}:${string}` ? { readonly params: Readonly<Record<string, string>> } : unknown) &
  (R['query'] extends TSchema | Versioned ? { readonly query?: Readonly<Record<string, string | number | boolean | readonly string[]>> } : unknown) &
  (R['body'] extends BodySpec ? { readonly body: ValueOf<R['body']> } : unknown)

export type ClientReply<R extends RouteSpec> = RouteReply<R> & { readonly headers: Readonly<Record<string, string>> }

export type Client<T extends RouteTable> = {
  readonly [N in keyof T['routes']]: (input: Needed<T['routes'][N]>) => Promise<ClientReply<T['routes'][N]>>
}

interface AnyInput {
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string | number | boolean | readonly string[]>>
  readonly body?: unknown
}

/** @throws AppError with the remote status and message for every status that the route's table does not name as a reply */
export function client<T extends RouteTable>(table: T, target: ServiceTarget, caller: Caller): Client<T> {
  return new Proxy({}, {
    get: (_target, name) => {
      const spec = table.routes[name as string]
      if (!spec) return undefined
      return (input: AnyInput) => send(target, caller, name as string, spec, input)
    },
  }) as Client<T>
}

const answerLimit = 256 * 1024 * 1024

async function send(target: ServiceTarget, caller: Caller, name: string, spec: RouteSpec, input: AnyInput): Promise<ApiReply | { status: number; headers: unknown; body: unknown }> {
  const reply = await ask(target, caller, spec, input)
  const expected = spec.reply[reply.status]
  const type = reply.headers['content-type'] ?? ''
  if (expected === undefined) {
    const text = (await readText(reply.body, 1024 * 1024)) ?? ''
    const comeAgain = reply.status === 503 && Object.keys(reply.headers).some((header) => header.toLowerCase() === 'retry-after')
    const { message, kind } = readFault(text)
    if (comeAgain) throw new TryAgainLater(message, { service: target.name, route: name })
    throw new AppError(reply.status, `remote.${target.name}`, message || `${target.name} answered ${reply.status} to ${name}.`, { service: target.name, route: name, ...(kind !== undefined && { kind }) })
  }
  if (expected === null) {
    if (reply.body !== null) await readText(reply.body, answerLimit)
    return { status: reply.status, headers: reply.headers, body: undefined }
  }
  if (typeof expected === 'symbol') return reply
  const text = (await readText(reply.body, answerLimit)) ?? ''
  return { status: reply.status, headers: reply.headers, body: text === '' || !type.includes('json') ? text : (JSON.parse(text) as unknown) }
}

async function ask(target: ServiceTarget, caller: Caller, spec: RouteSpec, input: AnyInput): Promise<ApiReply> {
  const path = spec.path.replace(/:([A-Za-z_]+)/g, (_all, parameter: string) => encodeURIComponent(input.params?.[parameter] ?? ''))
  const headers: Record<string, string> = { accept: 'application/json', ...caller.headers }
  if (caller.token !== undefined) headers['x-auth-token'] = caller.token
  if (caller.serviceToken !== undefined) headers['x-service-token'] = caller.serviceToken
  if (caller.requestId !== undefined) headers['x-openstack-request-id'] = caller.requestId
  if (caller.traceId !== undefined) headers['x-nimbo-trace'] = caller.traceId
  if (caller.idempotencyKey !== undefined) headers['idempotency-key'] = caller.idempotencyKey
  if (caller.version !== undefined && target.versionType) headers['openstack-api-version'] = `${target.versionType} ${caller.version}`
  let body: ApiReply['body'] = null
  if (input.body !== undefined) {
    if (typeof spec.body === 'symbol') {
      body = input.body as ApiReply['body']
      headers['content-type'] ??= 'application/octet-stream'
    } else {
      body = JSON.stringify(input.body)
      headers['content-type'] ??= spec.accepts?.[0] ?? 'application/json'
    }
  }
  return exchange(target, {
    method: spec.method, path: target.prefix + path, query: queryText(input.query), headers, body: body as never, ...(caller.signal && { signal: caller.signal }),
  })
}

function queryText(query: AnyInput['query']): string {
  if (!query) return ''
  const parameters = new URLSearchParams()
  for (const [key, value] of Object.entries(query)) {
    for (const each of Array.isArray(value) ? (value as readonly string[]) : [value]) parameters.append(key, String(each))
  }
  return parameters.toString()
}

/** The message in any of the forms that OpenStack's services give a fault, and what neutron calls the fault. */
function readFault(text: string): { readonly message: string; readonly kind?: string } {
  try {
    const value = JSON.parse(text) as Record<string, unknown>
    if (Array.isArray(value['errors'])) return { message: String((value['errors'][0] as { detail?: string } | undefined)?.detail ?? '') }
    if (typeof value['message'] === 'string') return { message: value['message'].replaceAll('<br />', ' ').trimEnd() }
    for (const inner of Object.values(value)) {
      if (typeof inner === 'object' && inner !== null && 'message' in inner) return { message: String(inner.message), ...('type' in inner && { kind: String(inner.type) }) }
    }
    return { message: '' }
  } catch {
    return { message: text.replaceAll(/<title>.*?<\/title>|<[^>]*>/gs, ' ').replaceAll(/\s+/g, ' ').trim().slice(0, 500) }
  }
}
