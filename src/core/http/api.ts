// The pipeline of an API: route, version, token, policy, validation, handler, reply or fault. No socket in it.
import type { Readable } from 'node:stream'
import { Readable as ReadableStream } from 'node:stream'
import { type Capabilities, type Identity, neverAborted, type RequestContext, withCause } from '#core/context'
import { type AppError, BadRequest, errorClass, Forbidden, NotFound } from '#core/errors'
import { anonymous, type RouteInput, type RouteReply, type RouteSpec, type RouteTable, stream, type Version } from '#core/spec'
import { type FaultStyle, keystoneFaults, toFault } from './faults.ts'
import { checkInput, type InputStyle, nulRefused, readBody } from './input.ts'
import type { ApiReply, ApiRequest, Transport } from './message.ts'
import { openApi } from './openapi.ts'
import { Router } from './router.ts'
import { checkBody, isVersioned, parseQuery, schemaFor } from '#core/validation'
import { negotiate, type VersionHeaders, versionHeaders } from './versions.ts'

export interface HandlerInput<R extends RouteSpec> extends RouteInput<R> {
  readonly ctx: RequestContext
  readonly version: Version
  readonly headers: ApiRequest['headers']
  /** Where the client sees this API, with the project id if its path had one, without a slash at the end: the base of links. */
  readonly baseUrl: string
  /** The query as it came, for the link to the next page. */
  readonly queryText: string
}

export type Handlers<T extends RouteTable> = {
  readonly [N in keyof T['routes']]: (input: HandlerInput<T['routes'][N]>) => Promise<RouteReply<T['routes'][N]>>
}

/** JSON that is already text. A handler may answer with it where the schema promises an object. */
export class PreparedJson {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

export interface Verified {
  readonly identity: Identity
  readonly fromCache: boolean
}

/** Who a request speaks for. @throws Unauthorized */
export type Authenticate = (token: string | undefined, serviceToken: string | undefined, requestId: string) => Promise<Verified> | Verified

export interface PolicyCheck {
  allows(rule: string, identity: Identity, target: Readonly<Record<string, unknown>>): boolean
}

interface AnyTable {
  readonly table: RouteTable
  readonly handlers: Readonly<Record<string, unknown>>
}

/** Join a table with its handlers; the types see to it that none is missing. */
export function serve<T extends RouteTable>(table: T, handlers: Handlers<T>): AnyTable {
  return { table, handlers }
}

export interface ApiOptions {
  readonly service: string
  /** What stands before each route's path, such as `/v2.1`; empty for none. */
  readonly prefix: string
  /** An older prefix of the same routes, for clients from before one could ask for a version: they get the lowest, whatever their headers say, and their bodies are read as `asLegacy` says. */
  readonly legacyPrefix?: string
  /** A project id may (`optional`) or must (`required`) follow the prefix, and must be the token's. */
  readonly projectInPath?: 'optional' | 'required'
  readonly routes: readonly AnyTable[]
  /** One slash at the end of a path means nothing. Where it is not ignored, such a path does not exist. */
  readonly ignoresTrailingSlash?: boolean
  readonly versions?: VersionHeaders
  readonly faults: FaultStyle
  readonly input?: InputStyle
  readonly policy: PolicyCheck
  /** How the service words what a rule does not allow; as nova and cinder do when absent. */
  readonly refusal?: (rule: string) => AppError
  /**
   * What upstream's framework does of itself. Flask tells anybody what a path allows who asks with OPTIONS. Pecan has no HEAD where neutron
   * names none, and neutron takes no body with a DELETE (pecan_wsgi/controllers/resource.py). Routes has no HEAD either where placement and glance name none.
   */
  readonly framework?: 'flask' | 'pecan' | 'routes'
  /** What a service refuses before it looks at who asks, such as a media type that it does not have. */
  readonly admit?: (request: ApiRequest, route: RouteSpec) => void
  /** What a service looks at before it reads the body of whom the rule allows: whether what the path names is there. Without it the body is read before the rule is checked. */
  readonly beforeBody?: (route: RouteSpec, params: Readonly<Record<string, string>>) => Promise<void>
  readonly authenticate: Authenticate
  /** Answers what needs no token and no route: discovery documents. Paths as they came. */
  readonly discovery?: (request: ApiRequest) => ApiReply | undefined
  readonly capabilities: Capabilities
  /** A second header with the request id, such as `x-compute-request-id`. */
  readonly requestIdHeader?: string
  /** `WWW-Authenticate` of a 401 names it. */
  readonly authUrl: string
  /** Check each reply against its schema; for tests. */
  readonly checkReplies?: boolean
}

interface Target {
  readonly name: string
  readonly spec: RouteSpec
  readonly handle: (input: HandlerInput<RouteSpec>) => Promise<{ status: number; headers?: Record<string, string>; body?: unknown }>
}

/** What is known of a request so far; its answer tells of it, also when it is refused. */
interface Progress {
  readonly begun: string[]
  version?: Version
  identity?: Identity
  route?: string
}

const MethodNotAllowed = errorClass('MethodNotAllowed', 405, 'method_not_allowed')
/** Names the operations that a request began, or found under way, so that its client can follow them. */
const operationHeader = 'nimbo-operation-id'
const projectSegment = /^[0-9a-f-]+$/
const nobody: Identity = { userId: '', userName: '', userDomainId: '', userDomainName: '', roles: [] }

export function createApi(options: ApiOptions): Transport {
  const router = new Router<Target>()
  for (const { table, handlers } of options.routes) {
    for (const [name, spec] of Object.entries(table.routes)) {
      const handle = handlers[name]
      if (typeof handle !== 'function') throw new Error(`route ${name} of ${table.service} has no handler`)
      router.add(spec.method, spec.path, { name, spec, handle: handle as Target['handle'] })
    }
  }
  const { clock, ids, log } = options.capabilities

  return async function handle(request) {
    const started = clock.monotonic()
    const receivedAt = clock.now().getTime()
    const requestId = ids.requestId()
    const state: Progress = { begun: [] }
    let reply: ApiReply
    try {
      reply = options.discovery?.(request) ?? ownDocument(request) ?? (await answer(request, requestId, receivedAt, state))
    } catch (error) {
      reply = refuse(error, requestId, state.version, request)
    }
    const headers: Record<string, string> = { ...reply.headers, 'x-openstack-request-id': requestId }
    if (options.requestIdHeader) headers[options.requestIdHeader] = requestId
    if (state.begun.length > 0) headers[operationHeader] = state.begun.join(',')
    if (state.version && options.versions && !isLegacy(request.path)) Object.assign(headers, versionHeaders(options.versions, state.version))
    log.info(
      {
        requestId, method: request.method, path: request.path, status: reply.status, route: state.route,
        user: state.identity?.userId, project: state.identity?.projectId, ms: Math.round((clock.monotonic() - started) * 10) / 10,
      },
      'request',
    )
    return { ...reply, headers }
  }

  async function answer(request: ApiRequest, requestId: string, receivedAt: number, state: Progress): Promise<ApiReply> {
    const { prefix, path, project } = splitPath(options.ignoresTrailingSlash ? request.path.replace(/\/$/, '') : request.path)
    const found = find(request.method, path)
    if (options.framework === 'flask' && request.method === 'OPTIONS' && found && 'allow' in found) {
      return { status: 200, headers: { 'content-type': 'text/html; charset=utf-8', Allow: found.allow.join(', ') }, body: '' }
    }
    if (options.versions) state.version = isLegacy(request.path) ? options.versions.list.minimum : negotiate(request.headers, options.versions)
    const anonymousRoute = found && 'targets' in found && found.targets.every((target) => target.spec.policy === anonymous)

    const tokenCheckStartedAt = clock.now().getTime()
    let verified: Verified = { identity: nobody, fromCache: false }
    if (!anonymousRoute) {
      verified = await options.authenticate(request.headers['x-auth-token'], request.headers['x-service-token'], requestId)
      state.identity = verified.identity
    }
    const { identity } = verified
    const tokenCheckEndedAt = clock.now().getTime()

    if (!found) throw new NotFound('The resource could not be found.')
    if ('allow' in found) throw new MethodNotAllowed(`The method ${request.method} is not allowed for this resource.`, { allow: found.allow })
    if (project !== undefined && !anonymousRoute && project !== identity.projectId) {
      throw new BadRequest(`Malformed request URL: URL's project_id '${project}' doesn't match Context's project_id '${identity.projectId ?? ''}'`)
    }

    if (request.query.includes('%00')) throw new BadRequest(nulRefused)
    const query = parseQuery(request.query)
    const inRange = found.targets.filter(({ spec }) => inVersionRange(spec, state.version))
    const first = inRange[0]
    if (!first) throw new NotFound('The resource could not be found.')
    options.admit?.(request, first.spec)
    if (options.beforeBody) {
      checkRule(first.spec, identity)
      await options.beforeBody(first.spec, found.params)
    }
    const read = await readBody(request, first.spec, options)
    const target = inRange.length > 1 || first.spec.action !== undefined ? pickAction(inRange, found.targets, read) : first
    const { spec } = target
    state.route = target.name
    if (!options.beforeBody) checkRule(spec, identity)
    const body = checkInput(spec, { params: found.params, query, body: read }, { input: options.input, version: state.version, isLegacy: isLegacy(request.path) })

    const service = identity.serviceRoles?.includes('service') === true
    const ctx: RequestContext = {
      requestId, identity, signal: request.signal ?? neverAborted, log, begun: state.begun,
      arrival: { receivedAt, tokenCheckStartedAt, tokenCheckEndedAt, tokenFromCache: verified.fromCache },
      ...(request.headers['x-auth-token'] !== undefined && { token: request.headers['x-auth-token'] }),
      ...(request.headers['x-openstack-request-id'] !== undefined && { globalRequestId: request.headers['x-openstack-request-id'] }),
      ...(service && request.headers['x-nimbo-trace'] !== undefined && { traceId: request.headers['x-nimbo-trace'] }),
      ...(service && request.headers['idempotency-key'] !== undefined && { idempotencyKey: request.headers['idempotency-key'] }),
    }
    const outcome = await withCause(ctx, () => target.handle({
      ctx, params: found.params, query, body, headers: request.headers,
      version: state.version ?? unversioned, baseUrl: request.origin + prefix + (project === undefined ? '' : `/${project}`), queryText: request.query,
    } as HandlerInput<RouteSpec>))
    if (options.checkReplies) checkReply(target, outcome, state.version)
    return toReply(outcome, request.method)
  }

  function checkRule({ policy: rule }: RouteSpec, identity: Identity): void {
    if (typeof rule !== 'string' || options.policy.allows(rule, identity, { project_id: identity.projectId, user_id: identity.userId })) return
    throw options.refusal?.(rule) ?? new Forbidden(`Policy doesn't allow ${rule} to be performed.`)
  }

  function find(method: string, path: string): ReturnType<typeof router.find> {
    const headIsGet = options.framework !== 'pecan' && options.framework !== 'routes'
    const found = router.find(method === 'HEAD' && !headIsGet ? '' : method, path)
    if (options.framework !== 'flask' || !found || !('allow' in found)) return found
    return { allow: [...new Set([...found.allow, 'OPTIONS', ...(found.allow.includes('GET') ? ['HEAD'] : [])])].sort() }
  }

  /** `GET <prefix>/openapi.json`: the route tables as a document. */
  function ownDocument(request: ApiRequest): ApiReply | undefined {
    if (request.method !== 'GET' || request.path !== `${options.prefix}/openapi.json`) return undefined
    const document = openApi({
      title: `OpenStack ${options.service}`, prefix: options.prefix, tables: options.routes.map(({ table }) => table),
      ...(options.versions && { versions: options.versions.list }), projectInPath: options.projectInPath !== undefined,
    })
    return { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(document) }
  }

  function isLegacy(path: string): boolean {
    return options.legacyPrefix !== undefined && isBelow(path, options.legacyPrefix)
  }

  function splitPath(path: string): { prefix: string; path: string; project?: string } {
    const { projectInPath } = options
    const prefix = isLegacy(path) ? (options.legacyPrefix ?? '') : options.prefix
    if (!isBelow(path, prefix)) return { prefix, path: '//' }
    const rest = path.slice(prefix.length)
    if (!projectInPath) return { prefix, path: rest }
    const end = rest.indexOf('/', 1)
    const segment = end < 0 ? rest.slice(1) : rest.slice(1, end)
    if (segment !== '' && (projectInPath === 'required' || projectSegment.test(segment))) return { prefix, path: end < 0 ? '' : rest.slice(end), project: segment }
    return { prefix, path: rest }
  }

  function refuse(error: unknown, requestId: string, version: Version | undefined, request: ApiRequest): ApiReply {
    const fault = toFault(error, requestId)
    if (fault.status >= 500) log.error({ requestId, method: request.method, path: request.path, err: error }, 'request failed')
    const style = fault.status === 401 ? keystoneFaults : options.faults
    const { body, contentType } = style(fault, version, request.headers['accept'])
    const headers: Record<string, string> = { 'content-type': contentType }
    if (fault.status === 401) headers['WWW-Authenticate'] = `Keystone uri="${options.authUrl}"`
    if (fault.status === 405) headers['Allow'] = (fault.details['allow'] as string[] | undefined)?.join(', ') ?? ''
    const extra = fault.details['headers'] as Record<string, string> | undefined
    return { status: fault.status, headers: { ...headers, ...extra }, body: request.method === 'HEAD' ? null : body }
  }
}

function isBelow(path: string, prefix: string): boolean {
  return prefix === '' || path === prefix || path.startsWith(`${prefix}/`)
}

const unversioned: Version = { text: '', atLeast: () => true }

function inVersionRange(spec: RouteSpec, version: Version | undefined): boolean {
  if (!version) return true
  if (spec.since !== undefined && !version.atLeast(spec.since)) return false
  return spec.until === undefined || spec.until === version.text || !version.atLeast(spec.until)
}

/** @param known those of other versions too: an action that is not one of this version is not found */
function pickAction(targets: readonly Target[], known: readonly Target[], body: unknown): Target {
  const withoutAction = targets.find(({ spec }) => spec.action === undefined)
  if (withoutAction) return withoutAction
  const keys = typeof body === 'object' && body !== null && !Array.isArray(body) ? Object.keys(body) : []
  if (keys.length !== 1) throw new BadRequest('The body must be an object with one key that names the action.')
  const isNamed = ({ spec }: Target) => spec.action === keys[0]
  const target = targets.find(isNamed)
  if (!target && known.some(isNamed)) throw new NotFound('The resource could not be found.')
  if (!target) throw new BadRequest(`There is no such action: ${String(keys[0]).slice(0, 80)}`)
  return target
}

function toReply(outcome: { status: number; headers?: Record<string, string>; body?: unknown }, method: string): ApiReply {
  const { status, body } = outcome
  const headers: Record<string, string> = { ...outcome.headers }
  if (body === undefined || body === null) return { status, headers, body: null }
  if (typeof body === 'object' && Symbol.asyncIterator in body) {
    headers['content-type'] ??= 'application/octet-stream'
    const content = asReadable(body as AsyncIterable<Uint8Array>)
    // Nobody will read it: let go of the file behind it.
    if (method === 'HEAD') content.destroy()
    return { status, headers, body: method === 'HEAD' ? null : content }
  }
  headers['content-type'] ??= 'application/json'
  const text = body instanceof PreparedJson ? body.text : headers['content-type'].startsWith('text/') ? String(body) : JSON.stringify(body)
  return { status, headers, body: method === 'HEAD' ? null : text }
}

function asReadable(body: AsyncIterable<Uint8Array>): Readable {
  return body instanceof ReadableStream ? body : ReadableStream.from(body)
}

function checkReply(target: Target, outcome: { status: number; body?: unknown }, version: Version | undefined): void {
  const spec = target.spec.reply[outcome.status]
  if (spec === undefined) throw new Error(`route ${target.name} answered ${outcome.status}, which its table does not name`)
  if (spec === null || spec === stream) return
  const schema = isVersioned(spec) ? schemaFor(spec, version) : spec
  if (!schema) return
  const value: unknown = outcome.body instanceof PreparedJson ? JSON.parse(outcome.body.text) : JSON.parse(JSON.stringify(outcome.body))
  const problem = checkBody(schema, value)
  if (problem !== undefined) throw new Error(`route ${target.name} answered what its table does not promise: ${problem}`)
}

