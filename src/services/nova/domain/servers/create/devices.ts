// The disks of a new server: what the request names, the image's own, and what the flavor adds. Checked as upstream does
// (nova/compute/api.py, _validate_bdm).
import type { RequestContext } from '#core/context'
import { BadRequest } from '#core/errors'
import type { NovaSettings } from '../../../config.ts'
import type { NewBlockDevice } from '../../../db/build-requests.ts'
import { fileSystems, isEphemeral, isSwap } from '../../../model/block-devices.ts'
import { TooManyDiskDevices } from '../../../model/errors.ts'
import type { FlavorSnapshot } from '../../../model/server.ts'
import { type ImageView, showImage } from '../../../neighbours/images.ts'
import { nameOfVolumeType, showVolume, type VolumeView } from '../../../neighbours/volumes.ts'
import type { Nova } from '../../nova.ts'
import type { NewServers, WantedDevice } from './request.ts'

const invalid = (details: string) => new BadRequest(`Block Device Mapping is Invalid: ${details}`)

export interface Disks {
  readonly devices: readonly WantedDevice[]
  /** What the server boots from, when that is a volume. */
  readonly bootVolume?: VolumeView
  /** The image of the boot volume, or the server's own. */
  readonly image?: ImageView
}

/** The devices in full: what was asked for, then ephemeral disk and swap. */
export function planDevices(request: NewServers, flavor: FlavorSnapshot): WantedDevice[] {
  const ephemeral = flavor.ephemeralGiB > 0 && !request.devices.some(isEphemeral)
    ? [{ source: 'blank', destination: 'local', bootIndex: -1, sizeGiB: flavor.ephemeralGiB, deleteOnTermination: true } as const] : []
  const swap = flavor.swapMiB > 0 && !request.devices.some(isSwap)
    ? [{ source: 'blank', destination: 'local', bootIndex: -1, guestFormat: 'swap', sizeMiB: flavor.swapMiB, deleteOnTermination: true } as const] : []
  return [...request.devices, ...ephemeral, ...swap]
}

export async function checkDevices(nova: Nova, ctx: RequestContext, request: NewServers, flavor: FlavorSnapshot): Promise<Disks> {
  const planned = planDevices(request, flavor)
  checkDeviceCount(nova.settings, planned.length)
  checkOrder(planned)
  checkLocals(planned, flavor, request)
  const { max_local_block_devices: mostLocal } = nova.settings
  if (mostLocal >= 0 && planned.filter(({ destination }) => destination === 'local').length > mostLocal) throw invalid('You specified more local devices than the limit allows')
  const { imageId } = request
  // An image beside a volume to boot from is still the server's own.
  const beside = imageId !== '' && planned.every(({ bootIndex, id }) => bootIndex !== 0 || id !== imageId)
  const own = beside ? await lookAt(nova, ctx, { source: 'image', destination: 'local', id: imageId, deleteOnTermination: true }) : undefined
  const devices = await Promise.all(planned.map((device) => withKnownType(nova, ctx, device)))
  const named = await Promise.all(devices.map((device) => lookAt(nova, ctx, device)))
  // A new volume has no id yet.
  const volumeIds = devices.flatMap(({ source }, at) => (source === 'volume' ? (named[at]?.volume?.id ?? []) : []))
  const twice = volumeIds.find((id, at) => volumeIds.indexOf(id) !== at)
  if (twice !== undefined) throw invalid(`volume ${twice} was specified twice.`)
  const at = devices.findIndex(({ bootIndex }) => bootIndex === 0)
  const boot = named[at]
  const device = devices[at]
  if (boot?.volume && !boot.volume.bootable && device?.source === 'volume') throw invalid(`Volume ${boot.volume.id} is not bootable.`)
  const image = own?.image ?? boot?.image
  return { devices, ...(boot?.volume && { bootVolume: boot.volume }), ...(image && { image }) }
}

/** @throws TooManyDiskDevices */
export function checkDeviceCount({ max_disk_devices_to_attach: most }: NovaSettings, count: number): void {
  if (most >= 0 && count > most) throw new TooManyDiskDevices(`The maximum allowed number of disk devices (${most}) to attach to a single instance has been exceeded.`)
}

function checkOrder(devices: readonly WantedDevice[]): void {
  const order = devices.flatMap(({ bootIndex }) => (bootIndex !== undefined && bootIndex >= 0 ? [bootIndex] : [])).sort((a, b) => a - b)
  if (order.length === 0 || order.some((index, at) => index !== at)) {
    throw invalid('Boot sequence for the instance and image/block device mapping combination is not valid.')
  }
}

function checkLocals(devices: readonly WantedDevice[], flavor: FlavorSnapshot, request: NewServers): void {
  const swaps = devices.filter(isSwap)
  if (swaps.length > 1) throw invalid('More than one swap drive requested.')
  if (swaps.some(({ sizeMiB = 0 }) => sizeMiB > flavor.swapMiB)) throw new BadRequest('Swap drive requested is larger than instance type allows.')
  const ephemerals = devices.filter(isEphemeral)
  // One that says no size has all that the flavor gives.
  if (ephemerals.reduce((sum, { sizeGiB = flavor.ephemeralGiB }) => sum + sizeGiB, 0) > flavor.ephemeralGiB) throw new BadRequest('Ephemeral disks requested are larger than the instance type allows. If no size is given in one block device mapping, flavor ephemeral size will be used.')
  const strange = ephemerals.find(({ guestFormat }) => guestFormat !== undefined && !fileSystems.some((name) => name === guestFormat))
  if (strange) throw invalid(`an ephemeral disk cannot be formatted with ${strange.guestFormat}; it can with ${fileSystems.join(', ')}.`)
  for (const { source, destination, id, bootIndex, sizeGiB } of devices) {
    if (destination === 'local' && (source === 'volume' || source === 'snapshot')) throw invalid(`Mapping ${source} to local is not supported.`)
    if (destination === 'local' && source === 'image' && (bootIndex !== 0 || (request.imageId !== '' && id !== request.imageId))) throw invalid('Mapping image to local is not supported.')
    if (destination === 'volume' && source === 'blank' && sizeGiB === undefined) throw invalid('Blank volumes (source: \'blank\', dest: \'volume\') need to have non-zero size')
    if (destination === 'volume' && source === 'image' && sizeGiB === undefined) throw invalid("Images with destination_type 'volume' need to have a non-zero size specified")
    if (source === 'snapshot') throw invalid(`failed to get snapshot ${id ?? ''}.`)
  }
  if (request.maxCount > 1 && devices.some(({ source }) => source === 'volume')) throw new BadRequest('Cannot attach one or more volumes to multiple instances')
}

/** A type may be asked for by its id, and is kept by its name (nova/compute/api.py, _check_requested_volume_type). */
async function withKnownType(nova: Nova, ctx: RequestContext, device: WantedDevice): Promise<WantedDevice> {
  if (device.volumeType === undefined) return device
  const volumeType = await nameOfVolumeType(nova.runtime, ctx, device.volumeType)
  if (volumeType === undefined) throw new BadRequest(`Volume type ${device.volumeType} could not be found.`)
  return { ...device, volumeType }
}

async function lookAt(nova: Nova, ctx: RequestContext, device: WantedDevice): Promise<{ image?: ImageView; volume?: VolumeView }> {
  const id = device.id ?? ''
  if (device.source === 'image') {
    const image = await showImage(nova.runtime, ctx, id)
    if (!image) throw device.destination === 'local' ? new BadRequest('Can not find requested image') : invalid(`failed to get image ${id}.`)
    return { image }
  }
  if (device.source !== 'volume') return {}
  const volume = await showVolume(nova.runtime, ctx, id)
  if (!volume) throw invalid(`failed to get volume ${id}.`)
  checkAttachable(volume)
  return { volume }
}

/** @throws BadRequest unless a server may take the volume now */
export function checkAttachable(volume: VolumeView): void {
  if (volume.status !== 'available') throw new BadRequest(`Invalid volume: Volume ${volume.id} status must be available or downloading to reserve, but the current status is ${volume.status}.`)
}

/** Flavor and disk must be large enough for the image (nova/compute/api.py, _validate_flavor_image_nostatus). Of a volume that is there cinder has looked. */
export function checkFlavorForImage(flavor: FlavorSnapshot, image: ImageView, root: WantedDevice | undefined): void {
  if (image.status !== 'active') throw new BadRequest(`Image ${image.id} is not active.`)
  if (flavor.memoryMiB < image.minRamMiB) throw new BadRequest("Flavor's memory is too small for requested image.")
  const least = image.minDiskGiB * 1024 ** 3
  if (root?.destination === 'volume') {
    const volume = (root.sizeGiB ?? Infinity) * 1024 ** 3
    if (least > volume) throw new BadRequest(`Volume is smaller than the minimum size specified in image metadata. Volume size is ${volume} bytes, minimum size is ${least} bytes.`)
    return
  }
  if (flavor.rootGiB === 0) return
  const disk = flavor.rootGiB * 1024 ** 3
  const size = Math.max(image.sizeBytes, image.virtualSizeBytes)
  if (size > disk) throw new BadRequest(`Flavor's disk is too small for requested image. Flavor disk is ${disk} bytes, image is ${size} bytes.`)
  if (least > disk) throw new BadRequest(`Flavor's disk is smaller than the minimum size specified in image metadata. Flavor disk is ${disk} bytes, minimum size is ${least} bytes.`)
}

/** `/dev/vda` on, in the order of the list; names that were asked for are kept. */
export function nextDeviceName(taken: ReadonlySet<string>, bus: string | undefined): string {
  const prefix = bus === 'scsi' ? 'sd' : bus === 'ide' ? 'hd' : 'vd'
  for (let at = 0; at < 26 * 27; at++) {
    const letters = at < 26 ? String.fromCharCode(97 + at) : String.fromCharCode(96 + Math.floor(at / 26), 97 + (at % 26))
    const name = `/dev/${prefix}${letters}`
    if (!taken.has(name)) return name
  }
  throw new BadRequest('The server has too many disks.')
}

export function deviceRows(nova: Nova, serverId: string, devices: readonly WantedDevice[], at: string): NewBlockDevice[] {
  const taken = new Set<string>(devices.flatMap(({ deviceName }) => deviceName ?? []))
  return devices.map((device): NewBlockDevice => {
    const name = device.deviceName ?? nextDeviceName(taken, device.bus)
    taken.add(name)
    return {
      uuid: nova.runtime.ids.uuid(), instance_uuid: serverId, source_type: device.source, destination_type: device.destination,
      guest_format: device.guestFormat ?? null, device_type: device.deviceType ?? (device.source === 'blank' ? null : 'disk'), disk_bus: device.bus ?? null,
      boot_index: device.bootIndex ?? null, image_id: device.source === 'image' ? (device.id ?? null) : null, snapshot_id: null,
      volume_id: device.source === 'volume' ? (device.id ?? null) : null, volume_size: device.sizeMiB ?? device.sizeGiB ?? null, volume_type: device.volumeType ?? null,
      device_name: name, delete_on_termination: device.deleteOnTermination ? 1 : 0, tag: device.tag ?? null,
      attachment_id: null, connection_info: null, made_volume: 0, detaching: 0, former_volume_id: null, created_at: at, updated_at: null,
    }
  })
}
