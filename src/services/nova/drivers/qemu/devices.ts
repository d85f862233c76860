// A guest's disks and NICs as QEMU has them: block nodes and devices, for the command line and for hot plug alike.
import type { GuestDisk, GuestMachine, GuestPort, VolumeDisk } from '../interface.ts'

export interface BlockNode {
  readonly driver: string
  readonly 'node-name': string
  readonly [option: string]: unknown
}
export interface Device {
  readonly driver: string
  readonly id: string
  readonly [option: string]: unknown
}
export interface Plugged {
  readonly node: BlockNode
  readonly device: Device
}

/** How long a guest's request waits for a volume's server that went away, and how long opening it may take. */
const reconnectSeconds = 300
const openSeconds = 10

/** Node names have 31 characters at most. */
export const volumeNode = (volumeId: string) => `vol-${volumeId.replaceAll('-', '').slice(0, 26)}`
export const volumeDevice = (volumeId: string) => `volume-${volumeId}`
export const portDevice = (portId: string) => `port-${portId}`
export const portNetdev = (portId: string) => `net-${portId}`
export const scsiController = 'scsi0'

export function volumeFromDevice(id: string): string | undefined {
  return id.startsWith('volume-') ? id.slice('volume-'.length) : undefined
}
export function portFromDevice(id: string): string | undefined {
  return id.startsWith('port-') ? id.slice('port-'.length) : undefined
}

export function volumeDisk(disk: VolumeDisk): Plugged {
  const name = volumeNode(disk.volumeId)
  const readOnly = disk.readOnly === true
  return {
    node: {
      driver: 'nbd', 'node-name': name, 'read-only': readOnly, discard: 'unmap',
      server: { type: 'unix', path: disk.connection.data.socket }, export: disk.connection.data.export,
      'reconnect-delay': reconnectSeconds, 'open-timeout': openSeconds,
    },
    device: diskDevice(disk, volumeDevice(disk.volumeId), name),
  }
}

/** A qcow2 file of this host's own making; its backing chain was written by us. */
export function localDisk(disk: GuestDisk, name: string, path: string): Plugged {
  return {
    node: {
      driver: 'qcow2', 'node-name': name, discard: 'unmap',
      file: { driver: 'file', filename: path, discard: 'unmap', aio: 'threads' },
    },
    device: diskDevice(disk, `disk-${name}`, name),
  }
}

export function configDriveDisk(path: string): Plugged {
  return {
    node: { driver: 'raw', 'node-name': 'config-drive', 'read-only': true, file: { driver: 'file', filename: path, 'read-only': true } },
    device: { driver: 'virtio-blk-pci', id: 'config-drive', drive: 'config-drive', serial: 'config-2' },
  }
}

function diskDevice(disk: GuestDisk, id: string, node: string): Device {
  const place = {
    id, drive: node, serial: disk.serial.slice(0, 20),
    ...(disk.bootIndex !== undefined && { bootindex: disk.bootIndex }),
  }
  switch (disk.bus) {
    case 'virtio': return { driver: 'virtio-blk-pci', ...place }
    case 'scsi': return { driver: 'scsi-hd', bus: `${scsiController}.0`, ...place }
    case 'ide': return { driver: 'ide-hd', ...place }
  }
}

export function networkDevice(port: GuestPort): { netdev: Readonly<Record<string, unknown>>; device: Device } {
  const netdev = { type: 'tap', id: portNetdev(port.portId), ifname: port.tap, script: 'no', downscript: 'no', vhost: false }
  // An empty option ROM: nothing here boots from the network, and the BIOS is up sooner.
  const place = { id: portDevice(port.portId), netdev: netdev.id, mac: port.macAddress, romfile: '' }
  const { model = 'virtio' } = port
  const device = model === 'virtio' ? { driver: 'virtio-net-pci', host_mtu: port.mtu, ...place } : { driver: model, ...place }
  return { netdev, device }
}

/** On q35 the root bus takes no hot plug: devices that come later go behind ports that wait for them. */
export const spareRootPorts = 16
export function rootPorts(machine: GuestMachine | undefined): Device[] {
  if (machine?.type !== 'q35') return []
  return Array.from({ length: spareRootPorts }, (_, index) => ({
    driver: 'pcie-root-port', id: `spare-${index}`, chassis: index + 1, port: index, bus: 'pcie.0',
  }))
}
