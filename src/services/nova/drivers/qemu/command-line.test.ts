// What QEMU is told: read off the arguments, and the config drive's image.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GuestSpec } from '../interface.ts'
import { guestArguments } from './command-line.ts'
import { isoImage } from './iso9660.ts'
import { pathsBelow } from './paths.ts'

const serverId = '0a0a0a0a-0000-4000-8000-000000000001'
const volumeId = '0c0c0c0c-0000-4000-8000-000000000004'
const spec: GuestSpec = {
  serverId, name: 'a,b', vcpus: 2, ramMiB: 512,
  disks: [
    { kind: 'image', imageId: serverId, sizeGiB: 1, bootIndex: 0, bus: 'virtio', serial: serverId },
    { kind: 'volume', volumeId, bus: 'scsi', serial: volumeId, connection: { driver_volume_type: 'nbd', data: { socket: '/n', export: volumeId } } },
  ],
  ports: [{ portId: volumeId, tap: 'tap1', macAddress: 'fa:16:3e:00:00:01', mtu: 1450 }],
  configDrive: {},
}
const valuesOf = (args: readonly string[], option: string) => args.flatMap((arg, index) => (arg === option ? [args[index + 1] ?? ''] : []))

test('every disk has its format given, and nothing of a user’s name is in it', () => {
  const args = guestArguments(spec, pathsBelow('/data').guest(serverId), { kind: 'tcg' })
  const nodes = valuesOf(args, '-blockdev').map((value) => JSON.parse(value) as { driver: string; 'node-name': string })
  assert.deepEqual(nodes.map((node) => node.driver), ['qcow2', 'nbd', 'raw'])
  assert.ok(nodes.every((node) => node['node-name'].length <= 31))
  assert.equal(valuesOf(args, '-drive').length, 0)
  assert.ok(!args.join(' ').includes('a,b'))
  assert.deepEqual(valuesOf(args, '-accel'), ['tcg,tb-size=64'])
  const devices = valuesOf(args, '-device')
  assert.ok(devices.includes('virtio-scsi-pci,id=scsi0'))
  assert.match(devices.find((device) => device.includes(`volume-${volumeId}`)) ?? '', /"serial":"0c0c0c0c-0000-4000-8"/)
  assert.match(devices.find((device) => device.includes('port-')) ?? '', /"host_mtu":1450/)
})

test('a guest that breaks into QEMU may start no program and gain no rights there', () => {
  const args = guestArguments(spec, pathsBelow('/data').guest(serverId), { kind: 'kvm' })
  assert.deepEqual(valuesOf(args, '-sandbox'), ['on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'])
})

test('q35 has spare ports for hot plug, and commas in paths are doubled', () => {
  const args = guestArguments({ ...spec, machine: { type: 'q35' } }, pathsBelow('/da,ta').guest(serverId), { kind: 'kvm' })
  assert.equal(valuesOf(args, '-device').filter((device) => device.includes('pcie-root-port')).length, 16)
  assert.ok(valuesOf(args, '-chardev').every((value) => value.includes('/da,,ta/')))
})

test('ids that are no UUIDs become no path', () => {
  assert.throws(() => pathsBelow('/data').guest('../../etc'), /not an id/)
  assert.throws(() => pathsBelow('/data').image('x/../y'), /not an id/)
})

test('a config drive has its label, long names and content at sector borders', () => {
  const image = isoImage('config-2', [
    { path: 'openstack/latest/meta_data.json', content: Buffer.from('{"a": 1}') },
    ...Array.from({ length: 60 }, (_, index) => ({ path: `openstack/content/file-with-a-long-name-${index}`, content: Buffer.from(`content ${index}`) })),
  ])
  assert.equal(image.toString('latin1', 0x8001, 0x8006), 'CD001')
  assert.equal(image.toString('latin1', 0x8028, 0x8030), 'config-2')
  assert.equal(image.length % 2048, 0)
  for (const text of ['{"a": 1}', 'content 59']) assert.equal(image.indexOf(text) % 2048, 0)
  assert.throws(() => isoImage('config-2', [{ path: '../x', content: Buffer.alloc(0) }]), /Not a path/)
})
