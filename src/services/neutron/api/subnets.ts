// Handlers of subnets, and how they look.
import type { Handlers } from '#core/http'
import type { Static } from '#core/spec'
import type { Subnet, subnetRoutes } from '../contract/subnets.ts'
import { subnetList, type SubnetRecord } from '../db/subnets.ts'
import type { Neutron } from '../domain/neutron.ts'
import { readIfMatch } from '../domain/revisions.ts'
import { createSubnets, deleteSubnet, findSubnet, listSubnets, type NewSubnetBody, updateSubnet } from '../domain/subnets.ts'
import { bodies, listBody, made, pick, readFlag, readInteger, readList } from './collection.ts'
import { changeOf } from './networks.ts'

export function viewSubnet({ row, tags }: SubnetRecord): Static<typeof Subnet> {
  return {
    id: row.id, name: row.name, tenant_id: row.project_id, project_id: row.project_id, network_id: row.network_id, ip_version: row.ip_version,
    subnetpool_id: null, enable_dhcp: row.enable_dhcp === 1, ipv6_ra_mode: row.ipv6_ra_mode, ipv6_address_mode: row.ipv6_address_mode,
    gateway_ip: row.gateway_ip, cidr: row.cidr, allocation_pools: JSON.parse(row.allocation_pools) as { start: string; end: string }[],
    host_routes: JSON.parse(row.host_routes) as { destination: string; nexthop: string }[], dns_nameservers: JSON.parse(row.dns_nameservers) as string[],
    description: row.description, tags: [...tags], created_at: row.created_at, updated_at: row.updated_at, revision_number: row.revision_number,
  }
}

export const subnetHandlers = (neutron: Neutron): Handlers<typeof subnetRoutes> => ({
  async listSubnets({ ctx, query, baseUrl }) {
    const request = readList(query, subnetList, { ip_version: readInteger, shared: readFlag, 'router:external': readFlag })
    const records = await listSubnets(neutron, ctx, request)
    return { status: 200, body: listBody('subnets', records.map(viewSubnet), records.map(({ row }) => row.id), query, request, `${baseUrl}/subnets`) }
  },
  async createSubnet({ ctx, body }) {
    const records = await createSubnets(neutron, ctx, bodies<NewSubnetBody>(body, 'subnet', 'subnets'))
    return { status: 201, body: made(body, 'subnet', 'subnets', records.map(viewSubnet)) }
  },
  async showSubnet({ ctx, params, query }) {
    return { status: 200, body: { subnet: pick(query, viewSubnet(await findSubnet(neutron, ctx, neutron.database.read, params.id))) } }
  },
  async updateSubnet({ ctx, params, body, headers }) {
    return { status: 200, body: { subnet: viewSubnet(await updateSubnet(neutron, ctx, params.id, changeOf(body.subnet, headers['if-match']))) } }
  },
  async deleteSubnet({ ctx, params, headers }) {
    await deleteSubnet(neutron, ctx, params.id, readIfMatch(headers['if-match']))
    return { status: 204 }
  },
})
