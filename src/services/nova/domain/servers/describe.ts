// A server as its host needs to know it, made from its rows.
import type { ServerRows } from '../../db/instances.ts'
import { toPort } from '../../db/ports.ts'
import { isSwap } from '../../model/block-devices.ts'
import type { BlockDevice, FlavorSnapshot, RequestedNetwork, ServerDescription } from '../../model/server.ts'

type Maybe<T> = { readonly [K in keyof T]: T[K] | undefined | null }

/** Leave out what has no value. */
function present<T extends object>(values: Maybe<T>): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== null)) as T
}

/** As the request had it: swap space in MiB, all else in GiB. */
function sizeOf(row: ServerRows['blockDevices'][number]) {
  const swap = isSwap({ source: row.source_type, destination: row.destination_type, ...(row.guest_format !== null && { guestFormat: row.guest_format }) })
  return swap ? { sizeMiB: row.volume_size } : { sizeGiB: row.volume_size }
}

export function toBlockDevice(row: ServerRows['blockDevices'][number]): BlockDevice {
  return present<BlockDevice>({
    id: row.uuid, source: row.source_type, destination: row.destination_type, bootIndex: row.boot_index, imageId: row.image_id,
    snapshotId: row.snapshot_id, volumeId: row.volume_id, ...sizeOf(row), volumeType: row.volume_type, guestFormat: row.guest_format,
    bus: row.disk_bus, deviceName: row.device_name, tag: row.tag, deleteOnTermination: row.delete_on_termination === 1,
    attachmentId: row.attachment_id, connection: row.connection_info === null ? undefined : (JSON.parse(row.connection_info) as unknown), made: row.made_volume === 1,
    detaching: row.detaching === 1 ? true : undefined, formerVolumeId: row.former_volume_id,
  })
}

const imagePrefix = 'image_'

export function describeServer({ instance, blockDevices, ports }: ServerRows): ServerDescription {
  const system = JSON.parse(instance.system_metadata) as Record<string, string>
  return {
    serverId: instance.uuid, ...(instance.id !== undefined && { number: instance.id }), name: instance.display_name, hostname: instance.hostname, projectId: instance.project_id, userId: instance.user_id,
    host: instance.host, imageId: instance.image_ref,
    imageProperties: Object.fromEntries(Object.entries(system).filter(([key]) => key.startsWith(imagePrefix)).map(([key, value]) => [key.slice(imagePrefix.length), value])),
    flavor: JSON.parse(instance.flavor) as FlavorSnapshot,
    zone: instance.availability_zone, metadata: JSON.parse(instance.metadata) as Record<string, string>,
    key: instance.key_name === null || instance.key_data === null ? null : { name: instance.key_name, publicKey: instance.key_data, type: instance.key_type ?? 'ssh' },
    userData: instance.user_data, configDrive: instance.config_drive !== '', launchIndex: instance.launch_index, reservationId: instance.reservation_id,
    rootDeviceName: instance.root_device_name, createdAt: instance.created_at, vmState: instance.vm_state, powerState: instance.power_state,
    requestedNetworks: JSON.parse(instance.requested_networks) as RequestedNetwork[],
    securityGroups: JSON.parse(instance.security_groups) as string[],
    blockDevices: blockDevices.map(toBlockDevice), ports: ports.map(toPort),
  }
}
