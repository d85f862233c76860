// A server as the wire shows it, by version and by what the caller may see (nova/api/openstack/compute/views/servers.py).
import { createHash } from 'node:crypto'
import type { Version } from '#core/spec'
import type { ServerRows } from '../../db/instances.ts'
import type { FixedAddress, FlavorSnapshot } from '../../model/server.ts'
import { statusOf } from '../../model/server-states.ts'
import { linksOf } from '../links.ts'
import { microseconds } from '../values.ts'

export interface ViewOptions {
  readonly version: Version
  readonly baseUrl: string
  /** The caller may see host and hypervisor. */
  readonly extended: boolean
  readonly extraSpecs: boolean
  readonly admin: boolean
  /** Of the server's host; absent when the caller may not see it. */
  readonly hostStatus?: (host: string | null) => string | undefined
  readonly groupName: (id: string) => string | undefined
  /** The server's group; absent where groups are not shown. */
  readonly groupOf?: (serverId: string) => string | undefined
  /** PUT before 2.75 shows less. */
  readonly brief?: boolean
}

const withProgress = new Set(['ACTIVE', 'BUILD', 'REBUILD', 'RESIZE', 'VERIFY_RESIZE', 'MIGRATING'])
const withFault = new Set(['ERROR', 'DELETED'])

export function wholeSeconds(iso: string): string {
  return `${iso.slice(0, 19)}Z`
}

function bookmark(baseUrl: string, collection: string, id: string) {
  return linksOf({ baseUrl }, collection, id).filter(({ rel }) => rel === 'bookmark')
}

export function viewAddresses(ports: ServerRows['ports'], plain = false): Record<string, Record<string, unknown>[]> {
  // People name networks as they like: `constructor` too.
  const networks = new Map<string, Record<string, unknown>[]>()
  const floating: [string, Record<string, unknown>][] = []
  for (const port of ports) {
    const list = networks.get(port.network_name) ?? []
    networks.set(port.network_name, list)
    const more = (type: string) => (plain ? {} : { 'OS-EXT-IPS:type': type, 'OS-EXT-IPS-MAC:mac_addr': port.address })
    for (const { address, version, floating: outside } of JSON.parse(port.addresses) as FixedAddress[]) {
      list.push({ version, addr: address, ...more('fixed') })
      for (const each of outside) floating.push([port.network_name, { version: 4, addr: each, ...more('floating') }])
    }
  }
  for (const [name, address] of floating) networks.get(name)?.push(address)
  return Object.fromEntries(networks)
}

export function viewFlavor(flavor: FlavorSnapshot, { version, baseUrl, extraSpecs }: Pick<ViewOptions, 'version' | 'baseUrl' | 'extraSpecs'>): Record<string, unknown> {
  if (!version.atLeast('2.47')) return { id: flavor.id, links: bookmark(baseUrl, 'flavors', flavor.id) }
  return {
    vcpus: flavor.vcpus, ram: flavor.memoryMiB, disk: flavor.rootGiB, ephemeral: flavor.ephemeralGiB, swap: flavor.swapMiB, original_name: flavor.name,
    ...(extraSpecs && { extra_specs: flavor.extraSpecs }),
  }
}

/** The same for all servers of a project on a host, and tells nothing of it. */
export function hostId(host: string | null, projectId: string): string {
  return host === null ? '' : createHash('sha224').update(projectId + host).digest('hex')
}

export function viewSummary({ instance }: ServerRows, baseUrl: string) {
  return { id: instance.uuid, name: instance.display_name, links: linksOf({ baseUrl }, 'servers', instance.uuid) }
}

export function viewServer(rows: ServerRows, options: ViewOptions) {
  const { instance, ports, fault } = rows
  const { version, baseUrl, brief = false } = options
  const status = instance.deleted ? 'DELETED' : statusOf(instance.vm_state, instance.task_state)
  return {
    id: instance.uuid, name: instance.display_name, status, tenant_id: instance.project_id, user_id: instance.user_id,
    metadata: JSON.parse(instance.metadata) as Record<string, string>, hostId: hostId(instance.host, instance.project_id),
    image: instance.image_ref === '' ? ('' as const) : { id: instance.image_ref, links: bookmark(baseUrl, 'images', instance.image_ref) },
    flavor: viewFlavor(JSON.parse(instance.flavor) as FlavorSnapshot, options),
    created: wholeSeconds(instance.created_at), updated: wholeSeconds(instance.updated_at ?? instance.created_at),
    addresses: instance.vm_state === 'building' ? {} : viewAddresses(ports, brief),
    accessIPv4: instance.access_ip_v4 ?? '', accessIPv6: instance.access_ip_v6 ?? '', links: linksOf({ baseUrl }, 'servers', instance.uuid),
    'OS-DCF:diskConfig': instance.auto_disk_config ? ('AUTO' as const) : ('MANUAL' as const),
    ...(withProgress.has(status) && { progress: instance.progress }),
    ...(withFault.has(status) && fault && {
      fault: { code: fault.code, created: wholeSeconds(fault.created_at), message: fault.message, ...(fault.details !== null && options.admin && { details: fault.details }) },
    }),
    ...(!brief && shownByShow(rows, options)),
    ...(version.atLeast('2.9') && { locked: instance.locked !== 0 }),
    ...(version.atLeast('2.19') && { description: instance.display_description }),
    ...(version.atLeast('2.26') && { tags: [...rows.tags] }),
    ...(version.atLeast('2.63') && { trusted_image_certificates: instance.trusted_certs === null ? null : (JSON.parse(instance.trusted_certs) as string[]) }),
    ...(version.atLeast('2.71') && options.groupOf && { server_groups: [options.groupOf(instance.uuid) ?? []].flat() }),
    ...(version.atLeast('2.73') && { locked_reason: instance.locked_reason }),
    ...(version.atLeast('2.90') && { 'OS-EXT-SRV-ATTR:hostname': instance.hostname }),
  }
}

/** What GET shows, and since 2.75 PUT too. */
function shownByShow(rows: ServerRows, options: ViewOptions) {
  const { instance, blockDevices } = rows
  const { version } = options
  const hostStatus = version.atLeast('2.16') ? options.hostStatus?.(instance.host) : undefined
  const groups = securityGroups(rows, options)
  return {
    'OS-EXT-AZ:availability_zone': instance.availability_zone ?? '', config_drive: instance.config_drive, key_name: instance.key_name,
    'OS-SRV-USG:launched_at': instance.launched_at === null ? null : microseconds(instance.launched_at),
    'OS-SRV-USG:terminated_at': instance.terminated_at === null ? null : microseconds(instance.terminated_at),
    ...(groups.length > 0 && { security_groups: groups }),
    ...(options.extended && extendedAttributes(rows, version)),
    'OS-EXT-STS:task_state': instance.task_state, 'OS-EXT-STS:vm_state': instance.vm_state, 'OS-EXT-STS:power_state': instance.power_state,
    'os-extended-volumes:volumes_attached': blockDevices.flatMap((device) => (device.volume_id === null ? [] : [{
      id: device.volume_id, ...(version.atLeast('2.3') && { delete_on_termination: device.delete_on_termination === 1 }),
    }])),
    ...(hostStatus !== undefined && { host_status: hostStatus }),
  }
}

/** One entry per port and group, as upstream. */
function securityGroups({ ports }: ServerRows, { groupName }: ViewOptions): { name: string }[] {
  return ports.flatMap((port) => (JSON.parse(port.security_groups) as string[]).map((id) => ({ name: groupName(id) ?? id })))
}

export function instanceName({ instance }: Pick<ServerRows, 'instance'>): string {
  return instance.id === undefined ? instance.uuid : `instance-${instance.id.toString(16).padStart(8, '0')}`
}

function extendedAttributes({ instance }: ServerRows, version: Version) {
  const system = JSON.parse(instance.system_metadata) as Record<string, string>
  return {
    'OS-EXT-SRV-ATTR:host': instance.host, 'OS-EXT-SRV-ATTR:instance_name': instanceName({ instance }), 'OS-EXT-SRV-ATTR:hypervisor_hostname': instance.node,
    ...(version.atLeast('2.3') && {
      'OS-EXT-SRV-ATTR:hostname': instance.hostname, 'OS-EXT-SRV-ATTR:kernel_id': system['image_kernel_id'] ?? '', 'OS-EXT-SRV-ATTR:launch_index': instance.launch_index,
      'OS-EXT-SRV-ATTR:ramdisk_id': system['image_ramdisk_id'] ?? '', 'OS-EXT-SRV-ATTR:reservation_id': instance.reservation_id,
      'OS-EXT-SRV-ATTR:root_device_name': instance.root_device_name, 'OS-EXT-SRV-ATTR:user_data': instance.user_data,
    }),
  }
}
