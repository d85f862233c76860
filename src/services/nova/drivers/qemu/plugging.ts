// Hot plug and unplug on a running guest. Every step may be repeated: what is there already, or gone already, is no error.
import { QmpLost, QmpRefused } from '#core/drivers'
import type { Clock } from '#core/context'
import { DeviceRefused, type GuestPort, type GuestSpec, type VolumeDisk } from '../interface.ts'
import { networkDevice, portDevice, portNetdev, scsiController, spareRootPorts, volumeDevice, volumeDisk, volumeNode, type Device } from './devices.ts'
import type { GuestMonitor } from './guest-monitor.ts'

const duplicate = /duplicate/i
const absent = /not found|not find|failed to find|DeviceNotFound/i
/** A guest that is still in its BIOS hears nothing, so the request is repeated. */
const askAgainSeconds = 5
const giveUpSeconds = 60

export async function plugVolume(monitor: GuestMonitor, spec: GuestSpec, disk: VolumeDisk): Promise<void> {
  if (disk.bus === 'ide') throw new DeviceRefused('A disk on an IDE bus cannot be attached to a running server.')
  const { node, device } = volumeDisk(disk)
  await refusedAs('The volume could not be attached', async () => {
    await monitor.ensure('blockdev-add', node, duplicate)
    try {
      if (disk.bus === 'scsi') await plugDevice(monitor, spec, { driver: 'virtio-scsi-pci', id: scsiController })
      await plugDevice(monitor, spec, device)
    } catch (error) {
      await monitor.ensure('blockdev-del', { 'node-name': node['node-name'] }, absent).catch(() => {})
      throw error
    }
  })
}

export async function unplugVolume(monitor: GuestMonitor, clock: Clock, volumeId: string): Promise<void> {
  await unplugDevice(monitor, clock, volumeDevice(volumeId))
  await monitor.ensure('blockdev-del', { 'node-name': volumeNode(volumeId) }, absent)
}

/**
 * Show a running guest that a volume is larger now. Its server lets go of the line to grow it, which QEMU notices only when
 * it speaks the next time: opening the node anew makes it speak, connect again, and learn the size.
 */
export async function growVolume(monitor: GuestMonitor, disk: VolumeDisk, sizeBytes: number): Promise<void> {
  const { node } = volumeDisk(disk)
  const resize = () => monitor.execute('block_resize', { 'node-name': node['node-name'], size: sizeBytes })
  await refusedAs('The guest could not be shown the new size of the volume', async () => {
    try {
      await resize()
    } catch (error) {
      if (!(error instanceof QmpRefused) || !/cannot grow/i.test(error.message)) throw error
      await monitor.execute('blockdev-reopen', { options: [node] })
      await resize()
    }
  })
}

export async function plugPort(monitor: GuestMonitor, spec: GuestSpec, port: GuestPort): Promise<void> {
  const { netdev, device } = networkDevice(port)
  await refusedAs('The interface could not be attached', async () => {
    await monitor.ensure('netdev_add', netdev, duplicate)
    try {
      await plugDevice(monitor, spec, device)
    } catch (error) {
      await monitor.ensure('netdev_del', { id: netdev['id'] }, absent).catch(() => {})
      throw error
    }
  })
}

export async function unplugPort(monitor: GuestMonitor, clock: Clock, portId: string): Promise<void> {
  await unplugDevice(monitor, clock, portDevice(portId))
  await monitor.ensure('netdev_del', { id: portNetdev(portId) }, absent)
}

async function plugDevice(monitor: GuestMonitor, spec: GuestSpec, device: Device): Promise<void> {
  if (spec.machine?.type !== 'q35' || device['bus'] !== undefined) return monitor.ensure('device_add', device, duplicate)
  if ((await monitor.deviceIds()).includes(device.id)) return
  for (let port = 0; port < spareRootPorts; port++) {
    try {
      return await monitor.ensure('device_add', { ...device, bus: `spare-${port}` }, duplicate)
    } catch (error) {
      if (!(error instanceof QmpRefused) || !/in use|occupied|not available/i.test(error.message)) throw error
    }
  }
  throw new DeviceRefused('The server has no free slot for another device.')
}

async function unplugDevice(monitor: GuestMonitor, clock: Clock, id: string): Promise<void> {
  const end = clock.monotonic() + giveUpSeconds * 1000
  while ((await monitor.deviceIds()).includes(id)) {
    if (clock.monotonic() >= end) throw new DeviceRefused('The server does not let go of the device. Is it in use there, or is the server not up?')
    const deleted = monitor.waitFor((event) => event.event === 'DEVICE_DELETED' && event.data['device'] === id, askAgainSeconds)
    // Attached at once, so that a failing request leaves no rejection unheard.
    const outcome = deleted.then(() => true, (error: unknown) => {
      if (error instanceof QmpLost && monitor.isOpen) return false
      throw error
    })
    outcome.catch(() => {})
    await monitor.ensure('device_del', { id }, /not found|DeviceNotFound|in the process of unplug|pending/i)
    if (await outcome) return
  }
}

async function refusedAs(what: string, run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (error) {
    if (error instanceof QmpRefused) throw new DeviceRefused(`${what}: the hypervisor refused it.`, {}, error)
    throw error
  }
}
