// The query of a list of servers as the domain takes it: what the caller may filter by, in upstream's spellings.
import type { RequestContext } from '#core/context'
import type { SortedBy } from '#core/db'
import { BadRequest, Forbidden } from '#core/errors'
import type { Version } from '#core/spec'
import type { InstanceFilter } from '../../db/instance-list.ts'
import { requireRule } from '../../domain/authorize.ts'
import type { Nova } from '../../domain/nova.ts'
import type { ServerList } from '../../domain/servers/list.ts'
import { Pattern, readPattern } from '../../model/pattern.ts'
import { statesOf } from '../../model/server-states.ts'
import { readBoolean, wholeNumber } from '../values.ts'

type Query = Readonly<Record<string, readonly string[] | undefined>>

/** Sort keys that were once taken and never did anything. */
const ignoredSorts = new Set([
  'architecture', 'cell_name', 'cleaned', 'default_ephemeral_device', 'default_swap_device', 'deleted', 'deleted_at', 'disable_terminate', 'ephemeral_gb', 'ephemeral_key_uuid',
  'id', 'key_data', 'launched_on', 'memory_mb', 'os_type', 'reservation_id', 'root_gb', 'shutdown_terminate', 'user_data', 'vcpus', 'vm_mode',
])
const sortable = new Set([
  'access_ip_v4', 'access_ip_v6', 'auto_disk_config', 'availability_zone', 'config_drive', 'created_at', 'display_description', 'display_name', 'host', 'hostname', 'image_ref',
  'instance_type_id', 'kernel_id', 'key_name', 'launch_index', 'launched_at', 'locked_by', 'node', 'power_state', 'progress', 'project_id', 'ramdisk_id', 'root_device_name',
  'task_state', 'terminated_at', 'updated_at', 'user_id', 'uuid', 'vm_state',
])
const joined = ['block_device_mapping', 'services', 'metadata', 'system_metadata', 'info_cache', 'security_groups', 'pci_devices']

/** Filters by regular expression, with the column behind each, or what stands for it (`columnOf` of the domain). */
const patternColumns: Readonly<Record<string, string>> = {
  name: 'display_name', display_name: 'display_name', description: 'display_description', display_description: 'display_description', hostname: 'hostname',
  key_name: 'key_name', power_state: 'power_state', node: 'node', reservation_id: 'reservation_id', launched_at: 'launched_at', terminated_at: 'terminated_at',
  availability_zone: 'availability_zone', root_device_name: 'root_device_name', access_ip_v4: 'access_ip_v4', access_ip_v6: 'access_ip_v6', progress: 'progress',
  created_at: 'created_at', launch_index: 'launch_index', auto_disk_config: 'auto_disk_config', locked_by: 'locked_by', kernel_id: 'kernel_id', ramdisk_id: 'ramdisk_id',
}

function openFilters(version: Version): ReadonlySet<string> {
  const names = ['reservation_id', 'name', 'status', 'image', 'flavor', 'ip', 'changes-since', 'all_tenants']
  if (version.atLeast('2.5')) names.push('ip6')
  if (version.atLeast('2.26')) names.push('tags', 'tags-any', 'not-tags', 'not-tags-any')
  if (version.atLeast('2.66')) names.push('changes-before')
  if (version.atLeast('2.73')) names.push('locked')
  if (version.atLeast('2.83')) names.push('availability_zone', 'config_drive', 'key_name', 'created_at', 'launched_at', 'terminated_at', 'power_state', 'task_state', 'vm_state', 'progress', 'user_id')
  return new Set(names)
}

function readTime(name: string, value: string): string {
  const time = Date.parse(/(Z|[+-]\d{2}:?\d{2})$/.test(value) ? value : `${value}Z`)
  if (Number.isNaN(time) || !/^\d{4}-?\d{2}-?\d{2}/.test(value)) throw new BadRequest(`Invalid input for query parameters ${name}. Value: ${value.slice(0, 80)}. '${value.slice(0, 80)}' is not a 'date-time'`)
  return new Date(time).toISOString()
}

/** @returns undefined when nothing can match. @throws BadRequest, Forbidden */
export function readServerList(nova: Nova, ctx: RequestContext, given: Query, version: Version, detail: boolean): ServerList | undefined {
  const { identity } = ctx
  const all = nova.policy.allows('os_compute_api:servers:allow_all_filters', identity, { project_id: identity.projectId })
  const open = openFilters(version)
  const one = (name: string): string | undefined => (all || open.has(name) ? given[name]?.at(-1) : undefined)
  for (const name of Object.keys(given)) if (all && (joined.includes(name) || name.startsWith('_'))) throw new BadRequest(`Invalid filter field: ${name}.`)
  const allTenants = readAllTenants(one('all_tenants'))
  if (allTenants) requireRule(nova, ctx, `os_compute_api:servers:${detail ? 'detail' : 'index'}:get_all_tenants`, { project_id: identity.projectId })

  const states = readStates(given, one, version)
  if (states === 'none') return undefined
  const [since, before] = [one('changes-since'), one('changes-before')]
  const [changesSince, changesBefore] = [since === undefined ? undefined : readTime('changes-since', since), before === undefined ? undefined : readTime('changes-before', before)]
  if (changesSince !== undefined && changesBefore !== undefined && changesBefore < changesSince) throw new BadRequest('The value of changes-since must be less than or equal to changes-before.')
  const deleted = readDeleted(one('deleted'), changesSince !== undefined || changesBefore !== undefined, states.vmStates, identity.roles.includes('admin'))
  const [projectId, userId, host, image, flavor, id, locked] = [
    allTenants ? (one('project_id') ?? one('tenant_id')) : identity.projectId, one('user_id'), one('host'), one('image') ?? one('image_ref'), one('flavor'), one('uuid'), one('locked'),
  ]
  const tagsOf = (name: string) => one(name)?.split(',')
  const [tags, tagsAny, notTags, notTagsAny] = ['tags', 'tags-any', 'not-tags', 'not-tags-any'].map(tagsOf)
  const filter: InstanceFilter = {
    ...(projectId !== undefined && { projectId }), ...(userId !== undefined && { userId }), ...(host !== undefined && { host }), ...(id !== undefined && { ids: [id] }),
    ...(image !== undefined && { imageId: image.split('/').at(-1) ?? '' }), ...(flavor !== undefined && { flavorId: flavor.split('/').at(-1) ?? '' }),
    ...(states.vmStates && { vmStates: states.vmStates }), ...(states.taskStates && { taskStates: states.taskStates }), ...(deleted !== undefined && { deleted }),
    ...(locked !== undefined && { locked: readLocked(locked) }), ...(changesSince !== undefined && { changesSince }), ...(changesBefore !== undefined && { changesBefore }),
    ...(tags && { tags }), ...(tagsAny && { tagsAny }), ...(notTags && { notTags }), ...(notTagsAny && { notTagsAny }),
  }
  const patterns = Object.entries(patternColumns).flatMap(([name, column]) => {
    const value = one(name)
    return value === undefined ? [] : [{ column, pattern: readPattern(name, value) }]
  })
  const drive = one('config_drive')
  if (drive !== undefined) patterns.push({ column: 'config_drive', pattern: new Pattern(readBoolean(drive) ? '^True$' : '^$') })
  const [v4, v6] = [one('ip'), one('ip6')]
  const marker = given['marker']?.at(-1)
  return {
    filter, patterns, sort: readSort(nova, ctx, given, version), limit: readLimit(nova, given['limit']?.at(-1)), ...(marker !== undefined && { marker }),
    ...((v4 !== undefined || v6 !== undefined) && { addresses: { ...(v4 !== undefined && { v4: readPattern('ip', v4) }), ...(v6 !== undefined && { v6: readPattern('ip6', v6) }) } }),
  }
}

export function readLimit(nova: Nova, value: string | undefined): number {
  if (value !== undefined && !/^\d+$/.test(value)) throw new BadRequest(`Invalid input for query parameters limit. Value: ${value.slice(0, 40)}. It must be a whole number from 0 up.`)
  return Math.min(wholeNumber(value?.slice(0, 12), 'limit') ?? nova.settings.max_limit, nova.settings.max_limit)
}

function readAllTenants(value: string | undefined): boolean {
  if (value === undefined) return false
  if (value === '') return true
  const truth = readBoolean(value)
  if (truth === undefined) throw new BadRequest(`Unrecognized value '${value.slice(0, 40)}', acceptable values are: '0', '1', 'f', 'false', 'n', 'no', 'off', 'on', 't', 'true', 'y', 'yes'`)
  return truth
}

function readLocked(value: string): boolean {
  const truth = readBoolean(value)
  if (truth === undefined) throw new BadRequest(`Unrecognized value '${value.slice(0, 40)}', acceptable values are: '0', '1', 'f', 'false', 'n', 'no', 'off', 'on', 't', 'true', 'y', 'yes'`)
  return truth
}

function readStates(given: Query, one: (name: string) => string | undefined, version: Version): { vmStates?: readonly string[]; taskStates?: readonly (string | null)[] } | 'none' {
  if (given['status'] !== undefined) {
    const found = statesOf(given['status'])
    if (found.vmStates.length === 0 && found.taskStates.length === 0) {
      if (version.atLeast('2.38')) throw new BadRequest('Invalid status value')
      return 'none'
    }
    // Statuses of a resting server are its vm state's, whatever is done to it.
    return { vmStates: found.vmStates, ...(!found.taskStates.includes('default') && { taskStates: found.taskStates }) }
  }
  const [vmState, taskState] = [one('vm_state'), one('task_state')]
  return { ...(vmState !== undefined && { vmStates: [vmState] }), ...(taskState !== undefined && { taskStates: [taskState === 'None' ? null : taskState] }) }
}

function readDeleted(value: string | undefined, byTime: boolean, vmStates: readonly string[] | undefined, admin: boolean): boolean | undefined {
  if (vmStates?.length === 1 && vmStates[0] === 'deleted') {
    if (!admin) throw new Forbidden('Only administrators may list deleted instances')
    return true
  }
  if (value !== undefined) return readBoolean(value) === true
  return byTime ? undefined : false
}

function readSort(nova: Nova, ctx: RequestContext, given: Query, version: Version): readonly SortedBy[] {
  const strict = version.atLeast('2.75')
  const directions = (given['sort_dir'] ?? []).map((direction) => direction.trim())
  const asked = (given['sort_key'] ?? ['created_at']).map((key, at) => ({ key: key.trim(), direction: directions[at] ?? directions[0] ?? 'desc' }))
  const usable = asked.filter(({ key }) => {
    const known = sortable.has(key) || (key === 'locked' && version.atLeast('2.73'))
    if (!known && (strict || !ignoredSorts.has(key))) throw new BadRequest(`Invalid input for query parameters sort_key. Value: ${key.slice(0, 80)}. '${key.slice(0, 80)}' is not one of the keys to sort by`)
    const secret = (key === 'host' || key === 'node') && !ctx.identity.roles.includes('admin')
    if (secret) throw new Forbidden("Only administrators can sort servers by host or node.")
    return known && key !== 'kernel_id' && key !== 'ramdisk_id'
  })
  if (usable.length === 0) return [{ key: 'created_at', direction: 'desc' }]
  const spare = directions.slice(asked.length)
  for (const direction of [...usable.map((each) => each.direction), ...spare]) {
    if (direction !== 'asc' && direction !== 'desc') throw new BadRequest("Invalid input received: Unknown sort direction, must be 'desc' or 'asc'")
  }
  if (spare.length > 0) throw new BadRequest('Invalid input received: Sort direction size exceeds sort key size')
  return usable as SortedBy[]
}
