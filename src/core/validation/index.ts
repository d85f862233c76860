// Compiles schemas on first use and says in the client's words what does not fit.
import { Ajv2020 as Ajv, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import type { TSchema, Versioned } from '#core/spec'
import { compareVersions, type Version } from '#core/spec'

/**
 * Compiled for a short start: our schemas are checked against the meta-schema by a test, not here, where that would take a tenth of a second;
 * and polishing the code takes longer than it ever saves.
 */
const options = { validateSchema: false, meta: false, code: { optimize: false }, strict: false, removeAdditional: false, useDefaults: false, allErrors: false, validateFormats: false, inlineRefs: true } as const
const bodies = new Ajv({ ...options, coerceTypes: false })
const queries = new Ajv({ ...options, coerceTypes: 'array' })

const compiledBodies = new WeakMap<object, ValidateFunction>()
const compiledQueries = new WeakMap<object, ValidateFunction>()

/** Validation errors never repeat what stands in fields like these. */
const secret = /pass|secret|token|user_data|private_key/i

function compile(ajv: Ajv, cache: WeakMap<object, ValidateFunction>, schema: TSchema): ValidateFunction {
  let check = cache.get(schema)
  if (!check) cache.set(schema, (check = ajv.compile(schema)))
  return check
}

/** What does not fit: where, the keyword of the schema that says so with its parameters, and what stands there. */
export interface Problem {
  readonly path: readonly string[]
  readonly keyword: string
  readonly params: Readonly<Record<string, unknown>>
  readonly message: string
  readonly found: unknown
}

function problem({ instancePath, keyword, params, message = 'does not fit' }: ErrorObject, value: unknown): Problem {
  const path = instancePath.split('/').slice(1).map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  let found: unknown = value
  for (const part of path) found = (found as Record<string, unknown> | undefined)?.[part]
  return { path, keyword, params: params as Record<string, unknown>, message, found }
}

function explain({ path, keyword, params, message, found }: Problem): string {
  const field = path.join('/')
  if (keyword === 'additionalProperties') return `Additional properties are not allowed ('${String(params['additionalProperty']).slice(0, 80)}' was unexpected)`
  if (keyword === 'required') return `Invalid input for field/attribute ${field || 'body'}. '${String(params['missingProperty'])}' is a required property`
  const shown = secret.test(field) ? '***' : JSON.stringify(found)?.slice(0, 120)
  return `Invalid input for field/attribute ${field || 'body'}. Value: ${shown}. It ${message}`
}

/** What is wrong with a body, or undefined. Bodies are taken as they are: nothing is coerced or dropped. */
export function findProblem(schema: TSchema, value: unknown): Problem | undefined {
  const check = compile(bodies, compiledBodies, schema)
  if (check(value)) return undefined
  const errors = check.errors ?? []
  const telling = errors.find((error) => error.keyword !== 'anyOf') ?? errors[0]
  return telling && problem(telling, value)
}

/** The same in words. */
export function checkBody(schema: TSchema, value: unknown): string | undefined {
  const found = findProblem(schema, value)
  return found && explain(found)
}

/** The same for a query, whose texts become the numbers, booleans and lists that the schema names. */
export function checkQuery(schema: TSchema, value: Record<string, unknown>): string | undefined {
  const check = compile(queries, compiledQueries, schema)
  if (check(value)) return undefined
  const first = check.errors?.[0]
  return first ? explain(problem(first, value)) : 'The query does not fit.'
}

const picked = new WeakMap<object, Map<string, TSchema | null | undefined>>()

/** The schema that serves a version. */
export function schemaFor(spec: TSchema | Versioned, version: Version | undefined): TSchema | null | undefined {
  if (!isVersioned(spec)) return spec
  let byVersion = picked.get(spec)
  if (!byVersion) picked.set(spec, (byVersion = new Map()))
  const text = version?.text ?? ''
  if (!byVersion.has(text)) {
    const keys = Object.keys(spec.versioned).sort(compareVersions)
    const key = version ? keys.findLast((from) => version.atLeast(from)) : keys.at(-1)
    byVersion.set(text, key === undefined ? undefined : spec.versioned[key])
  }
  return byVersion.get(text)
}

export function isVersioned(spec: object): spec is Versioned {
  return 'versioned' in spec
}

/** A query string as an object: a repeated key becomes a list. */
export function parseQuery(text: string): Record<string, string | string[]> {
  const query: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>
  if (text === '') return query
  for (const [key, value] of new URLSearchParams(text)) {
    const before = query[key]
    if (Array.isArray(before)) before.push(value)
    else query[key] = before === undefined ? value : [before, value]
  }
  return query
}
