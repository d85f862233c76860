// Handlers of routers and floating addresses, and how they look.
import type { Handlers } from '#core/http'
import type { Static } from '#core/spec'
import type { FloatingIp, floatingIpRoutes } from '../contract/floating-ips.ts'
import type { Router, routerRoutes } from '../contract/routers.ts'
import { floatingIpList, type FloatingIpRecord, routerList, type RouterRecord } from '../db/routers.ts'
import { agentZone } from '../domain/availability-zones.ts'
import { createFloatingIps, deleteFloatingIp, findFloatingIp, listFloatingIps, type NewFloatingIpBody, updateFloatingIp } from '../domain/floating-ips.ts'
import type { Neutron } from '../domain/neutron.ts'
import { readIfMatch } from '../domain/revisions.ts'
import { addInterface, type InterfaceView, removeInterface } from '../domain/router-interfaces.ts'
import { changeRoutes, createRouters, deleteRouter, findRouter, listRouters, type NewRouterBody, updateRouter } from '../domain/routers.ts'
import { bodies, listBody, made, pick, readList } from './collection.ts'
import { changeOf } from './networks.ts'

export function viewRouter({ row, gatewayAddresses, tags }: RouterRecord): Static<typeof Router> {
  return {
    id: row.id, name: row.name, tenant_id: row.project_id, project_id: row.project_id, admin_state_up: row.admin_state_up === 1, status: row.status,
    external_gateway_info: row.gateway_network_id === null ? null : {
      network_id: row.gateway_network_id, enable_snat: row.enable_snat === 1,
      external_fixed_ips: gatewayAddresses.map(({ subnet_id, ip_address }) => ({ subnet_id, ip_address })),
    },
    routes: JSON.parse(row.routes) as { destination: string; nexthop: string }[],
    availability_zone_hints: JSON.parse(row.availability_zone_hints) as string[], availability_zones: row.host === '' ? [] : [agentZone],
    description: row.description, tags: [...tags], created_at: row.created_at, updated_at: row.updated_at, revision_number: row.revision_number,
  }
}

function viewInterface({ router, port, subnetIds }: InterfaceView) {
  return {
    id: router.id, tenant_id: router.project_id, project_id: router.project_id, port_id: port.row.id, network_id: port.row.network_id,
    subnet_id: subnetIds[0] ?? '', subnet_ids: [...subnetIds], tags: [],
  }
}

export const routerHandlers = (neutron: Neutron): Handlers<typeof routerRoutes> => ({
  async listRouters({ ctx, query, baseUrl }) {
    const request = readList(query, routerList)
    const records = await listRouters(neutron, ctx, request)
    return { status: 200, body: listBody('routers', records.map(viewRouter), records.map(({ row }) => row.id), query, request, `${baseUrl}/routers`) }
  },
  async createRouter({ ctx, body }) {
    const records = await createRouters(neutron, ctx, bodies<NewRouterBody>(body, 'router', 'routers'))
    return { status: 201, body: made(body, 'router', 'routers', records.map(viewRouter)) }
  },
  async showRouter({ ctx, params, query }) {
    return { status: 200, body: { router: pick(query, viewRouter(await findRouter(neutron, ctx, neutron.database.read, params.id))) } }
  },
  async updateRouter({ ctx, params, body, headers }) {
    return { status: 200, body: { router: viewRouter(await updateRouter(neutron, ctx, params.id, changeOf(body.router, headers['if-match']))) } }
  },
  async deleteRouter({ ctx, params, headers }) {
    await deleteRouter(neutron, ctx, params.id, readIfMatch(headers['if-match']))
    return { status: 204 }
  },
  async addRouterInterface({ ctx, params, body }) {
    return { status: 200, body: viewInterface(await addInterface(neutron, ctx, params.id, body)) }
  },
  async removeRouterInterface({ ctx, params, body }) {
    return { status: 200, body: viewInterface(await removeInterface(neutron, ctx, params.id, body)) }
  },
  async addExtraRoutes({ ctx, params, body }) {
    return { status: 200, body: { router: viewRouter(await changeRoutes(neutron, ctx, params.id, 'add_extraroutes', body.router.routes)) } }
  },
  async removeExtraRoutes({ ctx, params, body }) {
    return { status: 200, body: { router: viewRouter(await changeRoutes(neutron, ctx, params.id, 'remove_extraroutes', body.router.routes)) } }
  },
})

export function viewFloatingIp({ row, port, tags }: FloatingIpRecord): Static<typeof FloatingIp> {
  return {
    id: row.id, tenant_id: row.project_id, project_id: row.project_id, floating_ip_address: row.floating_ip_address, floating_network_id: row.floating_network_id,
    router_id: row.router_id, port_id: row.fixed_port_id, fixed_ip_address: row.fixed_ip_address, status: row.status,
    port_details: port ? {
      name: port.name, network_id: port.network_id, mac_address: port.mac_address, admin_state_up: port.admin_state_up === 1, status: port.status,
      device_id: port.device_id, device_owner: port.device_owner,
    } : null,
    description: row.description, tags: [...tags], created_at: row.created_at, updated_at: row.updated_at, revision_number: row.revision_number,
  }
}

export const floatingIpHandlers = (neutron: Neutron): Handlers<typeof floatingIpRoutes> => ({
  async listFloatingIps({ ctx, query, baseUrl }) {
    const request = readList(query, floatingIpList)
    const records = await listFloatingIps(neutron, ctx, request)
    return { status: 200, body: listBody('floatingips', records.map(viewFloatingIp), records.map(({ row }) => row.id), query, request, `${baseUrl}/floatingips`) }
  },
  async createFloatingIp({ ctx, body }) {
    const records = await createFloatingIps(neutron, ctx, bodies<NewFloatingIpBody>(body, 'floatingip', 'floatingips'))
    return { status: 201, body: made(body, 'floatingip', 'floatingips', records.map(viewFloatingIp)) }
  },
  async showFloatingIp({ ctx, params, query }) {
    return { status: 200, body: { floatingip: pick(query, viewFloatingIp(await findFloatingIp(neutron, ctx, neutron.database.read, params.id))) } }
  },
  async updateFloatingIp({ ctx, params, body, headers }) {
    return { status: 200, body: { floatingip: viewFloatingIp(await updateFloatingIp(neutron, ctx, params.id, changeOf(body.floatingip, headers['if-match']))) } }
  },
  async deleteFloatingIp({ ctx, params, headers }) {
    await deleteFloatingIp(neutron, ctx, params.id, readIfMatch(headers['if-match']))
    return { status: 204 }
  },
})
