// Reads the query of the image list. Any name that is no parameter and no attribute is a property of the images.
import { BadRequest } from '#core/errors'
import type { Comparison, EqualColumn, ImageQuery, SortColumn } from '../model/image-query.ts'
import type { MemberStatus, Visibility } from '../model/images.ts'

type Query = Readonly<Record<string, string | readonly string[] | undefined>>
export type ListRequest = Omit<ImageQuery, 'viewer' | 'marker'> & { readonly markerId: string | undefined }

const all = (value: string | readonly string[] | undefined): readonly string[] => (value === undefined ? [] : typeof value === 'string' ? [value] : value)
const last = (value: string | readonly string[] | undefined): string | undefined => all(value).at(-1)

const sortKeys: readonly string[] = ['name', 'status', 'container_format', 'disk_format', 'size', 'id', 'created_at', 'updated_at']
const equalColumns: readonly string[] = ['name', 'status', 'container_format', 'disk_format', 'id', 'owner', 'checksum', 'os_hash_algo', 'os_hash_value']
const numberColumns: readonly string[] = ['min_disk', 'min_ram', 'size']
const listColumns: readonly string[] = ['name', 'status', 'container_format', 'disk_format', 'id']
const parameters = new Set(['limit', 'marker', 'sort', 'sort_key', 'sort_dir', 'visibility', 'member_status', 'os_hidden', 'tag', 'size_min', 'size_max', 'created_at', 'updated_at', 'protected', ...equalColumns, ...numberColumns])
const comparisons: Readonly<Record<string, Comparison>> = { gt: '>', gte: '>=', lt: '<', lte: '<=', eq: '=', neq: '!=' }

export function readListQuery(query: Query, limits: { readonly limit_param_default: number; readonly api_limit_max: number }): ListRequest {
  if (query['changes-since'] !== undefined) throw new BadRequest('The "changes-since" filter is no longer available on v2.')
  const properties: [string, string][] = []
  for (const [name, value] of Object.entries(query)) if (!parameters.has(name)) properties.push([name, last(value) ?? ''])
  return {
    visibility: oneOf(last(query['visibility']), ['public', 'private', 'shared', 'community', 'all'], 'visibility value') as Visibility | 'all' | undefined,
    memberStatus: (oneOf(last(query['member_status']), ['pending', 'accepted', 'rejected', 'all'], 'status') ?? 'accepted') as MemberStatus | 'all',
    hidden: readBoolean('os_hidden', last(query['os_hidden'])) ?? false,
    equal: readEqual(query), size: readSizes(query), times: readTimes(query), tags: all(query['tag']).map((tag) => tag.trim()), properties,
    sort: readSort(query), limit: readLimit(last(query['limit']), limits), markerId: last(query['marker']),
  }
}

function oneOf(value: string | undefined, choices: readonly string[], what: string): string | undefined {
  if (value === undefined || value === '') return undefined
  if (!choices.includes(value)) throw new BadRequest(`Invalid ${what}: ${value.slice(0, 80)}`)
  return value
}

function readBoolean(name: string, value: string | undefined): boolean | undefined {
  if (value === undefined) return undefined
  if (/^(true|1|yes|on|t|y)$/i.test(value)) return true
  if (/^(false|0|no|off|f|n)$/i.test(value)) return false
  throw new BadRequest(`Bad value '${value.slice(0, 80)}' of ${name}: expected true or false.`)
}

function readEqual(query: Query): [EqualColumn, (string | number)[]][] {
  const equal: [EqualColumn, (string | number)[]][] = []
  for (const column of equalColumns) {
    const value = last(query[column])
    if (value !== undefined) equal.push([column as EqualColumn, value.startsWith('in:') && listColumns.includes(column) ? readList(value.slice(3)) : [value]])
  }
  for (const column of numberColumns) {
    const value = last(query[column])
    if (value !== undefined) equal.push([column as EqualColumn, [readNumber(column, value)]])
  }
  const isProtected = readBoolean('protected', last(query['protected']))
  if (isProtected !== undefined) equal.push(['protected', [isProtected ? 1 : 0]])
  return equal
}

/** `a,"b,c",d` */
function readList(text: string): string[] {
  const items: string[] = []
  const pattern = /(?:\s*"((?:[^"\\]|\\.)*)"\s*|([^",]*))(,|$)/gy
  for (;;) {
    const found = pattern.exec(text)
    if (!found) throw new BadRequest(`Invalid filter value ${text.slice(0, 80)}. The quote is not closed, or there is no comma after a closing quotation mark.`)
    items.push(found[1] === undefined ? (found[2] ?? '').trim() : found[1].replaceAll(/\\(.)/g, '$1'))
    if (found[3] === '') return items
  }
}

function readNumber(name: string, value: string): number {
  if (!/^\d{1,15}$/.test(value)) throw new BadRequest(`Bad value '${value.slice(0, 80)}' of ${name}: expected a whole number from 0 up.`)
  return Number(value)
}

function readSizes(query: Query): ['>=' | '<=', number][] {
  const sizes: ['>=' | '<=', number][] = []
  for (const [name, comparison] of [['size_min', '>='], ['size_max', '<=']] as const) {
    const value = last(query[name])
    if (value !== undefined) sizes.push([comparison, readNumber(name, value)])
  }
  return sizes
}

function readTimes(query: Query): ['created_at' | 'updated_at', Comparison, string][] {
  const times: ['created_at' | 'updated_at', Comparison, string][] = []
  for (const column of ['created_at', 'updated_at'] as const) {
    const value = last(query[column])
    if (value === undefined) continue
    const [, operator = 'eq', text = value] = /^([a-z]+):(.*)$/s.exec(value) ?? []
    const comparison = comparisons[operator]
    if (!comparison) throw new BadRequest(`Unable to filter on a unknown operator ${operator.slice(0, 20)}.`)
    const bare = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?$/.test(text)
    const time = /^\d{4}-\d\d-\d\d/.test(text) ? new Date(bare ? `${text.replace(' ', 'T')}Z` : text) : undefined
    if (!time || Number.isNaN(time.getTime())) throw new BadRequest(`Unable to filter by time: '${text.slice(0, 80)}' is not an ISO 8601 time.`)
    times.push(...wholeSecond(column, comparison, time))
  }
  return times
}

/** Clients see whole seconds and compare with them; the rows know milliseconds. */
function wholeSecond(column: 'created_at' | 'updated_at', comparison: Comparison, time: Date): ['created_at' | 'updated_at', Comparison, string][] {
  const from = new Date(Math.floor(time.getTime() / 1000) * 1000).toISOString()
  const next = new Date(Math.floor(time.getTime() / 1000) * 1000 + 1000).toISOString()
  switch (comparison) {
    case '=': return [[column, '>=', from], [column, '<', next]]
    case '>': return [[column, '>=', next]]
    case '<=': return [[column, '<', next]]
    default: return [[column, comparison, from]]
  }
}

function readLimit(value: string | undefined, { limit_param_default: usual, api_limit_max: most }: { limit_param_default: number; api_limit_max: number }): number {
  if (value === undefined) return usual
  if (!/^-?\d+$/.test(value)) throw new BadRequest('limit param must be an integer')
  if (value.startsWith('-')) throw new BadRequest('limit param must be positive')
  return Math.min(Number(value), most)
}

function readSort(query: Query): ImageQuery['sort'] {
  const combined = last(query['sort'])
  const keys: string[] = []
  let directions: string[] = []
  if (combined !== undefined) {
    if (query['sort_key'] !== undefined || query['sort_dir'] !== undefined) throw new BadRequest('Old and new sorting syntax cannot be combined')
    for (const part of combined.split(',')) {
      const [key = '', direction = 'desc'] = part.trim().split(':')
      keys.push(key)
      directions.push(direction)
    }
  } else {
    keys.push(...all(query['sort_key']).map((key) => key.trim()))
    directions = all(query['sort_dir']).map((direction) => direction.trim())
    if (directions.length > 1 && directions.length !== keys.length) throw new BadRequest('Number of sort dirs does not match the number of sort keys')
  }
  if (keys.length === 0) keys.push('created_at')
  const sort = keys.map((key, index) => {
    if (!sortKeys.includes(key)) throw new BadRequest(`Invalid sort key: ${key.slice(0, 80)}. It must be one of the following: ${sortKeys.join(', ')}.`)
    const direction = directions[index] ?? directions[0] ?? 'desc'
    if (direction !== 'asc' && direction !== 'desc') throw new BadRequest(`Invalid sort direction: ${direction.slice(0, 80)}`)
    return { key: key as SortColumn, direction: direction as 'asc' | 'desc' }
  })
  const usual = sort[0]?.direction ?? 'desc'
  for (const key of ['created_at', 'id'] as const) if (!sort.some((each) => each.key === key)) sort.push({ key, direction: usual })
  return sort
}
