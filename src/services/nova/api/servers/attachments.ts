// Handlers of volumes, ports, addresses and security groups of servers.
import { BadRequest, NotFound } from '#core/errors'
import type { Handlers } from '#core/http'
import type { Version } from '#core/spec'
import type { interfaceRoutes, serverAddressRoutes, volumeAttachmentRoutes } from '../../contract/server-attachments.ts'
import { serverFor } from '../../domain/servers/access.ts'
import { attachInterface, detachInterface } from '../../domain/servers/interfaces.ts'
import { listInterfaces, type ServerInterface, showInterface } from '../../domain/servers/list-interfaces.ts'
import type { Nova } from '../../domain/nova.ts'
import { blockDevicesOf } from '../../domain/servers/release-volumes.ts'
import { securityGroupsOf } from '../../domain/servers/security-groups.ts'
import { attachedVolume, attachVolume, detachVolume, keepWithServer } from '../../domain/servers/volumes.ts'
import type { BlockDevice } from '../../model/server.ts'
import { viewSecurityGroups } from '../security-groups.ts'
import { toBoolean, wholeNumber } from '../values.ts'
import { viewAddresses } from './view.ts'

/** From 2.89 on without `id`, which was the volume's and misled, and with what cinder calls it. */
function viewAttachment(device: BlockDevice, serverId: string, version: Version, answer = false) {
  const bare = !answer && version.atLeast('2.89')
  return {
    ...(!bare && { id: device.volumeId ?? '' }), serverId, volumeId: device.volumeId ?? '', device: device.deviceName ?? null,
    ...(version.atLeast('2.70') && { tag: device.tag ?? null }), ...(version.atLeast('2.79') && { delete_on_termination: device.deleteOnTermination }),
    ...(bare && { attachment_id: device.attachmentId ?? null, bdm_uuid: device.id }),
  }
}

export const volumeAttachmentHandlers = (nova: Nova): Handlers<typeof volumeAttachmentRoutes> => ({
  async listVolumeAttachments({ ctx, params, query, version }) {
    await serverFor(nova, ctx, params.server_id, 'os_compute_api:os-volumes-attachments:index')
    const all = (await blockDevicesOf(nova, params.server_id)).filter(({ volumeId }) => volumeId !== undefined)
    const offset = wholeNumber(query['offset']?.at(-1), 'offset') ?? 0
    const limit = wholeNumber(query['limit']?.at(-1), 'limit') || all.length
    if (offset < 0 || limit < 0) throw new BadRequest('limit and offset must be whole numbers from 0 up.')
    return { status: 200, body: { volumeAttachments: all.slice(offset, offset + limit).map((device) => viewAttachment(device, params.server_id, version)) } }
  },
  async attachVolume({ ctx, params, body, version }) {
    const { volumeId, device, tag, delete_on_termination: goes } = body.volumeAttachment as { volumeId: string; device?: string | null; tag?: string; delete_on_termination?: boolean | string }
    const attached = await attachVolume(nova, ctx, params.server_id, {
      volumeId, deleteOnTermination: goes !== undefined && toBoolean(goes), ...(device !== undefined && device !== null && { device }), ...(tag !== undefined && { tag }),
    })
    return { status: 200, body: { volumeAttachment: viewAttachment(attached, params.server_id, version, true) } }
  },
  async showVolumeAttachment({ ctx, params, version }) {
    await serverFor(nova, ctx, params.server_id, 'os_compute_api:os-volumes-attachments:show')
    return { status: 200, body: { volumeAttachment: viewAttachment(await attachedVolume(nova, params.server_id, params.volume_id), params.server_id, version) } }
  },
  async updateVolumeAttachment({ ctx, params, body }) {
    const { volumeId, delete_on_termination: goes, ...same } = body.volumeAttachment as { volumeId: string; delete_on_termination?: boolean | string; [name: string]: unknown }
    if (volumeId !== params.volume_id) throw new BadRequest('Swapping volumes is not supported.')
    const device = await attachedVolume(nova, params.server_id, volumeId)
    const now: Readonly<Record<string, unknown>> = { id: volumeId, serverId: params.server_id, device: device.deviceName ?? null, tag: device.tag ?? null }
    for (const [name, value] of Object.entries(same)) if (value !== now[name]) throw new BadRequest(`The field '${name}' cannot be changed.`)
    if (goes !== undefined) await keepWithServer(nova, ctx, params.server_id, volumeId, toBoolean(goes))
    return { status: 202 }
  },
  async detachVolume({ ctx, params }) {
    await detachVolume(nova, ctx, params.server_id, params.volume_id)
    return { status: 202 }
  },
})

function viewInterface({ port, tag }: ServerInterface, version: Version) {
  return {
    net_id: port.networkId, port_id: port.id, mac_addr: port.macAddress, port_state: port.status,
    fixed_ips: port.fixedIps.map(({ subnetId, address }) => ({ subnet_id: subnetId, ip_address: address })), ...(version.atLeast('2.70') && { tag: tag ?? null }),
  }
}

export const interfaceHandlers = (nova: Nova): Handlers<typeof interfaceRoutes> => ({
  async listInterfaces({ ctx, params, version }) {
    const interfaces = await listInterfaces(nova, ctx, params.server_id)
    return { status: 200, body: { interfaceAttachments: interfaces.map((each) => viewInterface(each, version)) } }
  },
  async attachInterface({ ctx, params, body, version }) {
    const wanted = (body?.interfaceAttachment ?? {}) as { net_id?: string; port_id?: string; fixed_ips?: { ip_address: string }[]; tag?: string }
    if (wanted.net_id !== undefined && wanted.port_id !== undefined) throw new BadRequest('Must not input both network_id and port_id')
    const fixedIp = wanted.fixed_ips?.[0]?.ip_address
    if (fixedIp !== undefined && wanted.net_id === undefined) throw new BadRequest('Must input network_id when request IP address')
    const { portId } = await attachInterface(nova, ctx, params.server_id, {
      ...(wanted.net_id !== undefined && { networkId: wanted.net_id }), ...(wanted.port_id !== undefined && { portId: wanted.port_id }),
      ...(fixedIp !== undefined && { fixedIp }), ...(wanted.tag !== undefined && { tag: wanted.tag }),
    })
    return { status: 200, body: { interfaceAttachment: viewInterface(await showInterface(nova, ctx, params.server_id, portId), version) } }
  },
  async showInterface({ ctx, params, version }) {
    return { status: 200, body: { interfaceAttachment: viewInterface(await showInterface(nova, ctx, params.server_id, params.port_id), version) } }
  },
  async detachInterface({ ctx, params }) {
    await detachInterface(nova, ctx, params.server_id, params.port_id)
    return { status: 202 }
  },
})

export const serverAddressHandlers = (nova: Nova): Handlers<typeof serverAddressRoutes> => ({
  async listAddresses({ ctx, params }) {
    const { rows } = await serverFor(nova, ctx, params.server_id, 'os_compute_api:ips:index')
    return { status: 200, body: { addresses: viewAddresses(rows.ports, true) as never } }
  },
  async showAddresses({ ctx, params }) {
    const { rows } = await serverFor(nova, ctx, params.server_id, 'os_compute_api:ips:show')
    const networks = viewAddresses(rows.ports, true)
    const addresses = Object.hasOwn(networks, params.network) ? networks[params.network] : undefined
    if (!addresses) throw new NotFound('Instance is not a member of specified network')
    return { status: 200, body: { [params.network]: addresses } as never }
  },
  async listServerSecurityGroups({ ctx, params }) {
    return { status: 200, body: { security_groups: viewSecurityGroups(await securityGroupsOf(nova, ctx, params.server_id)) } }
  },
})
