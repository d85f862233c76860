// What placement refuses of a request before a handler sees it, in upstream's order and words.
import { type AppError, BadRequest, NotAcceptable, UnsupportedMediaType } from '#core/errors'
import { type ApiRequest, type InputStyle, preferredType } from '#core/http'
import { anonymous, type RouteSpec, type TSchema } from '#core/spec'
import { type Problem, pythonReason } from '#core/validation'
import type { Placement } from '../domain/change.ts'
import { showProvider } from '../domain/providers.ts'

const json = 'application/json'

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

/** As Python's jsonschema describes what does not fit, but for the whole schema and value, which it repeats. */
export function misfit(problem: Problem, part: 'path' | 'query' | 'body', schema: TSchema): AppError {
  const { keyword, params, schemaPath } = problem
  const reason = pythonReason(problem)
  // A parameter is a list only to us, as are the values of which it must be one.
  const [rule, where] = part === 'query' ? [keyword === 'const' ? 'enum' : keyword, schemaPath.slice(0, 2)] : [keyword, schemaPath]
  const told = (said: string, broken = rule) => new BadRequest(
    `${part === 'query' ? 'Invalid query string parameters' : 'JSON does not validate'}: ${said}  Failed validating '${broken}' in schema${where.map((step) => `['${step}']`).join('')}`,
  )
  const { additionalProperty } = params as { additionalProperty?: string }
  if (problem.format !== undefined) return told(reason, 'format')
  let here: unknown = schema
  for (const step of schemaPath) here = (here as Record<string, unknown> | undefined)?.[step]
  const patterns = Object.keys((here as { patternProperties?: object } | undefined)?.patternProperties ?? {})
  if (additionalProperty === undefined || patterns.length === 0) return told(reason)
  return told(`'${additionalProperty}' does not match any of the regexes: ${patterns.sort().map((each) => `'${each}'`).join(', ')}`)
}

export const placementInput: InputStyle = {
  refusal: misfit,
  unreadable: () => new BadRequest('Malformed JSON: the body cannot be read.'),
}
