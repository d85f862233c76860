// What a hypervisor is told of a server.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BlockDevice, ServerDescription } from '../model/server.ts'
import { checkHardware, toGuestPort, toGuestSpec, toVolumeDisk } from './guest-spec.ts'

const flavor = { id: '1', name: 'm1.tiny', vcpus: 1, memoryMiB: 512, rootGiB: 1, ephemeralGiB: 2, swapMiB: 64, extraSpecs: {} }
const device = (more: Partial<BlockDevice>): BlockDevice => ({ id: '0e0e0e0e', source: 'blank', destination: 'local', deleteOnTermination: true, made: false, ...more })
const server = (blockDevices: readonly BlockDevice[], more: object = {}) =>
  ({ serverId: 's', name: 'one', imageId: 'i', imageProperties: {}, flavor, ports: [], blockDevices, ...more }) as unknown as ServerDescription
const disksOf = (described: ServerDescription) => toGuestSpec(described, {}).disks.map((disk) => (disk.kind === 'blank' ? [disk.label, disk.format, disk.sizeMiB] : [disk.kind]))

test('swap space and ephemeral disks have the size that was asked for, or else the flavor’s, and none where that has none', () => {
  const wanted = [device({ guestFormat: 'swap', sizeMiB: 48 }), device({ sizeGiB: 1, guestFormat: 'ext3' }), device({})]
  assert.deepEqual(disksOf(server(wanted)), [['swap', 'swap', 48], ['ephemeral0', 'ext3', 1024], ['ephemeral1', 'ext4', 2048]])
  assert.deepEqual(disksOf(server([device({ guestFormat: 'swap' })])), [['swap', 'swap', 64]])
  assert.deepEqual(disksOf(server([device({ guestFormat: 'swap' }), device({})], { flavor: { ...flavor, ephemeralGiB: 0, swapMiB: 0 } })), [])
})

test('a volume that is read-only is so for its guest', () => {
  const connected = (mode: string) => toVolumeDisk(device({ source: 'volume', destination: 'volume', volumeId: 'v', connection: { driver_volume_type: 'nbd', data: { socket: '/s', export: 'v', access_mode: mode } } }))
  assert.deepEqual([connected('ro').readOnly, connected('rw').readOnly], [true, undefined])
})

test('a disk bus or network card that there is not is refused, not replaced', () => {
  const refusal = (name: string) => ({ code: 'nova.unsupported_hardware', message: `Requested hardware '${name}' is not supported by the 'qemu' virt driver` })
  assert.throws(() => checkHardware(server([device({ bus: 'fdc' })])), refusal('fdc'))
  assert.throws(() => checkHardware(server([device({})], { imageProperties: { hw_disk_bus: 'xen' } })), refusal('xen'))
  assert.throws(() => checkHardware(server([], { imageProperties: { hw_vif_model: 'netfront' } })), refusal('netfront'))
  assert.equal(toGuestPort({ portId: 'p', tap: 't', macAddress: 'm', mtu: 1500 } as Parameters<typeof toGuestPort>[0], { hw_vif_model: 'rtl8139' }).model, 'rtl8139')
})
