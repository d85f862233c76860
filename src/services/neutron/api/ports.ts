// Handlers of ports, and how they look.
import type { RequestContext } from '#core/context'
import type { Handlers } from '#core/http'
import type { Static } from '#core/spec'
import { markTokenCheck } from '#core/trace'
import type { Port, portRoutes } from '../contract/ports.ts'
import { portList, type PortRecord } from '../db/ports.ts'
import { allows, hiddenAttributes } from '../domain/access.ts'
import type { Neutron } from '../domain/neutron.ts'
import { createPorts, type NewPortBody } from '../domain/ports/create.ts'
import { deletePort } from '../domain/ports/delete.ts'
import { findPort, listPorts } from '../domain/ports/list.ts'
import { updatePort } from '../domain/ports/update.ts'
import type { AddressPair, DhcpOption } from '../domain/ports/validate.ts'
import { readIfMatch } from '../domain/revisions.ts'
import { bodies, listBody, made, pick, readList, readPair } from './collection.ts'
import { changeOf } from './networks.ts'

type PortView = Static<typeof Port>

/** `binding` says whether the caller may see where the port is plugged in. */
export function viewPort({ row, addresses, securityGroupIds, tags }: PortRecord, binding: boolean): PortView {
  return {
    id: row.id, name: row.name, network_id: row.network_id, tenant_id: row.project_id, project_id: row.project_id, mac_address: row.mac_address,
    admin_state_up: row.admin_state_up === 1, status: row.status, device_id: row.device_id, device_owner: row.device_owner,
    fixed_ips: addresses.map(({ subnet_id, ip_address }) => ({ subnet_id, ip_address })), security_groups: [...securityGroupIds],
    allowed_address_pairs: row.allowed_address_pairs === '[]' ? [] : (JSON.parse(row.allowed_address_pairs) as AddressPair[]),
    extra_dhcp_opts: row.extra_dhcp_opts === '[]' ? [] : (JSON.parse(row.extra_dhcp_opts) as DhcpOption[]),
    port_security_enabled: row.port_security_enabled === 1, 'binding:vnic_type': row.vnic_type,
    ...(binding && {
      'binding:host_id': row.host_id, 'binding:vif_type': row.vif_type, 'binding:vif_details': JSON.parse(row.vif_details) as Record<string, unknown>,
      'binding:profile': JSON.parse(row.profile) as Record<string, unknown>,
    }),
    description: row.description, tags: [...tags], created_at: row.created_at, updated_at: row.updated_at, revision_number: row.revision_number,
  } as PortView
}

const seesBinding = (neutron: Neutron, ctx: RequestContext) => allows(neutron, ctx, 'get_port:binding:host_id', {})

export const portHandlers = (neutron: Neutron): Handlers<typeof portRoutes> => ({
  async listPorts({ ctx, query, baseUrl }) {
    const request = readList(query, portList, { fixed_ips: readPair }, hiddenAttributes(neutron, ctx, 'port'))
    const records = await listPorts(neutron, ctx, request)
    const binding = seesBinding(neutron, ctx)
    return { status: 200, body: listBody('ports', records.map((record) => viewPort(record, binding)), records.map(({ row }) => row.id), query, request, `${baseUrl}/ports`) }
  },
  async createPort({ ctx, body }) {
    markTokenCheck(neutron.runtime.trace, ctx, 29)
    const records = await createPorts(neutron, ctx, bodies<NewPortBody>(body, 'port', 'ports'))
    const binding = seesBinding(neutron, ctx)
    return { status: 201, body: made(body, 'port', 'ports', records.map((record) => viewPort(record, binding))) }
  },
  async showPort({ ctx, params, query }) {
    const { record } = await findPort(neutron, ctx, neutron.database.read, params.id)
    return { status: 200, body: { port: pick(query, viewPort(record, seesBinding(neutron, ctx))) } }
  },
  async updatePort({ ctx, params, body, headers }) {
    const record = await updatePort(neutron, ctx, params.id, changeOf(body.port, headers['if-match']))
    return { status: 200, body: { port: viewPort(record, seesBinding(neutron, ctx)) } }
  },
  async deletePort({ ctx, params, headers }) {
    await deletePort(neutron, ctx, params.id, readIfMatch(headers['if-match']))
    return { status: 204 }
  },
})
