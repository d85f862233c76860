// The OpenAPI document of an API, made from its route tables: what the pipeline checks is what the document says.
import { anonymous, type BodySpec, type ReplySpec, type RouteSpec, type RouteTable, stream, type TSchema, type Versioned, type VersionList } from '#core/spec'

export interface OpenApiOptions {
  readonly title: string
  readonly prefix: string
  readonly tables: readonly RouteTable[]
  readonly versions?: VersionList
  /** The caller's project may follow the prefix. */
  readonly projectInPath?: boolean
}

type Json = Record<string, unknown>

/** OpenAPI 3.1. Versioned schemas appear as alternatives, each named by the first version that it serves. */
export function openApi({ title, prefix, tables, versions, projectInPath = false }: OpenApiOptions): Json {
  const paths: Record<string, Json> = {}
  for (const table of tables) {
    for (const [name, spec] of Object.entries(table.routes)) {
      const path = prefix + spec.path.replace(/:([A-Za-z_]+)/g, '{$1}')
      const item = (paths[path === '' ? '/' : path] ??= {})
      const method = spec.method.toLowerCase()
      const before = item[method] as Json | undefined
      item[method] = before ? join(before, name, spec) : operation(name, spec)
    }
  }
  if (projectInPath) Object.assign(paths, withProject(prefix, Object.keys(paths)))
  return {
    openapi: '3.1.0',
    info: { title, version: versions?.maximum.text ?? prefix.replace('/v', '') ?? '1', license: { name: 'Apache-2.0' } },
    ...(versions && { 'x-openstack-versions': { minimum: versions.minimum.text, maximum: versions.maximum.text } }),
    paths,
    components: { securitySchemes: { token: { type: 'apiKey', in: 'header', name: 'X-Auth-Token' } } },
  }
}

const callersProject = { name: 'caller_project_id', in: 'path', required: true, schema: { type: 'string' } }

/** The same paths with the caller's project in them, each a reference to the one without. */
function withProject(prefix: string, paths: readonly string[]): Record<string, Json> {
  return Object.fromEntries(paths.map((path) => {
    const pointer = encodeURIComponent(path.replaceAll('~', '~0').replaceAll('/', '~1'))
    return [`${prefix}/{caller_project_id}${path.slice(prefix.length)}`, { $ref: `#/paths/${pointer}`, parameters: [callersProject] }]
  }))
}

function operation(name: string, spec: RouteSpec): Json {
  const parameters = [...spec.path.matchAll(/:([A-Za-z_]+)/g)].map(([, parameter]) => ({ name: parameter, in: 'path', required: true, schema: { type: 'string' } }))
  return {
    operationId: name, summary: spec.summary,
    ...(spec.policy === anonymous ? { security: [] } : { security: [{ token: [] }] }),
    ...(typeof spec.policy === 'string' && { 'x-policy': [spec.policy] }),
    ...(typeof spec.policy === 'object' && { 'x-policy': spec.policy.deferred }),
    ...(spec.since !== undefined && { 'x-since': spec.since }), ...(spec.until !== undefined && { 'x-until': spec.until }),
    parameters: [...parameters, ...queryParameters(spec)],
    ...(spec.body !== undefined && { requestBody: { required: spec.bodyOptional !== true, content: content(spec.body, spec.accepts?.[0]) } }),
    responses: Object.fromEntries([
      ...Object.entries(spec.reply).map(([status, body]) => [status, { description: 'Done.', ...(body !== null && { content: content(body) }) }]),
      ...spec.faults.map((status) => [String(status), { description: 'A fault in the form of the service.' }]),
    ]),
  }
}

/** Actions share a path: their bodies are alternatives. */
function join(before: Json, name: string, spec: RouteSpec): Json {
  const next = operation(name, spec)
  const rules = [before, next].flatMap((each) => (each['x-policy'] as readonly string[] | undefined) ?? [])
  const bodies = [before['requestBody'], next['requestBody']].map((body) => (body as { content?: Record<string, { schema: Json }> } | undefined)?.content?.['application/json']?.schema).filter((schema) => schema !== undefined)
  const alternatives = bodies.flatMap((schema) => (Array.isArray(schema['anyOf']) && !('type' in schema) ? (schema['anyOf'] as Json[]) : [schema]))
  return {
    ...before,
    operationId: `${String(before['operationId'])}_${name}`,
    summary: `${String(before['summary'])} ${spec.summary}`,
    ...(rules.length > 0 && { 'x-policy': [...new Set(rules)] }),
    ...(bodies.length > 0 && { requestBody: { required: true, content: { 'application/json': { schema: { anyOf: alternatives } } } } }),
    responses: { ...(next['responses'] as Json), ...(before['responses'] as Json) },
  }
}

function content(body: BodySpec | ReplySpec, type = 'application/json'): Json {
  if (body === stream) return { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } }
  if (typeof body === 'object' && body !== null && 'versioned' in body) {
    const { versioned } = body as Versioned
    return { [type]: { schema: { anyOf: Object.entries(versioned).map(([from, schema]) => ({ ...(schema ?? { type: 'null' }), 'x-since': from })) } } }
  }
  return { [type]: { schema: body } }
}

function queryParameters(spec: RouteSpec): Json[] {
  if (!spec.query) return []
  const schemas: (TSchema | null)[] = 'versioned' in spec.query ? Object.values((spec.query as Versioned).versioned) : [spec.query]
  const properties: Record<string, unknown> = {}
  for (const schema of schemas) Object.assign(properties, (schema as { properties?: object } | null)?.properties)
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', required: false, schema }))
}
