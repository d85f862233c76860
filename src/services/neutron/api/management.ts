// Handlers of what surrounds the nouns: extensions, zones, agents, quotas, addresses left, tags.
import { type Handlers, PreparedJson } from '#core/http'
import { extensions } from '../contract/extensions.ts'
import type { agentRoutes, extensionRoutes, ipAvailabilityRoutes, tagRoutes } from '../contract/management.ts'
import type { quotaRoutes } from '../contract/quotas.ts'
import { networkList } from '../db/networks.ts'
import { allows } from '../domain/access.ts'
import { AgentNotFound } from '../model/errors.ts'
import { type AgentRecord, deleteAgent, dhcpAgentsOf, findAgent, l3AgentsOf, listAgents, networksOfAgent, routersOfAgent, updateAgent } from '../domain/agent-management.ts'
import { giveNetwork, giveRouter, takeNetwork, takeRouter } from '../domain/agent-placement.ts'
import { agentZone, listZones } from '../domain/availability-zones.ts'
import { type NetworkAvailability, listAvailability, showAvailability } from '../domain/ip-availability.ts'
import type { Neutron } from '../domain/neutron.ts'
import { defaultLimits, deleteQuota, listQuotas, ownProject, quotaDetails, showQuota, updateQuota } from '../domain/quotas.ts'
import { addTag, deleteTag, deleteTags, listTags, replaceTags, requireTag } from '../domain/tags.ts'
import { ExtensionNotFound } from '../model/errors.ts'
import { checkFilters, pick, readFlag, readInteger, readList } from './collection.ts'
import { networkFilters, viewNetwork } from './networks.ts'
import { viewRouter } from './routers.ts'

const nouns = [
  ['networks', 'network'], ['subnets', 'subnet'], ['ports', 'port'], ['routers', 'router'], ['floatingips', 'floatingip'],
  ['security-groups', 'security_group'], ['security-group-rules', 'security_group_rule'], ['agents', 'agent'], ['quotas', 'quota'],
] as const

export const extensionHandlers = (neutron: Neutron): Handlers<typeof extensionRoutes> => ({
  async listNouns({ baseUrl }) {
    return { status: 200, body: { resources: nouns.map(([plural, name]) => ({ links: [{ rel: 'self', href: `${baseUrl}/${plural}` }], name, collection: plural.replaceAll('-', '_') })) } }
  },
  async listExtensions() {
    return { status: 200, body: { extensions: extensions.map((extension) => ({ ...extension, links: [] })) } }
  },
  async showExtension({ params }) {
    const extension = extensions.find(({ alias }) => alias === params.alias)
    if (!extension) throw new ExtensionNotFound(`Extension with alias ${params.alias} does not exist`)
    return { status: 200, body: { extension: { ...extension, links: [] } } }
  },
  async listAvailabilityZones({ query }) {
    checkFilters(query, (name) => zoneFilters.has(name))
    const zones = await listZones(neutron.database.read)
    return { status: 200, body: { availability_zones: zones.filter((each) => matches({ ...each }, query)) } }
  },
  async listServiceProviders({ query }) {
    return { status: 200, body: { service_providers: serviceProviders.filter((each) => matches(each, query)).map((each) => pick(query, each)) } }
  },
})

/** Upstream's name for a router that lives on one host (neutron/services/l3_router/service_providers/driver_controller.py). */
const serviceProviders = [{ service_type: 'L3_ROUTER_NAT', name: 'single_node', default: false }] as const

const zoneFilters = new Set(['name', 'resource', 'state'])

/** Filters of lists that are not pages of a table. */
function matches(item: Readonly<Record<string, unknown>>, query: Readonly<Record<string, string | readonly string[]>>): boolean {
  return Object.entries(query).every(([name, wanted]) => !(name in item) || [wanted].flat().some((value) => String(item[name]).toLowerCase() === value.toLowerCase()))
}

const spaced = (time: string) => time.slice(0, 19).replace('T', ' ')

function viewAgent({ row, known, alive, kind }: AgentRecord) {
  const configurations = known?.configurations ?? {}
  return {
    id: row.id, agent_type: row.agent_type, binary: row.binary, topic: topics[kind], host: row.host, admin_state_up: row.admin_state_up === 1, alive,
    availability_zone: kind === 'dhcp' || kind === 'l3' ? agentZone : null, configurations: { ...configurations, ...(kind === 'l2' && { devices: known?.load ?? 0 }) },
    created_at: row.created_at, started_at: known ? spaced(known.startedAt) : row.created_at,
    heartbeat_timestamp: known ? spaced(new Date(known.seenAt).toISOString()) : row.created_at, description: row.description === '' ? null : row.description, resources_synced: null,
  }
}

const agentFilters = new Set(['id', 'agent_type', 'binary', 'topic', 'host', 'admin_state_up', 'alive', 'description', 'availability_zone'])
const agentFlags = new Set(['admin_state_up', 'alive'])
const topics = { l2: 'N/A', dhcp: 'dhcp_agent', l3: 'l3_agent', metadata: 'N/A' } as const

/** What upstream answers where nothing is to be said: clients read it as JSON. */
const none = new PreparedJson('null') as never

export const agentHandlers = (neutron: Neutron): Handlers<typeof agentRoutes> => ({
  async listAgents({ ctx, query }) {
    checkFilters(query, (name) => agentFilters.has(name))
    const asked = Object.fromEntries(Object.entries(query).map(([name, value]) => [name, agentFlags.has(name) ? [value].flat().map(readFlag) : value]))
    // As upstream: who may not see them finds none.
    const agents = (allows(neutron, ctx, 'get_agent', {}) ? await listAgents(neutron) : []).map(viewAgent).filter((agent) => matches(agent, asked))
    return { status: 200, body: { agents: agents.map((agent) => pick(query, agent)) } }
  },
  async showAgent({ ctx, params, query }) {
    if (!allows(neutron, ctx, 'get_agent', {})) throw new AgentNotFound(`Agent ${params.id} could not be found.`)
    return { status: 200, body: { agent: pick(query, viewAgent(await findAgent(neutron, params.id))) } }
  },
  async updateAgent({ params, body }) {
    return { status: 200, body: { agent: viewAgent(await updateAgent(neutron, params.id, body.agent)) } }
  },
  async deleteAgent({ params }) {
    await deleteAgent(neutron, params.id)
    return { status: 204 }
  },
  async listDhcpNetworks({ ctx, params }) {
    return { status: 200, body: { networks: (await networksOfAgent(neutron, params.id)).map((record) => viewNetwork(neutron, ctx, record)) } }
  },
  async addDhcpNetwork({ ctx, params, body }) {
    await giveNetwork(neutron, ctx, params.id, body.network_id)
    return { status: 201, body: none }
  },
  async removeDhcpNetwork({ ctx, params }) {
    await takeNetwork(neutron, ctx, params.id, params.network_id)
    return { status: 204 }
  },
  async listDhcpAgents({ params }) {
    return { status: 200, body: { agents: (await dhcpAgentsOf(neutron, params.id)).map(viewAgent) } }
  },
  async listL3Routers({ params }) {
    return { status: 200, body: { routers: (await routersOfAgent(neutron, params.id)).map(viewRouter) } }
  },
  async addL3Router({ ctx, params, body }) {
    await giveRouter(neutron, ctx, params.id, body.router_id)
    return { status: 201, body: none }
  },
  async removeL3Router({ ctx, params }) {
    await takeRouter(neutron, ctx, params.id, params.router_id)
    return { status: 204 }
  },
  async listL3Agents({ params }) {
    return { status: 200, body: { agents: (await l3AgentsOf(neutron, params.id)).map(viewAgent) } }
  },
})

export const quotaHandlers = (neutron: Neutron): Handlers<typeof quotaRoutes> => {
  const details: Handlers<typeof quotaRoutes>['showQuotaDetails'] = async ({ ctx, params }) => ({ status: 200, body: { quota: await quotaDetails(neutron, ctx, params.project_id) } })
  return {
    listQuotas: async ({ ctx }) => ({ status: 200, body: { quotas: await listQuotas(neutron, ctx) } }),
    showQuotaTenant: async ({ ctx }) => ({ status: 200, body: { tenant: { tenant_id: ownProject(ctx) } } }),
    showQuotaProject: async ({ ctx }) => ({ status: 200, body: { project: { project_id: ownProject(ctx) } } }),
    showQuota: async ({ ctx, params }) => ({ status: 200, body: { quota: await showQuota(neutron, ctx, params.project_id) } }),
    async showDefaultQuota({ ctx, params }) {
      await showQuota(neutron, ctx, params.project_id)
      return { status: 200, body: { quota: defaultLimits(neutron) } }
    },
    showQuotaDetails: details,
    showQuotaDetailsPlain: details,
    updateQuota: async ({ ctx, params, body }) => ({ status: 200, body: { quota: await updateQuota(neutron, ctx, params.project_id, body.quota) } }),
    async deleteQuota({ ctx, params }) {
      await deleteQuota(neutron, ctx, params.project_id)
      return { status: 204 }
    },
  }
}

function viewAvailability({ network: { row }, subnets }: NetworkAvailability) {
  const sum = (of: 'total' | 'used') => subnets.reduce((total, subnet) => total + subnet[of], 0)
  return {
    network_id: row.id, network_name: row.name, tenant_id: row.project_id, project_id: row.project_id, total_ips: sum('total'), used_ips: sum('used'),
    subnet_ip_availability: subnets.map((subnet) => ({
      subnet_id: subnet.row.id, subnet_name: subnet.row.name, ip_version: subnet.row.ip_version, cidr: subnet.row.cidr, total_ips: subnet.total, used_ips: subnet.used,
    })),
  }
}

export const ipAvailabilityHandlers = (neutron: Neutron): Handlers<typeof ipAvailabilityRoutes> => ({
  async listIpAvailability({ ctx, query }) {
    const { network_id: id, network_name: name, ip_version: version, ...rest } = query
    const asked = { ...rest, ...(id !== undefined && { id }), ...(name !== undefined && { name }) }
    const list = readList(asked, networkList, networkFilters)
    // As upstream: who may not see them finds none.
    const found = allows(neutron, ctx, 'get_network_ip_availability', {}) ? await listAvailability(neutron, list) : []
    const versions = version === undefined ? undefined : [version].flat().map((text) => Number(readInteger(text)))
    const narrowed = versions ? found.map((each) => ({ ...each, subnets: each.subnets.filter((subnet) => versions.includes(subnet.row.ip_version)) })) : found
    return { status: 200, body: { network_ip_availabilities: narrowed.map(viewAvailability) } }
  },
  async showIpAvailability({ params }) {
    return { status: 200, body: { network_ip_availability: viewAvailability(await showAvailability(neutron, params.id)) } }
  },
})

export const tagHandlers = (neutron: Neutron): Handlers<typeof tagRoutes> => ({
  listTags: async ({ ctx, params }) => ({ status: 200, body: { tags: await listTags(neutron, ctx, params) } }),
  replaceTags: async ({ ctx, params, body }) => ({ status: 200, body: { tags: await replaceTags(neutron, ctx, params, body.tags) } }),
  async deleteTags({ ctx, params }) {
    await deleteTags(neutron, ctx, params)
    return { status: 204 }
  },
  async hasTag({ ctx, params }) {
    await requireTag(neutron, ctx, params, params.tag)
    return { status: 204 }
  },
  async addTag({ ctx, params }) {
    await addTag(neutron, ctx, params, params.tag)
    return { status: 201 }
  },
  async deleteTag({ ctx, params }) {
    await deleteTag(neutron, ctx, params, params.tag)
    return { status: 204 }
  },
})
