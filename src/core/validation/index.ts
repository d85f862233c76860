// Compiles schemas on first use and says in the client's words what does not fit.
import { Ajv2020 as Ajv, type ValidateFunction } from 'ajv/dist/2020.js'
import type { TSchema, Versioned } from '#core/spec'
import { compareVersions, type Version } from '#core/spec'
import { type Problem, readProblem } from './problem.ts'
import { pythonWording } from './python-wording.ts'

export type { Problem } from './problem.ts'
export { inPython, pythonReason, pythonWording } from './python-wording.ts'
export { asLegacy } from './legacy.ts'

/**
 * Compiled for a short start: our schemas are checked against the meta-schema by a test, not here, where that would take a tenth of a second;
 * and polishing the code takes longer than it ever saves.
 */
const options = { validateSchema: false, meta: false, code: { optimize: false }, strict: false, removeAdditional: false, useDefaults: false, allErrors: false, validateFormats: false, inlineRefs: true } as const
const bodies = new Ajv({ ...options, coerceTypes: false })
const queries = new Ajv({ ...options, coerceTypes: 'array' })

const compiledBodies = new WeakMap<object, ValidateFunction>()
const compiledQueries = new WeakMap<object, ValidateFunction>()

function compile(ajv: Ajv, cache: WeakMap<object, ValidateFunction>, schema: TSchema): ValidateFunction {
  let check = cache.get(schema)
  if (!check) cache.set(schema, (check = ajv.compile(schema)))
  return check
}

/** What is wrong with a body, or undefined. Bodies are taken as they are: nothing is coerced or dropped. */
export function findProblem(schema: TSchema, value: unknown): Problem | undefined {
  const check = compile(bodies, compiledBodies, schema)
  return check(value) ? undefined : readProblem(check.errors ?? [], value, schema)
}

/** The same in words. */
export function checkBody(schema: TSchema, value: unknown): string | undefined {
  const problem = findProblem(schema, value)
  return problem && pythonWording(problem)
}

/** What is wrong with a query, whose texts become the numbers, booleans and lists that the schema names. */
export function findQueryProblem(schema: TSchema, value: Record<string, unknown>): Problem | undefined {
  const check = compile(queries, compiledQueries, schema)
  return check(value) ? undefined : readProblem(check.errors ?? [], value, schema)
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
