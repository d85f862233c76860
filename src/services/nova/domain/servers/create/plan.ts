// The rows that each of the requested servers will have. A pure function but for ids and random names.
import type { RequestContext } from '#core/context'
import type { NewInstance, ServerPlan } from '../../../db/build-requests.ts'
import type { FlavorSnapshot, PlacementRequest, RequestedNetwork } from '../../../model/server.ts'
import { power } from '../../../model/server-states.ts'
import type { ImageView } from '../../../neighbours/images.ts'
import type { Nova } from '../../nova.ts'
import { localDisk } from '../../scheduling/resources.ts'
import { deviceRows } from './devices.ts'
import type { NewServers, WantedDevice } from './request.ts'

export interface Resolved {
  readonly flavor: FlavorSnapshot
  readonly image?: ImageView
  /** Properties of the image on the boot volume. */
  readonly volumeImage?: Readonly<Record<string, string>>
  readonly devices: readonly WantedDevice[]
  readonly networks: readonly RequestedNetwork[]
  readonly securityGroups: readonly string[]
  readonly key?: { readonly name: string; readonly publicKey: string; readonly type: string }
}

/** As a name for a host: lower case letters, digits, dashes and dots, at most 63 (nova/utils.py, sanitize_hostname). */
export function sanitizeHostname(name: string, serverId: string): string {
  const plain = name.replaceAll(/[ _]/g, '-').replaceAll(/[^\w.-]+/g, '').toLowerCase().replaceAll(/^[.-]+|[.-]+$/g, '').slice(0, 63).replaceAll(/[.-]+$/g, '')
  return plain === '' ? `server-${serverId}`.slice(0, 63) : plain
}

export function newReservation(nova: Nova): string {
  return `r-${Array.from({ length: 8 }, () => '0123456789abcdefghijklmnopqrstuvwxyz'[nova.runtime.random.integer(36)]).join('')}`
}

function systemMetadata({ image, volumeImage }: Resolved): Record<string, string> {
  const prefixed = (properties: Readonly<Record<string, string>>) => Object.fromEntries(Object.entries(properties).map(([key, value]) => [`image_${key}`, value]))
  if (!image) return prefixed(volumeImage ?? {})
  return {
    ...prefixed(image.properties), image_min_ram: String(image.minRamMiB), image_min_disk: String(image.minDiskGiB), image_disk_format: image.diskFormat,
    image_container_format: 'bare', image_base_image_ref: image.id,
  }
}

export function planServer(nova: Nova, ctx: RequestContext, request: NewServers, resolved: Resolved, reservation: string, at: { readonly index: number; readonly count: number }): ServerPlan {
  const { runtime, settings } = nova
  const { identity } = ctx
  const serverId = runtime.ids.uuid()
  const now = runtime.clock.now().toISOString()
  const name = at.count > 1 ? `${request.name}-${at.index + 1}` : request.name
  const { flavor } = resolved
  const blockDevices = deviceRows(nova, serverId, resolved.devices, now)
  const withDrive = request.configDrive || settings.force_config_drive || resolved.image?.properties['img_config_drive'] === 'mandatory'
  const instance: NewInstance = {
    uuid: serverId, project_id: identity.projectId ?? '', user_id: identity.userId, display_name: name, display_description: request.description,
    hostname: request.hostname ?? sanitizeHostname(name, serverId), host: null, node: null, availability_zone: request.zone ?? null,
    image_ref: request.imageId, flavor_id: flavor.id, memory_mb: flavor.memoryMiB, vcpus: flavor.vcpus, root_gb: flavor.rootGiB, ephemeral_gb: flavor.ephemeralGiB,
    swap: flavor.swapMiB, flavor: JSON.stringify(flavor), vm_state: 'building', task_state: 'scheduling', power_state: power.unknown, progress: 0,
    locked: 0, locked_reason: null, key_name: resolved.key?.name ?? null, key_data: resolved.key?.publicKey ?? null, key_type: resolved.key?.type ?? null,
    config_drive: withDrive ? 'True' : '', user_data: request.userData, root_device_name: blockDevices.find((device) => device.boot_index === 0)?.device_name ?? null,
    access_ip_v4: request.accessIpV4 ?? null, access_ip_v6: request.accessIpV6 ?? null, reservation_id: reservation, launch_index: at.index,
    auto_disk_config: request.autoDiskConfig ? 1 : 0, metadata: JSON.stringify(request.metadata), system_metadata: JSON.stringify(systemMetadata(resolved)),
    requested_networks: JSON.stringify(resolved.networks), security_groups: JSON.stringify(resolved.securityGroups),
    trusted_certs: request.trustedCertificates ? JSON.stringify(request.trustedCertificates) : null, requested_zone: request.zone ?? null,
    created_at: now, updated_at: now, launched_at: null, terminated_at: null, deleted: 0, deleted_at: null,
  }
  return { instance, blockDevices, tags: request.tags, files: request.files }
}

export function placementRequest(request: NewServers, resolved: Resolved, { instance }: ServerPlan): PlacementRequest {
  const onVolume = resolved.devices.some(({ bootIndex, destination }) => bootIndex === 0 && destination === 'volume')
  return {
    serverId: instance.uuid, projectId: instance.project_id, userId: instance.user_id, flavor: resolved.flavor,
    imageProperties: resolved.image?.properties ?? resolved.volumeImage ?? {}, localDiskGiB: localDisk(resolved.flavor, onVolume), ignoredHosts: [],
    ...(request.zone !== undefined && { zone: request.zone }), ...(request.forcedHost !== undefined && { forcedHost: request.forcedHost }),
    ...(request.forcedNode !== undefined && { forcedNode: request.forcedNode }),
    ...((request.forcedHost !== undefined || request.forcedNode !== undefined) && !request.wished && { pastFilters: true }),
    ...(request.hints && { hints: request.hints }),
  }
}
