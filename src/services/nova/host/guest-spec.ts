// A server's description as what the hypervisor is told: disks in the order of boot, ports, machine. A pure function.
import type { DiskBus, GuestDisk, GuestMachine, GuestPort, GuestSpec, NetworkModel, VolumeConnection, VolumeDisk } from '../drivers/interface.ts'
import { type FileSystem, isEphemeral, isSwap } from '../model/block-devices.ts'
import { UnsupportedHardware } from '../model/errors.ts'
import type { BlockDevice, ServerDescription, ServerPort } from '../model/server.ts'

const buses: readonly DiskBus[] = ['virtio', 'scsi', 'ide']
const models: readonly NetworkModel[] = ['virtio', 'e1000', 'e1000e', 'rtl8139', 'ne2k_pci', 'pcnet', 'vmxnet3']

/** @throws UnsupportedHardware in upstream's words (nova/virt/libvirt/driver.py) */
function known<T extends string>(names: readonly T[], wanted: string): T {
  const found = names.find((name) => name === wanted)
  if (found === undefined) throw new UnsupportedHardware(`Requested hardware '${wanted}' is not supported by the 'qemu' virt driver`)
  return found
}

const busOf = (device: BlockDevice, properties: ServerDescription['imageProperties']): DiskBus => known(buses, device.bus ?? properties['hw_disk_bus'] ?? 'virtio')

/** What the image and the request ask for is there, whichever host is chosen. @throws UnsupportedHardware */
export function checkHardware({ blockDevices, imageProperties }: ServerDescription): void {
  for (const device of blockDevices) busOf(device, imageProperties)
  known(models, imageProperties['hw_vif_model'] ?? 'virtio')
}

export function toVolumeDisk(device: BlockDevice, properties: ServerDescription['imageProperties'] = {}): VolumeDisk {
  const volumeId = device.volumeId ?? ''
  const connection = device.connection as VolumeConnection
  return {
    kind: 'volume', volumeId, connection, bus: busOf(device, properties), serial: volumeId,
    ...(device.bootIndex !== undefined && device.bootIndex >= 0 && { bootIndex: device.bootIndex }), ...(connection.data.access_mode === 'ro' && { readOnly: true }),
  }
}

function toDisk(server: ServerDescription, device: BlockDevice, at: number): GuestDisk {
  if (device.destination === 'volume') return toVolumeDisk(device, server.imageProperties)
  const place = { bus: busOf(device, server.imageProperties), serial: device.id.replaceAll('-', '').slice(0, 20), ...(device.bootIndex !== undefined && device.bootIndex >= 0 && { bootIndex: device.bootIndex }) }
  if (device.source === 'image') return { kind: 'image', imageId: device.imageId ?? server.imageId, sizeGiB: server.flavor.rootGiB, ...place }
  if (isSwap(device)) return { kind: 'blank', label: 'swap', format: 'swap', sizeMiB: device.sizeMiB ?? server.flavor.swapMiB, ...place }
  return { kind: 'blank', label: `ephemeral${at}`, format: (device.guestFormat as FileSystem | undefined) ?? 'ext4', sizeMiB: (device.sizeGiB ?? server.flavor.ephemeralGiB) * 1024, ...place }
}

export function toGuestPort(port: ServerPort, properties: ServerDescription['imageProperties'] = {}): GuestPort {
  const model = properties['hw_vif_model']
  return {
    portId: port.portId, tap: port.tap, macAddress: port.macAddress, mtu: port.mtu,
    ...(model !== undefined && { model: known(models, model) }),
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
    // A flavor without ephemeral disk or swap space gives none to a device that says no size.
    disks: devices.map((device) => toDisk(server, device, isEphemeral(device) ? ephemeral++ : 0)).filter((disk) => disk.kind !== 'blank' || disk.sizeMiB > 0),
    ports: server.ports.map((port) => toGuestPort(port, server.imageProperties)),
    ...(more.configDrive && { configDrive: more.configDrive }), ...(more.netns !== undefined && { netns: more.netns }),
  }
}
