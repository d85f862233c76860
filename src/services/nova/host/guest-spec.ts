// A server's description as what the hypervisor is told: disks in the order of boot, ports, machine. A pure function.
import type { DiskBus, GuestDisk, GuestMachine, GuestPort, GuestSpec, NetworkModel, VolumeConnection, VolumeDisk } from '../drivers/interface.ts'
import type { BlockDevice, ServerDescription, ServerPort } from '../model/server.ts'

const buses: readonly string[] = ['virtio', 'scsi', 'ide']
const models: readonly string[] = ['virtio', 'e1000']

function busOf(device: BlockDevice, properties: ServerDescription['imageProperties']): DiskBus {
  const wanted = device.bus ?? properties['hw_disk_bus']
  return wanted !== undefined && buses.includes(wanted) ? (wanted as DiskBus) : 'virtio'
}

export function toVolumeDisk(device: BlockDevice, properties: ServerDescription['imageProperties'] = {}): VolumeDisk {
  const volumeId = device.volumeId ?? ''
  return {
    kind: 'volume', volumeId, connection: device.connection as VolumeConnection, bus: busOf(device, properties), serial: volumeId,
    ...(device.bootIndex !== undefined && device.bootIndex >= 0 && { bootIndex: device.bootIndex }),
  }
}

function toDisk(server: ServerDescription, device: BlockDevice, at: number): GuestDisk {
  if (device.destination === 'volume') return toVolumeDisk(device, server.imageProperties)
  const place = { bus: busOf(device, server.imageProperties), serial: device.id.replaceAll('-', '').slice(0, 20), ...(device.bootIndex !== undefined && device.bootIndex >= 0 && { bootIndex: device.bootIndex }) }
  if (device.source === 'image') return { kind: 'image', imageId: device.imageId ?? server.imageId, sizeGiB: server.flavor.rootGiB, ...place }
  if (device.guestFormat === 'swap') return { kind: 'blank', label: 'swap', sizeMiB: server.flavor.swapMiB, ...place }
  return { kind: 'blank', label: `ephemeral${at}`, sizeMiB: (device.sizeGiB ?? server.flavor.ephemeralGiB) * 1024, ...place }
}

export function toGuestPort(port: ServerPort, properties: ServerDescription['imageProperties'] = {}): GuestPort {
  const model = properties['hw_vif_model']
  return {
    portId: port.portId, tap: port.tap, macAddress: port.macAddress, mtu: port.mtu,
    ...(model !== undefined && models.includes(model) && { model: model as NetworkModel }),
  }
}

function machineOf({ imageProperties, flavor }: ServerDescription): GuestMachine {
  const wanted = imageProperties['hw_machine_type'] ?? ''
  const allowed = flavor.extraSpecs['hw_rng:allowed']
  return {
    ...(wanted !== '' && { type: wanted.includes('q35') ? 'q35' : 'pc' } as const),
    ...(allowed !== undefined && { randomDevice: !/^(false|no|0|off)$/i.test(allowed) }),
  }
}

export function toGuestSpec(server: ServerDescription, more: { readonly configDrive?: Readonly<Record<string, string>>; readonly netns?: string }): GuestSpec {
  // Those with a place in the order of boot first, then as they were asked for.
  const rank = (device: BlockDevice) => (device.bootIndex === undefined || device.bootIndex < 0 ? Number.MAX_SAFE_INTEGER : device.bootIndex)
  const devices = [...server.blockDevices].sort((a, b) => rank(a) - rank(b))
  let ephemeral = 0
  return {
    serverId: server.serverId, name: server.name, vcpus: server.flavor.vcpus, ramMiB: server.flavor.memoryMiB, machine: machineOf(server),
    disks: devices.map((device) => toDisk(server, device, device.source === 'blank' && device.guestFormat !== 'swap' ? ephemeral++ : 0)),
    ports: server.ports.map((port) => toGuestPort(port, server.imageProperties)),
    ...(more.configDrive && { configDrive: more.configDrive }), ...(more.netns !== undefined && { netns: more.netns }),
  }
}
