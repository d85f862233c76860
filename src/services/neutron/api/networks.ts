// Handlers of networks and subnets, and how they look.
import type { Handlers } from '#core/http'
import type { RequestContext } from '#core/context'
import type { Static } from '#core/spec'
import type { Network, networkRoutes } from '../contract/networks.ts'
import { networkList, type NetworkRecord } from '../db/networks.ts'
import { allows, hiddenAttributes } from '../domain/access.ts'
import { agentZone } from '../domain/availability-zones.ts'
import { createNetworks, deleteNetwork, findNetwork, listNetworks, type NewNetworkBody, updateNetwork } from '../domain/networks.ts'
import type { Neutron } from '../domain/neutron.ts'
import { readIfMatch } from '../domain/revisions.ts'
import { bodies, listBody, type FilterReaders, made, pick, readInteger, readList } from './collection.ts'
import { networkTarget } from '../domain/targets.ts'

export function viewNetwork(neutron: Neutron, ctx: RequestContext, { row, segment, subnetIds, tags }: NetworkRecord): Static<typeof Network> {
  const provider = allows(neutron, ctx, 'get_network:provider:network_type', networkTarget(row))
  return {
    id: row.id, name: row.name, tenant_id: row.project_id, project_id: row.project_id, admin_state_up: row.admin_state_up === 1, mtu: row.mtu,
    status: row.status, subnets: [...subnetIds], shared: row.shared === 1, 'router:external': row.external === 1,
    availability_zone_hints: JSON.parse(row.availability_zone_hints) as string[], availability_zones: subnetIds.length > 0 ? [agentZone] : [],
    ipv4_address_scope: null, ipv6_address_scope: null, port_security_enabled: row.port_security_enabled === 1,
    ...(row.external === 1 && { is_default: row.is_default === 1 }),
    ...(provider && {
      'provider:network_type': segment?.network_type ?? '', 'provider:physical_network': segment?.physical_network ?? null,
      'provider:segmentation_id': segment?.segmentation_id ?? null,
    }),
    description: row.description, tags: [...tags], created_at: row.created_at, updated_at: row.updated_at, revision_number: row.revision_number,
  } as Static<typeof Network>
}

export const networkFilters: FilterReaders = { 'provider:segmentation_id': readInteger }

export const networkHandlers = (neutron: Neutron): Handlers<typeof networkRoutes> => ({
  async listNetworks({ ctx, query, baseUrl }) {
    const request = readList(query, networkList, networkFilters, hiddenAttributes(neutron, ctx, 'network'))
    const records = await listNetworks(neutron, ctx, request)
    const views = records.map((record) => viewNetwork(neutron, ctx, record))
    return { status: 200, body: listBody('networks', views, records.map(({ row }) => row.id), query, request, `${baseUrl}/networks`) }
  },
  async createNetwork({ ctx, body }) {
    const records = await createNetworks(neutron, ctx, bodies<NewNetworkBody>(body, 'network', 'networks'))
    return { status: 201, body: made(body, 'network', 'networks', records.map((record) => viewNetwork(neutron, ctx, record))) }
  },
  async showNetwork({ ctx, params, query }) {
    return { status: 200, body: { network: pick(query, viewNetwork(neutron, ctx, await findNetwork(neutron, ctx, neutron.database.read, params.id))) } }
  },
  async updateNetwork({ ctx, params, body, headers }) {
    const record = await updateNetwork(neutron, ctx, params.id, changeOf(body.network, headers['if-match']))
    return { status: 200, body: { network: viewNetwork(neutron, ctx, record) } }
  },
  async deleteNetwork({ ctx, params, headers }) {
    await deleteNetwork(neutron, ctx, params.id, readIfMatch(headers['if-match']))
    return { status: 204 }
  },
})

/** A changed body with the revision that it was made for, when the client says so. */
export function changeOf<B>(body: B, ifMatch: string | undefined): { body: B; ifRevision?: number } {
  const ifRevision = readIfMatch(ifMatch)
  return { body, ...(ifRevision !== undefined && { ifRevision }) }
}
