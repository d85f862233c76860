// Handlers and views of hypervisors.
import type { RequestContext } from '#core/context'
import { fromJson } from '#core/db'
import { BadRequest, NotFound } from '#core/errors'
import { type Handlers, readPage } from '#core/http'
import type { Version } from '#core/spec'
import type { BriefHypervisor, HypervisorBody, hypervisorRoutes } from '../contract/hypervisors.ts'
import type { Reference } from '../db/compute-hosts.ts'
import { enabledHypervisors, type Hypervisor, listHypervisors, searchHypervisors, showHypervisor, uptimeOf } from '../domain/hypervisors.ts'
import type { Nova } from '../domain/nova.ts'
import { ComputeServiceUnavailable } from '../model/errors.ts'
import { type Asked, nextLinks } from './links.ts'
import { looksLikeUuid, rowNumber, toBoolean } from './values.ts'

type ListQuery = { limit?: string; marker?: string; hypervisor_hostname_pattern?: string; with_servers?: boolean | string }
const everything = { limit: Number.MAX_SAFE_INTEGER }

export const hypervisorHandlers = (nova: Nova): Handlers<typeof hypervisorRoutes> => {
  async function list({ query, version, ...asked }: Asked & { query: object; version: Version }, collection: string) {
    const { hypervisor_hostname_pattern: pattern, with_servers: servers = false, ...paging } = (version.atLeast('2.33') ? query : {}) as ListQuery
    const withServers = version.atLeast('2.53') && toBoolean(servers)
    if (version.atLeast('2.53') && pattern !== undefined) {
      if (paging.limit !== undefined || paging.marker !== undefined) {
        throw new BadRequest('Paging over hypervisors with the hypervisor_hostname_pattern query parameter is not supported.')
      }
      return { hypervisors: await searchHypervisors(nova, pattern, withServers), more: {} }
    }
    if (!version.atLeast('2.33')) return { hypervisors: await listHypervisors(nova, everything), more: {} }
    const { limit, marker } = readPage({ ...paging }, { sortable: [], defaultSort: [], maxLimit: nova.settings.max_limit })
    const hypervisors = await listHypervisors(nova, { limit, ...(marker !== undefined && { marker: markerOf(marker) }) }, withServers)
    const next = nextLinks(asked, collection, limit, hypervisors.map(({ node }) => String(version.atLeast('2.53') ? node.uuid : node.id)))
    return { hypervisors, more: next ? { hypervisors_links: next } : {} }
  }

  /** From 2.88 on with the host's uptime; that of a host that does not answer is null. */
  async function describe(ctx: RequestContext, hypervisor: Hypervisor, version: Version): Promise<HypervisorBody> {
    const view = viewHypervisor(hypervisor, version)
    if (!version.atLeast('2.88')) return view
    const uptime = await uptimeOf(nova, ctx, hypervisor).catch((error: unknown) => {
      if (error instanceof ComputeServiceUnavailable) return null
      throw error
    })
    return { ...view, uptime }
  }

  return {
    async listHypervisors(input) {
      const { hypervisors, more } = await list(input, 'os-hypervisors')
      return { status: 200, body: { hypervisors: hypervisors.map((hypervisor) => viewBrief(hypervisor, input.version)), ...more } }
    },
    async listHypervisorsInDetail(input) {
      const { hypervisors, more } = await list(input, 'os-hypervisors/detail')
      return { status: 200, body: { hypervisors: await Promise.all(hypervisors.map((hypervisor) => describe(input.ctx, hypervisor, input.version))), ...more } }
    },
    async showHypervisorStatistics() {
      const all = (await enabledHypervisors(nova)).map(viewUsage)
      const sums = Object.fromEntries(Object.keys(noUsage).map((key) => [key, all.reduce((sum, usage) => sum + usage[key as keyof typeof noUsage], 0)]))
      return { status: 200, body: { hypervisor_statistics: { count: all.length, ...sums } } }
    },
    async showHypervisor({ ctx, params, query, version }) {
      const withServers = version.atLeast('2.53') && toBoolean((query as ListQuery).with_servers ?? false)
      return { status: 200, body: { hypervisor: await describe(ctx, await showHypervisor(nova, referenceOf(params.id, version), withServers), version) } }
    },
    async showHypervisorUptime({ ctx, params, version }) {
      const hypervisor = await showHypervisor(nova, referenceOf(params.id, version))
      return { status: 200, body: { hypervisor: { ...viewBrief(hypervisor, version), uptime: await uptimeOf(nova, ctx, hypervisor) } } }
    },
    async searchHypervisors({ params, version }) {
      return { status: 200, body: { hypervisors: (await searchHypervisors(nova, params.id)).map((hypervisor) => viewBrief(hypervisor, version)) } }
    },
    async listHypervisorServers({ params, version }) {
      return { status: 200, body: { hypervisors: (await searchHypervisors(nova, params.id, true)).map((hypervisor) => viewBrief(hypervisor, version)) } }
    },
  }
}

/** A UUID or a number, in every version. */
function markerOf(text: string): Reference {
  return looksLikeUuid(text) ? { uuid: text } : { id: rowNumber(text) ?? -1 }
}

function referenceOf(text: string, version: Version): Reference {
  if (version.atLeast('2.53')) {
    if (!looksLikeUuid(text)) throw new BadRequest(`Invalid uuid ${text}`)
    return { uuid: text }
  }
  const id = rowNumber(text)
  if (id === undefined) throw new NotFound(`Hypervisor with ID '${text}' could not be found.`)
  return { id }
}

/** Before 2.75 an empty list of servers is left out. */
function viewBrief({ node, service, up, servers }: Hypervisor, version: Version): BriefHypervisor {
  return {
    id: version.atLeast('2.53') ? node.uuid : node.id, hypervisor_hostname: node.hypervisor_hostname, state: up ? 'up' : 'down',
    status: service.disabled === 1 ? 'disabled' : 'enabled',
    ...(servers && (servers.length > 0 || version.atLeast('2.75')) && { servers: servers.map(({ name, uuid }) => ({ name, uuid })) }),
  }
}

const noUsage = {
  vcpus: 0, vcpus_used: 0, memory_mb: 0, memory_mb_used: 0, local_gb: 0, local_gb_used: 0, free_ram_mb: 0, free_disk_gb: 0, disk_available_least: 0,
  current_workload: 0, running_vms: 0,
}

/** What servers were promised and what is reserved, as upstream counts it (nova/compute/resource_tracker.py); only `disk_available_least` is what the host really has. */
function viewUsage({ node, use, reserved }: Hypervisor): typeof noUsage {
  const [memory, disk] = [reserved.memoryMiB + use.memoryMiB, reserved.diskGiB + use.diskGiB]
  return {
    vcpus: node.vcpus, vcpus_used: reserved.vcpus + use.vcpus, memory_mb: node.memory_mb, memory_mb_used: memory, local_gb: node.local_gb,
    local_gb_used: disk, free_ram_mb: node.memory_mb - memory, free_disk_gb: node.local_gb - disk, disk_available_least: node.free_disk_gb,
    current_workload: use.busy, running_vms: node.running_vms,
  }
}

function viewHypervisor(hypervisor: Hypervisor, version: Version): HypervisorBody {
  const { node, service } = hypervisor
  return {
    ...viewBrief(hypervisor, version), hypervisor_type: node.hypervisor_type, hypervisor_version: node.hypervisor_version, host_ip: node.host_ip,
    service: { id: version.atLeast('2.53') ? service.uuid : service.id, host: node.host, disabled_reason: service.disabled_reason },
    ...(!version.atLeast('2.88') && { ...viewUsage(hypervisor), cpu_info: version.atLeast('2.28') ? fromJson<object>(node.cpu_info) : node.cpu_info }),
  }
}
