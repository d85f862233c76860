// What placement refuses of a request before a handler sees it, in upstream's order and words.
import { BadRequest, NotAcceptable, UnsupportedMediaType } from '#core/errors'
import { type ApiRequest, preferredType } from '#core/http'
import { type RouteSpec, Uuid } from '#core/spec'
import { pythonProblem, type Wording } from '#core/validation'
import type { Placement } from '../domain/change.ts'
import { showProvider } from '../domain/providers.ts'

const json = 'application/json'
const { pattern: uuidPattern } = Uuid as { readonly pattern?: string }

/** @throws for a body of a type that is not taken, or an answer in one that there is not (placement/util.py, require_content and check_accept) */
export function admit({ headers, body }: ApiRequest, { body: wanted, reply }: RouteSpec): void {
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? ''
  if (type === '' && body !== null && body !== '') throw new BadRequest('content-type header required when content-length > 0')
  if (wanted !== undefined && type !== json) throw new UnsupportedMediaType(`The media type ${type === '' ? 'None' : type} is not supported, use ${json}`)
  const { accept = '' } = headers
  if (accept !== '' && wanted === undefined && reply[200] !== undefined && preferredType(accept, [json]) === undefined) throw new NotAcceptable(`Only ${json} is provided`)
}

/** A provider that is not there is not found, whatever the body; its traits alone are read first (placement/handlers/trait.py). */
export async function requireProvider(placement: Placement, { body, path }: RouteSpec, { uuid }: Readonly<Record<string, string>>): Promise<void> {
  if (body !== undefined && uuid !== undefined && !path.endsWith('/traits')) await showProvider(placement, uuid)
}

export function unreadable() {
  return new BadRequest('Malformed JSON: the body cannot be read.')
}

/** As Python's jsonschema describes what does not fit, but for the whole schema and value, which it repeats. */
export const wording: Wording = (errors, value, part) => {
  const prefix = part === 'body' ? 'JSON does not validate' : 'Invalid query string parameters'
  const found = pythonProblem(errors, value)
  if (!found) return `${prefix}: it does not fit`
  const { error: { keyword, params, schemaPath }, problem } = found
  const [shown, rule] = (params as { pattern?: string }).pattern === uuidPattern ? [problem.replace(/ does not match .*/s, " is not a 'uuid'"), 'format'] : [problem, keyword]
  const steps = schemaPath.split('/').slice(1, -1).map((step) => `['${decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~')}']`)
  return `${prefix}: ${shown}  Failed validating '${rule}' in schema${steps.join('')}`
}
