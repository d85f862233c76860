// How a service reads what it is sent, where its clients expect more than what all have in common. A service names its style once.
import { isUtf8 } from 'node:buffer'
import { type AppError, BadRequest, BodyTooLarge, UnsupportedMediaType } from '#core/errors'
import { type RouteSpec, stream, type TSchema, type Version } from '#core/spec'
import { asLegacy, findProblem, findQueryProblem, type Problem, pythonWording, schemaFor } from '#core/validation'
import { type ApiRequest, bytesOf, readBytes } from './message.ts'

export interface InputStyle {
  /** The body as its schema describes it, `undefined` standing for none; as it came when absent. @throws AppError */
  readonly read?: (body: unknown, schema: TSchema, method: RouteSpec['method']) => unknown
  /** What does not fit a schema, in the service's words; in Python's when absent. */
  readonly refusal?: (problem: Problem, part: 'path' | 'query' | 'body', schema: TSchema) => AppError
  /** A body that it cannot read, or does not look into; in our words when absent. */
  readonly unreadable?: (part: 'body' | 'content type') => AppError | undefined
  /** What else than `application/json` bodies may call themselves where their route does not say. */
  readonly mediaTypes?: readonly string[]
}

const defaultMaxBody = 114_688

export interface ReadOptions {
  readonly input?: InputStyle | undefined
  readonly framework?: 'flask' | 'pecan' | 'routes'
}

/** @returns a stream where the route takes one, else what the JSON says; `undefined` for none where there may be none */
export async function readBody(request: ApiRequest, spec: RouteSpec, { input = {}, framework }: ReadOptions): Promise<unknown> {
  if (framework === 'pecan' && request.method === 'DELETE' && spec.body === undefined && request.body !== null && request.body !== '') throw new BadRequest('Request body is not supported in DELETE.')
  if (spec.body === undefined && spec.action === undefined) return undefined
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase()
  if (spec.body === stream) {
    if (spec.accepts && !spec.accepts.includes(type ?? '')) throw new UnsupportedMediaType(`The content type ${type ?? '(none)'} is not taken here; send ${spec.accepts.join(' or ')}.`)
    return bytesOf(request.body)
  }
  const limit = spec.maxBodyBytes ?? defaultMaxBody
  const content = typeof request.body === 'string' ? request.body : await readBytes(request.body, limit)
  if (content === undefined || content.length > limit) throw new BodyTooLarge('Request is too large.')
  if (content.length === 0) {
    if (spec.bodyOptional || input.read) return undefined
    throw input.unreadable?.('body') ?? new BadRequest('The request needs a body: a JSON object.')
  }
  const accepted = spec.accepts ?? ['application/json', ...(input.mediaTypes ?? [])]
  if (type !== undefined && type !== '' && !accepted.includes(type) && !accepted.includes('*/*')) {
    throw input.unreadable?.('content type') ?? new UnsupportedMediaType(`The content type ${type} is not taken here; send ${accepted.join(' or ')}.`)
  }
  if (typeof content !== 'string' && !isUtf8(content)) throw new BadRequest('The request body is not valid UTF-8.')
  try {
    const value: unknown = JSON.parse(content.toString(), refuseTraps)
    return value
  } catch (error) {
    throw error instanceof BadRequest ? error : (input.unreadable?.('body') ?? new BadRequest('The request body is not valid JSON.', {}, error))
  }
}

export interface Given {
  readonly params: Readonly<Record<string, string>>
  readonly query: Record<string, unknown>
  readonly body: unknown
}

export interface CheckOptions {
  readonly input: InputStyle | undefined
  readonly version: Version | undefined
  /** The body is read as `asLegacy` says. */
  readonly isLegacy: boolean
}

/** @returns the body as its schema has it. @throws AppError for what does not fit */
export function checkInput(spec: RouteSpec, given: Given, { input = {}, version, isLegacy }: CheckOptions): unknown {
  const refuse = (problem: Problem | undefined, part: 'path' | 'query' | 'body', schema: TSchema): void => {
    if (problem) throw input.refusal?.(problem, part, schema) ?? new BadRequest(pythonWording(problem, part === 'query' ? 'query parameters' : 'field/attribute'))
  }
  if (spec.params) refuse(findProblem(spec.params, given.params), 'path', spec.params)
  const query = spec.query && schemaFor(spec.query, version)
  if (query) refuse(findQueryProblem(query, given.query), 'query', query)
  const schema = spec.body && spec.body !== stream ? schemaFor(spec.body, version) : undefined
  if (!schema) return given.body
  const read = input.read ? input.read(given.body, schema, spec.method) : given.body
  if (read === undefined) return undefined
  const body = isLegacy ? asLegacy(schema, read) : read
  refuse(findProblem(schema, body), 'body', schema)
  return body
}

/** Some databases take no such text, and some programs see its end there. Of half a character none would keep what was sent. */
export const nulRefused = 'A text must not hold the character U+0000.'

function refuseTraps(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new BadRequest('The key __proto__ is not allowed.')
  for (const text of typeof value === 'string' ? [key, value] : [key]) {
    if (text.includes('\0')) throw new BadRequest(nulRefused)
    if (!text.isWellFormed()) throw new BadRequest('A text must not hold half of a surrogate pair.')
  }
  return value
}
