// What placement refuses of a request before a handler sees it, in upstream's order and words.
import { BadRequest, NotAcceptable, UnsupportedMediaType } from '#core/errors'
import { type ApiRequest, preferredType } from '#core/http'
import { anonymous, type RouteSpec, Uuid } from '#core/spec'
import { pythonProblem, type Wording } from '#core/validation'
import type { Placement } from '../domain/change.ts'
import { showProvider } from '../domain/providers.ts'

const json = 'application/json'
const { pattern: uuidPattern } = Uuid as { readonly pattern?: string }

/** @throws for a body of a type that is not taken, or an answer in one that there is not (placement/util.py, require_content and check_accept) */
export function admit({ headers, body }: ApiRequest, { body: wanted, policy, reply }: RouteSpec): void {
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? ''
  if (type === '' && body !== null && body !== '') throw new BadRequest('content-type header required when content-length > 0')
  if (wanted !== undefined && type !== json) throw new UnsupportedMediaType(`The media type ${type === '' ? 'None' : type} is not supported, use ${json}`)
  const { accept = '' } = headers
  const shows = wanted === undefined && reply[200] !== undefined && policy !== anonymous
  if (shows && accept !== '' && preferredType(accept, [json]) === undefined) throw new NotAcceptable(`Only ${json} is provided`)
}

/** A provider that is not there is not found, whatever the body; its traits alone are read first (placement/handlers/trait.py). */
export async function requireProvider(placement: Placement, { body, path }: RouteSpec, { uuid }: Readonly<Record<string, string>>): Promise<void> {
  if (body !== undefined && uuid !== undefined && !path.endsWith('/traits')) await showProvider(placement, uuid)
}

export function unreadable() {
  return new BadRequest('Malformed JSON: the body cannot be read.')
}

/** As Python's jsonschema describes what does not fit, but for the whole schema and value, which it repeats. */
export const wording: Wording = (errors, value, part, schema) => {
  const prefix = part === 'body' ? 'JSON does not validate' : 'Invalid query string parameters'
  const found = pythonProblem(errors, value)
  if (!found) return `${prefix}: it does not fit`
  const { error: { keyword, params, schemaPath }, problem } = found
  const steps = schemaPath.split('/').slice(1, -1).map((step) => decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~'))
  // A parameter is a list only to us, as are the values of which it must be one.
  const [rule, where] = part === 'query' ? [keyword === 'const' ? 'enum' : keyword, steps.slice(0, 2)] : [keyword, steps]
  const told = (said: string, broken = rule) => `${prefix}: ${said}  Failed validating '${broken}' in schema${where.map((step) => `['${step}']`).join('')}`
  const { pattern, additionalProperty } = params as { pattern?: string; additionalProperty?: string }
  if (pattern === uuidPattern) return told(problem.replace(/ does not match .*/s, " is not a 'uuid'"), 'format')
  let here: unknown = schema
  for (const step of steps) here = (here as Record<string, unknown> | undefined)?.[step]
  const patterns = Object.keys((here as { patternProperties?: object } | undefined)?.patternProperties ?? {})
  if (additionalProperty === undefined || patterns.length === 0) return told(problem)
  return told(`'${additionalProperty}' does not match any of the regexes: ${patterns.sort().map((each) => `'${each}'`).join(', ')}`)
}
