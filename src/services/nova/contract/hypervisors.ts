// Hypervisors: the compute nodes, as admins see them.
import { Closed, defineRoutes, Nullable, type Static, Type, versioned } from '#core/spec'
import { Filter, Text } from './schemas.ts'
import { AnyQuery, HostName, IdParams, Links, Switch } from './values.ts'

const Id = Type.Union([Type.Integer(), Type.String()])
const brief = {
  id: Id, hypervisor_hostname: Type.String(), state: Type.Union([Type.Literal('up'), Type.Literal('down')]),
  status: Type.Union([Type.Literal('enabled'), Type.Literal('disabled')]), servers: Type.Optional(Type.Array(Closed({ name: Type.String(), uuid: Type.String() }))),
}
const BriefHypervisor = Closed(brief)
export type BriefHypervisor = Static<typeof BriefHypervisor>
const amount = Type.Optional(Type.Integer())
const usage = {
  vcpus: amount, vcpus_used: amount, memory_mb: amount, memory_mb_used: amount, local_gb: amount, local_gb_used: amount, free_ram_mb: amount, free_disk_gb: amount,
  disk_available_least: amount, current_workload: amount, running_vms: amount,
}
const HypervisorBody = Closed({
  ...brief, ...usage, hypervisor_type: Type.String(), hypervisor_version: Type.Integer(), host_ip: Type.String(),
  service: Closed({ id: Id, host: Type.String(), disabled_reason: Nullable(Type.String()) }),
  cpu_info: Type.Optional(Type.Union([Type.String(), Type.Object({}, { additionalProperties: true })])), uptime: Type.Optional(Nullable(Type.String())),
})
export type HypervisorBody = Static<typeof HypervisorBody>

const ServersWanted = Type.Optional(Switch)
const listing = versioned({
  '2.1': AnyQuery,
  '2.33': Type.Object({ limit: Filter, marker: Filter }, { additionalProperties: true }),
  '2.53': Closed({ limit: Text, marker: Text, hypervisor_hostname_pattern: Type.Optional(HostName), with_servers: ServersWanted }),
})
const rule = <A extends string>(action: A) => `os_compute_api:os-hypervisors:${action}` as const

export const hypervisorRoutes = defineRoutes('nova', {
  listHypervisors: {
    method: 'GET', path: '/os-hypervisors', policy: rule('list'), summary: 'Names and states of the hypervisors.',
    query: listing, reply: { 200: Closed({ hypervisors: Type.Array(BriefHypervisor), hypervisors_links: Type.Optional(Links) }) }, faults: [400, 401, 403, 404],
  },
  listHypervisorsInDetail: {
    method: 'GET', path: '/os-hypervisors/detail', policy: rule('list-detail'), summary: 'The hypervisors.',
    query: listing, reply: { 200: Closed({ hypervisors: Type.Array(HypervisorBody), hypervisors_links: Type.Optional(Links) }) }, faults: [400, 401, 403, 404],
  },
  showHypervisorStatistics: {
    method: 'GET', path: '/os-hypervisors/statistics', until: '2.87', policy: rule('statistics'), summary: 'Sums over all enabled hypervisors.',
    reply: { 200: Closed({ hypervisor_statistics: Closed({ count: Type.Integer(), ...usage }) }) }, faults: [401, 403],
  },
  showHypervisor: {
    method: 'GET', path: '/os-hypervisors/:id', policy: rule('show'), summary: 'One hypervisor.',
    params: IdParams, query: versioned({ '2.1': AnyQuery, '2.53': Closed({ with_servers: ServersWanted }) }),
    reply: { 200: Closed({ hypervisor: HypervisorBody }) }, faults: [400, 401, 403, 404],
  },
  showHypervisorUptime: {
    method: 'GET', path: '/os-hypervisors/:id/uptime', until: '2.87', policy: rule('uptime'), summary: 'How long the host of a hypervisor has been up.',
    params: IdParams, reply: { 200: Closed({ hypervisor: Closed({ ...brief, uptime: Type.String() }) }) }, faults: [400, 401, 403, 404],
  },
  searchHypervisors: {
    method: 'GET', path: '/os-hypervisors/:id/search', until: '2.52', policy: rule('search'), summary: 'Hypervisors whose name has a text in it.',
    params: IdParams, reply: { 200: Closed({ hypervisors: Type.Array(BriefHypervisor) }) }, faults: [401, 403, 404],
  },
  listHypervisorServers: {
    method: 'GET', path: '/os-hypervisors/:id/servers', until: '2.52', policy: rule('servers'), summary: 'The same, with the servers on them.',
    params: IdParams, reply: { 200: Closed({ hypervisors: Type.Array(BriefHypervisor) }) }, faults: [401, 403, 404],
  },
})
