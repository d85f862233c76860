// Filters by upstream's names: each says whether a host may carry a server. Pure functions.
import type { PlacementRequest } from '../../model/server.ts'
import { inSameNetwork, standsBy } from './hint-filters.ts'
import type { HostState } from './hosts.ts'
import { readQuery } from './json-query.ts'

export type Filter = (host: HostState, request: PlacementRequest) => boolean

/** Names come from flavors, and may be `constructor`. */
const valueOf = (facts: Readonly<Record<string, string>>, name: string) => (Object.hasOwn(facts, name) ? facts[name] : undefined)

const words = (text: string) => text.split(/\s+/).filter((word) => word !== '')

/** An operator of extra specs and its operands (nova/scheduler/filters/extra_specs_ops.py). */
export function matchesSpec(value: string | undefined, wanted: string): boolean {
  if (value === undefined) return false
  const [operator = '', ...operands] = words(wanted)
  const first = operands[0] ?? ''
  switch (operator) {
    case '=': return Number(value) >= Number(first)
    case '==': return Number(value) === Number(first)
    case '!=': return Number(value) !== Number(first)
    case '>=': return Number(value) >= Number(first)
    case '<=': return Number(value) <= Number(first)
    case 's==': return value === first
    case 's!=': return value !== first
    case 's<': return value < first
    case 's<=': return value <= first
    case 's>': return value > first
    case 's>=': return value >= first
    case '<in>': return value.includes(first)
    case '<all-in>': return operands.every((operand) => value.includes(operand))
    case '<or>': return operands.filter((operand) => operand !== '<or>').includes(value)
    default: return value === wanted
  }
}

export const filters: Readonly<Record<string, Filter>> = {
  AllHostsFilter: () => true,
  ComputeFilter: (host) => host.enabled && host.up,
  AvailabilityZoneFilter: (host, { zone }) => zone === undefined || host.zone === zone,
  /** `capabilities:name`; names without a scope are for this filter too, unless they belong to another one. */
  ComputeCapabilitiesFilter: (host, { flavor }) =>
    Object.entries(flavor.extraSpecs).every(([key, wanted]) => {
      const scope = key.split(':')
      if (scope.length > 1 && scope[0] !== 'capabilities') return true
      const name = scope.length > 1 ? scope.slice(1).join(':') : key
      return matchesSpec(valueOf(host.capabilities, name), wanted)
    }),
  ImagePropertiesFilter: (host, { imageProperties }) => {
    const wants = (names: readonly string[], has: string | undefined) => {
      const wanted = names.map((name) => imageProperties[name]).find((value) => value !== undefined)
      return wanted === undefined || wanted.toLowerCase() === has?.toLowerCase()
    }
    return wants(['hw_architecture', 'architecture'], host.capabilities['cpu_info:arch'])
      && wants(['img_hv_type', 'hypervisor_type'], host.capabilities['hypervisor_type'])
      && wants(['hw_vm_mode', 'vm_mode'], host.capabilities['vm_mode'])
  },
  AggregateInstanceExtraSpecsFilter: (host, { flavor }) =>
    Object.entries(flavor.extraSpecs).every(([key, wanted]) => {
      if (!key.startsWith('aggregate_instance_extra_specs:')) return true
      const name = key.slice('aggregate_instance_extra_specs:'.length)
      return host.aggregates.some(({ metadata }) => (valueOf(metadata, name) ?? '').split(',').some((value) => matchesSpec(value.trim() || undefined, wanted)))
    }),
  AggregateMultiTenancyIsolation: (host, { projectId }) => {
    const owned = host.aggregates.flatMap(({ metadata }) => Object.entries(metadata).filter(([key]) => key.startsWith('filter_tenant_id')).map(([, value]) => value))
    return owned.length === 0 || owned.some((value) => value.split(',').map((id) => id.trim()).includes(projectId))
  },
  ServerGroupAntiAffinityFilter: (host, { group }) => group?.policy !== 'anti-affinity' || (group.hosts[host.host] ?? 0) < group.maxServerPerHost,
  ServerGroupAffinityFilter: (host, { group }) => group?.policy !== 'affinity' || Object.keys(group.hosts).length === 0 || (group.hosts[host.host] ?? 0) > 0,
  SameHostFilter: (host, { hints, neighbours }) => !hints?.sameHost || standsBy(host, hints.sameHost, neighbours),
  DifferentHostFilter: (host, { hints, neighbours }) => !hints?.differentHost || !standsBy(host, hints.differentHost, neighbours),
  SimpleCIDRAffinityFilter: (host, { hints }) => hints?.nearIp === undefined || inSameNetwork(host.hostIp, hints.nearIp, hints.cidr ?? '/24'),
  JsonFilter: (host, { hints }) => hints?.query === undefined || readQuery(hints.query)(host),
  IoOpsFilter: (host) => host.tasks < 8,
  NumInstancesFilter: (host) => host.servers < 50,
}

export interface Filtered {
  readonly hosts: readonly HostState[]
  readonly steps: readonly { readonly filter: string; readonly left: number; readonly removed: readonly string[] }[]
}

/** @throws Error for a name that no filter has: a mistake in the configuration */
export function applyFilters(names: readonly string[], hosts: readonly HostState[], request: PlacementRequest): Filtered {
  let left = hosts
  const steps: { filter: string; left: number; removed: string[] }[] = []
  for (const name of hosts.length === 0 ? [] : names) {
    const filter = filters[name]
    if (!filter) throw new Error(`enabled_filters names ${name}, which is no filter; choose from ${Object.keys(filters).join(', ')}`)
    const [passed, removed] = [left.filter((host) => filter(host, request)), left.filter((host) => !filter(host, request))]
    steps.push({ filter: name, left: passed.length, removed: removed.map(({ host }) => host) })
    left = passed
    if (left.length === 0) break
  }
  return { hosts: left, steps }
}
