// The filters of volume lists: which there are for whom, and what they mean.
import type { RequestContext } from '#core/context'
import { BadRequest } from '#core/errors'
import type { Version } from '#core/spec'
import type { TimeFilter, VolumeFilter } from '../db/volumes.ts'
import { isAdmin } from '../domain/cinder.ts'
import { InvalidInput } from '../model/errors.ts'
import { booleanOf, dictionaryOf, filtersOf, keepFilters, type Query } from './lists.ts'

/** Upstream's etc/cinder/resource_filters.json. */
const ofUsers = [
  'name', 'status', 'metadata', 'bootable', 'migration_status', 'availability_zone', 'group_id', 'size', 'created_at', 'updated_at', 'consumes_quota',
]
/** Filters that came with a version, and were ignored before. */
const added: Readonly<Record<string, string>> = { glance_metadata: '3.4', group_id: '3.10', created_at: '3.60', updated_at: '3.60', consumes_quota: '3.65' }
const likeable = ['name', 'status', 'availability_zone', 'description', 'host'] as const

const columns = {
  id: 'id', name: 'display_name', display_name: 'display_name', description: 'display_description', display_description: 'display_description',
  status: 'status', availability_zone: 'availability_zone', host: 'host', user_id: 'user_id', volume_type_id: 'volume_type_id', attach_status: 'attach_status',
} as const

const operators: Readonly<Record<string, TimeFilter['operator']>> = { gt: '>', gte: '>=', eq: '=', neq: '!=', lt: '<', lte: '<=' }

/** @throws BadRequest, InvalidInput */
export function volumeFilter(ctx: RequestContext, version: Version, query: Query): VolumeFilter {
  const admin = isAdmin(ctx)
  const filters = filtersOf(query)
  for (const [name, since] of Object.entries(added)) if (!version.atLeast(since)) filters.delete(name)
  // That file does not have glance_metadata, which users had before it counted.
  const refuses = version.atLeast('3.31')
  keepFilters(filters, refuses ? ofUsers : [...ofUsers, 'glance_metadata'], { admin, refuses })
  const take = (name: string): string | undefined => {
    const value = filters.get(name)
    filters.delete(name)
    return value
  }

  const all = take('all_tenants')
  const everywhere = admin && all !== undefined && allTenants(all)
  const project = take('project_id') ?? take('tenant_id')
  const projectId = everywhere ? project : (ctx.identity.projectId ?? '')
  const equal: Record<string, unknown> = {}
  const like: Record<string, string> = {}
  const times: TimeFilter[] = []
  let metadata: Record<string, string> | undefined
  let imageMetadata: Record<string, string> | undefined
  let nothing = false

  for (const [key, value] of filters) {
    if (key === 'metadata') metadata = dictionaryOf(value, 'metadata')
    else if (key === 'glance_metadata') imageMetadata = dictionaryOf(value, 'glance_metadata')
    else if (key === 'bootable' || key === 'multiattach') equal[key] = bootable(key, value, version.atLeast('3.2')) ? 1 : 0
    else if (key === 'size') equal['size'] = /^\d{1,10}$/.test(value) ? Number(value) : -1
    else if (key === 'created_at' || key === 'updated_at') times.push(...timesOf(key, value))
    else if (key === 'consumes_quota') nothing ||= booleanOf(value) === false
    else if (key === 'group_id') nothing = true
    else if (key === 'migration_status') nothing ||= !/^none$/i.test(value)
    else if (key.endsWith('~') && (likeable as readonly string[]).includes(key.slice(0, -1))) like[columns[key.slice(0, -1) as keyof typeof columns]] = value
    else if (Object.hasOwn(columns, key)) equal[columns[key as keyof typeof columns]] = value
    // A filter on what no volume has leaves none (cinder/db/sqlalchemy/api.py, _process_volume_filters).
    else nothing = true
  }
  return {
    ...(projectId !== undefined && { projectId }), equal, like, times, nothing,
    ...(metadata && { metadata }), ...(imageMetadata && { imageMetadata }),
  }
}

/** `all_tenants` also counts when it is empty. @throws InvalidInput */
export function allTenants(text: string): boolean {
  if (text === '') return true
  const value = booleanOf(text)
  if (value === undefined) throw new InvalidInput(`Invalid input received: all_tenants param can not be '${text.slice(0, 40)}'`)
  return value
}

/** Before 3.2 whatever is not false was true. @throws InvalidInput */
function bootable(key: string, text: string, strict: boolean): boolean {
  if (!strict) return !/^(false)$/i.test(text)
  const word = text.trim().toLowerCase()
  if (['true', '1', 't', 'y', 'yes', 'on'].includes(word)) return true
  if (['false', '0', 'f', 'n', 'no', 'off'].includes(word)) return false
  throw new InvalidInput(`Invalid input received: ${key}={${text.slice(0, 80)}}`)
}

/** `gt:2016-01-01T01:00:00,lt:…`. @throws BadRequest */
function timesOf(column: TimeFilter['column'], text: string): TimeFilter[] {
  return text.split(',').map((part) => {
    const at = part.indexOf(':')
    const operator = operators[part.slice(0, at)]
    if (at < 0 || !operator) throw new BadRequest(`Invalid ${part.slice(0, Math.max(at, 0)).slice(0, 40)} operator`)
    const time = part.slice(at + 1)
    const zoned = /(Z|[+-]\d{2}:?\d{2})$/.test(time) ? time : `${time}Z`
    const parsed = Date.parse(zoned)
    if (Number.isNaN(parsed)) throw new BadRequest(`Invalid ${time.slice(0, 40)} value`)
    return { column, operator, at: new Date(parsed).toISOString() }
  })
}
