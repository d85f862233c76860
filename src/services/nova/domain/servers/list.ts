// Lists servers over all places where they are: planned, in the cells, in cell0. Each place gives a page; pages are merged.
import type { SortedBy } from '#core/db'
import { BadRequest } from '#core/errors'
import { listPlans, type ServerPlan } from '../../db/build-requests.ts'
import { type InstanceFilter, listInstances, sortColumns } from '../../db/instance-list.ts'
import { findAnyInstance, type ServerRows, withParts } from '../../db/instances.ts'
import { cellNames, type CellName } from '../../db/open.ts'
import { type Matches, matchInTurns, type Pattern } from '../../model/pattern.ts'
import type { FixedAddress } from '../../model/server.ts'
import { byAdmin, byOwner } from '../../model/server-states.ts'
import type { Nova } from '../nova.ts'
import { findPlan } from '../../db/build-requests.ts'

export interface ServerList {
  readonly filter: InstanceFilter
  /** Columns that must match a regular expression. */
  readonly patterns: readonly { readonly column: string; readonly pattern: Pattern }[]
  readonly addresses?: { readonly v4?: Pattern; readonly v6?: Pattern }
  readonly sort: readonly SortedBy[]
  readonly limit: number
  readonly marker?: string
}

const chunk = 500

/** @throws BadRequest for an unknown marker */
export async function listServers(nova: Nova, list: ServerList, parts: boolean): Promise<ServerRows[]> {
  if (list.limit === 0) return []
  const sort: readonly SortedBy[] = list.sort.some(({ key }) => key === 'uuid') ? list.sort : [...list.sort, { key: 'uuid', direction: list.sort[0]?.direction ?? 'desc' }]
  const marker = list.marker === undefined ? undefined : await markerRow(nova, list.marker)
  // Plans before cells: a server that gets its row meanwhile is then seen at least once.
  const matches = matchInTurns(() => nova.runtime.clock.turn())
  const planned = await matchingPlans(nova, matches, list, sort, marker)
  const pages = await Promise.all(cellNames.map((cell) => page(nova, matches, cell, list, sort, marker, parts)))
  const inCells = new Set(pages.flat().map(({ instance }) => instance.uuid))
  const merged = [...planned.filter(({ instance }) => !inCells.has(instance.uuid)), ...pages.flat()]
  return merged.sort((a, b) => compare(a.instance, b.instance, sort)).slice(0, list.limit)
}

type Row = Readonly<Record<string, unknown>>

async function markerRow(nova: Nova, id: string): Promise<Row> {
  const plan = await findPlan(nova.api.read, id)
  if (plan) return plan.instance as unknown as Row
  for (const cell of cellNames) {
    const instance = await findAnyInstance(nova.cells[cell].read, id)
    if (instance) return instance as unknown as Row
  }
  throw new BadRequest(`marker [${id.slice(0, 80)}] not found`)
}

async function page(nova: Nova, matches: Matches, cell: CellName, list: ServerList, sort: readonly SortedBy[], marker: Row | undefined, parts: boolean): Promise<ServerRows[]> {
  const { read } = nova.cells[cell]
  const found: ServerRows[] = []
  const decidedHere = list.patterns.length > 0 || list.addresses !== undefined
  let after = marker
  for (;;) {
    const size = decidedHere ? chunk : list.limit
    const instances = await listInstances(read, list.filter, sort, size, after)
    const passed = await select(instances, (instance) => matchesPatterns(matches, instance as unknown as Row, list))
    const rows = parts || list.addresses ? await withParts(read, passed) : passed.map((instance): ServerRows => ({ instance, blockDevices: [], ports: [], tags: [] }))
    found.push(...await select(rows, (row) => matchesAddresses(matches, row, list)))
    after = instances.at(-1) as unknown as Row | undefined
    if (instances.length < size || found.length >= list.limit) return found.slice(0, list.limit)
  }
}

async function matchingPlans(nova: Nova, matches: Matches, list: ServerList, sort: readonly SortedBy[], marker: Row | undefined): Promise<ServerRows[]> {
  if (list.filter.deleted === true || list.addresses) return []
  const plans = (await listPlans(nova.api.read, list.filter.projectId))
    .filter((plan) => fits(plan, list.filter) && (marker === undefined || compare(marker, plan.instance as unknown as Row, sort) < 0))
  return (await select(plans, ({ instance }) => matchesPatterns(matches, instance as unknown as Row, list)))
    .map(({ instance, blockDevices, tags }): ServerRows => ({ instance, blockDevices, ports: [], tags }))
}

/** The same conditions as in SQL, for the few that have no row yet. */
function fits({ instance, tags }: ServerPlan, filter: InstanceFilter): boolean {
  const has = (names: readonly string[] | undefined, test: (names: readonly string[]) => boolean) => names === undefined || test(names)
  return (filter.userId === undefined || instance.user_id === filter.userId)
    && has(filter.ids, (ids) => ids.includes(instance.uuid))
    && (filter.host === undefined || instance.host === filter.host)
    && (filter.imageId === undefined || instance.image_ref === filter.imageId)
    && (filter.flavorId === undefined || instance.flavor_id === filter.flavorId)
    && has(filter.vmStates, (states) => states.includes(instance.vm_state))
    && (filter.taskStates === undefined || filter.taskStates.includes(instance.task_state))
    && (filter.locked === undefined || (instance.locked !== 0) === filter.locked)
    && (filter.changesSince === undefined || (instance.updated_at ?? '') >= filter.changesSince)
    && (filter.changesBefore === undefined || (instance.updated_at ?? '') <= filter.changesBefore)
    && has(filter.tags, (names) => names.every((name) => tags.includes(name)))
    && has(filter.tagsAny, (names) => names.some((name) => tags.includes(name)))
    && has(filter.notTags, (names) => !names.every((name) => tags.includes(name)))
    && has(filter.notTagsAny, (names) => !names.some((name) => tags.includes(name)))
}

/** What upstream keeps in columns of their own, and we do not. */
function columnOf(instance: Row, name: string): unknown {
  if (name === 'locked_by') return instance['locked'] === byOwner ? 'owner' : instance['locked'] === byAdmin ? 'admin' : null
  if (name === 'kernel_id' || name === 'ramdisk_id') return (JSON.parse(String(instance['system_metadata'])) as Record<string, string>)[`image_${name}`] ?? ''
  return instance[name]
}

async function select<Each>(all: readonly Each[], passes: (each: Each) => Promise<boolean>): Promise<Each[]> {
  const passed: Each[] = []
  for (const each of all) if (await passes(each)) passed.push(each)
  return passed
}

async function matchesPatterns(matches: Matches, instance: Row, { patterns }: ServerList): Promise<boolean> {
  for (const { column, pattern } of patterns) {
    const value = columnOf(instance, column)
    if (value === null || value === undefined || !(await matches(pattern, String(value)))) return false
  }
  return true
}

async function matchesAddresses(matches: Matches, { ports }: ServerRows, { addresses }: ServerList): Promise<boolean> {
  if (!addresses) return true
  const all = ports.flatMap((port) => JSON.parse(port.addresses) as FixedAddress[])
  for (const version of [4, 6] as const) {
    const pattern = addresses[`v${version}`]
    const texts = all.flatMap((each) => [...(each.version === version ? [each.address] : []), ...(version === 4 ? each.floating : [])])
    for (const text of texts) if (pattern && (await matches(pattern, text))) return true
  }
  return false
}

function compare(a: Row | ServerRows['instance'], b: Row | ServerRows['instance'], sort: readonly SortedBy[]): number {
  for (const { key, direction } of sort) {
    const { column, whenNull } = sortColumns[key] ?? { column: key, whenNull: '' }
    const [left, right] = [a, b].map((row) => (row as Row)[column] ?? whenNull ?? '') as [string | number, string | number]
    if (left !== right) return (left < right ? -1 : 1) * (direction === 'asc' ? 1 : -1)
  }
  return 0
}
