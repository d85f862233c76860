// Reads the two forms of JSON patch that glance takes into a list of changes.
import { BadRequest, Forbidden } from '#core/errors'
import { findProblem } from '#core/validation'
import { NewImage } from '../contract/image-shapes.ts'
import type { Change } from '../domain/update-image.ts'
import { notAnImage } from './input.ts'

const operations = ['add', 'remove', 'replace'] as const
type Operation = (typeof operations)[number]

const readOnly = new Set(['created_at', 'updated_at', 'status', 'checksum', 'size', 'virtual_size', 'direct_url', 'self', 'file', 'schema', 'stores', 'id', 'os_hash_algo', 'os_hash_value'])
const reserved = new Set(['location', 'deleted', 'deleted_at'])

/** @throws Forbidden for names that only glance sets: data, status and places are never taken from a client */
export function refuseReserved(name: string): void {
  if (readOnly.has(name)) throw new Forbidden(`Attribute '${name}' is read-only.`)
  // Places of data would let a client name files and hosts (SECURITY-CASES 8, 32).
  if (name === 'locations') throw new Forbidden("It's not allowed to set locations.")
  if (reserved.has(name) || name.startsWith('os_glance')) throw new Forbidden(`Attribute '${name.slice(0, 255)}' is reserved.`)
}

export function readPatch(body: unknown, old: boolean): Change[] {
  if (!Array.isArray(body)) throw new BadRequest('Request body must be a JSON array of operation objects.')
  return body.map((each: unknown) => {
    if (typeof each !== 'object' || each === null || Array.isArray(each)) throw new BadRequest('Operations must be JSON objects.')
    const raw = each as Readonly<Record<string, unknown>>
    const [operation, pointer] = old ? readOld(raw) : readNew(raw)
    const path = readPointer(pointer)
    const name = path[0]
    if (name === undefined || path.length !== 1) throw path[0] === 'locations' ? new Forbidden("It's not allowed to set locations.") : new BadRequest(`Invalid JSON pointer for this resource: '/${path.join('/').slice(0, 200)}'`)
    refuseReserved(name)
    if (name === '__proto__') throw new BadRequest('The key __proto__ is not allowed.')
    if (name === '' || name.length > 255) throw new BadRequest('Custom property should not be greater than 255 characters.')
    if (operation === 'remove') return { operation, name }
    if (!('value' in raw)) throw new BadRequest(`Operation "${operation}" requires a member named "value".`)
    const problem = findProblem(NewImage, { [name]: raw['value'] })
    if (problem) throw notAnImage(problem)
    return { operation, name, value: raw['value'] }
  })
}

function readNew(raw: Readonly<Record<string, unknown>>): [Operation, unknown] {
  const asked = raw['op'] ?? undefined
  const available = `It must be one of the following: ${operations.join(', ')}.`
  if (asked === undefined) throw new BadRequest(`Unable to find \`op\` in JSON Schema change. ${available}`)
  const operation = operations.find((each) => each === asked)
  if (!operation) throw new BadRequest(`Invalid operation: \`${String(asked).slice(0, 80)}\`. ${available}`)
  if (!('path' in raw)) throw new BadRequest("Unable to find 'path' in JSON Schema change")
  return [operation, raw['path']]
}

function readOld(raw: Readonly<Record<string, unknown>>): [Operation, unknown] {
  const found = operations.filter((each) => each in raw)
  const operation = found[0]
  if (!operation || found.length > 1) throw new BadRequest(`Operation objects must contain ${operation ? 'only' : 'exactly'} one member named "add", "remove", or "replace".`)
  return [operation, raw[operation]]
}

function readPointer(pointer: unknown): string[] {
  if (typeof pointer !== 'string' || !pointer.startsWith('/')) throw new BadRequest(`Pointer \`${String(pointer).slice(0, 200)}\` does not start with "/".`)
  if (/\/\s*\//.test(pointer) || (pointer.length > 1 && pointer.endsWith('/'))) throw new BadRequest(`Pointer \`${pointer.slice(0, 200)}\` has an empty part.`)
  if (/~(?![01])/.test(pointer)) throw new BadRequest(`Pointer \`${pointer.slice(0, 200)}\` contains "~" not part of a recognized escape sequence.`)
  return pointer.slice(1).split('/').map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~').trim())
}
