// A real guest's life under the QEMU driver: boot, volumes that come and go, restarts of guest, storage daemon and
// control plane, its end, and nothing left.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { chmod, mkdir, readdir, readFile, rename, stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { buildGuestImage } from '../../src/app/guest-image/index.ts'
import { silentLog } from '../../src/core/observe/log.ts'
import { createProcessRunner } from '../../src/core/process/index.ts'
import { canUseRealMachine, eventually, useRealMachine, type RealMachine } from '../../src/core/testing/real-machine.ts'
import { loadVolumeDriver } from '../../src/services/cinder/drivers/index.ts'
import { loadHypervisorDriver, type GuestEvent, type GuestSpec, type HypervisorDriver, type ImageRequest, type VolumeDisk } from '../../src/services/nova/drivers/index.ts'
import { toVolumeDisk } from '../../src/services/nova/host/guest-spec.ts'

const serverId = '0a0a0a0a-0000-4000-8000-000000000001'
const imageId = '0b0b0b0b-0000-4000-8000-000000000002'
const volumeId = '0c0c0c0c-0000-4000-8000-000000000003'
const portId = '0d0d0d0d-0000-4000-8000-000000000004'
const needs = canUseRealMachine('qemu-system-x86_64', 'qemu-storage-daemon', 'apt-get') ? {} : { skip: 'needs root, QEMU and Debian' }

/** The image is made once for all runs of the tests. */
async function guestImage(): Promise<{ path: string; request: ImageRequest }> {
  const directory = join(tmpdir(), 'nimbo-test-image')
  const path = join(directory, 'guest.qcow2')
  if (await stat(path).catch(() => undefined) === undefined) {
    await mkdir(directory, { recursive: true })
    await buildGuestImage({ workDirectory: join(directory, 'work'), output: `${path}.new`, runner: createProcessRunner(), log: silentLog })
    await rename(`${path}.new`, path)
  }
  await chmod(directory, 0o755)
  const content = await readFile(path)
  return { path, request: { imageId, format: 'qcow2', sizeBytes: content.length, hash: { algorithm: 'sha512', value: createHash('sha512').update(content).digest('hex') } } }
}

async function hypervisor(machine: RealMachine, events: GuestEvent[]): Promise<HypervisorDriver> {
  const driver = await loadHypervisorDriver('qemu', { ...machine, directory: join(machine.directory, 'compute') })
  driver.watch((event) => events.push(event))
  await driver.open(machine.call)
  return driver
}

/** The shell asks the terminal where its cursor is. */
const cursorQuestion = '\u001b[6n'

/** The kernel speaks in between. */
const kernelLine = /\[ +\d+\.\d+\] [^\n]*\n/g

/** Log in on the serial line and run a command as root; answers what it printed. */
async function inGuest(socketPath: string, command: string): Promise<string> {
  const socket = connect(socketPath)
  let seen = ''
  socket.on('data', (data) => { seen += data.toString() })
  socket.on('error', () => {})
  const plain = () => seen.replace(kernelLine, '').replaceAll(cursorQuestion, '')
  const say = async (text: string, until: RegExp) => {
    seen = ''
    socket.write(text)
    await eventually(`the guest answers ${text.trim()}`, () => until.test(plain()), 40).catch((error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify(seen)}`)
    })
  }
  try {
    await say('\n', /login: $|\$ $/)
    if (plain().endsWith('login: ')) {
      await say('nimbo\n', /Password: $/)
      await say('nimbo\n', /\$ $/)
    }
    await say(`sudo sh -c '${command}'; echo "result"":"$?\n`, /result:\d+[\s\S]*\$ /)
    assert.match(seen, /result:0/, seen)
    return seen
  } finally {
    socket.destroy()
  }
}

const bootsSeen = (driver: HypervisorDriver, machine: RealMachine) =>
  driver.consoleOutput(machine.call, serverId).then((text) => text.split('cloud: ready').length - 1)

test('a guest lives through all that happens to it', needs, async (t: TestContext) => {
  const image = await guestImage()
  const machine = await useRealMachine(t, 'gt')
  const { call, privileged } = machine
  await privileged.netnsAdd('gt-fabric')
  await privileged.ip(['tuntap add dev tap0 mode tap user 64701', 'link set tap0 up'], { netns: 'gt-fabric' })

  const volumes = await loadVolumeDriver('file', { ...machine, directory: join(machine.directory, 'volumes') })
  await volumes.open(call)
  await volumes.create(call, { volumeId, sizeGiB: 1 })
  const connection = await volumes.export(call, volumeId, { readOnly: false })
  const volume: VolumeDisk = { kind: 'volume', volumeId, connection, bus: 'virtio', serial: volumeId }

  const events: GuestEvent[] = []
  let driver = await hypervisor(machine, events)
  const fetched = await driver.prepareImage(call, image.request, async () => createReadStream(image.path))
  const again = await driver.prepareImage(call, image.request, () => { throw new Error('fetched twice') })
  assert.deepEqual([fetched.fromCache, again.fromCache], [false, true])

  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const spec: GuestSpec = {
    serverId, name: 'first', vcpus: 1, ramMiB: 128, netns: 'gt-fabric',
    disks: [{ kind: 'image', imageId, sizeGiB: 1, bootIndex: 0, bus: 'virtio', serial: serverId }],
    ports: [{ portId, tap: 'tap0', macAddress: 'fa:16:3e:00:00:01', mtu: 1450 }],
    configDrive: {
      'openstack/latest/meta_data.json': base64(JSON.stringify({ uuid: serverId, hostname: 'first.novalocal', public_keys: { key: 'ssh-ed25519 AAAA me\n' } })),
      'openstack/latest/user_data': base64('#!/bin/sh\necho "user data: $(hostname)"\n'),
    },
  }
  const started = performance.now()
  await driver.spawn(call, spec)
  await driver.spawn(call, spec)
  t.diagnostic(`spawned after ${Math.round(performance.now() - started)} ms`)
  await eventually('the guest is ready', async () => await bootsSeen(driver, machine) === 1)
  t.diagnostic(`ready after ${Math.round(performance.now() - started)} ms`)
  const said = await driver.consoleOutput(call, serverId, 40)
  assert.match(said, /metadata from the config drive/)
  assert.match(said, /user data: first\r?\n/)
  assert.equal((await driver.consoleOutput(call, serverId, 2)).trimEnd().split('\n').length, 2)

  const serial = (await driver.consoleEndpoint(call, serverId, 'serial')).socketPath
  assert.match(await inGuest(serial, 'cat /home/nimbo/.ssh/authorized_keys /sys/class/net/eth0/mtu; df -k /'), /ssh-ed25519 AAAA me[\s\S]*1450[\s\S]* 1015212 /)

  // A volume comes, is used, survives the death of its server, and goes.
  const plugged = performance.now()
  for (let times = 0; times < 2; times++) await driver.attachVolume(call, serverId, volume)
  t.diagnostic(`attached after ${Math.round(performance.now() - plugged)} ms`)
  await inGuest(serial, 'until [ -b /dev/vdc ]; do sleep 0.1; done; cat /sys/block/vdc/serial; mkfs.ext4 -q /dev/vdc && mount /dev/vdc /mnt && echo kept > /mnt/word')
  await privileged.signalDaemon('qemu-storage-daemon', 'volumes', 'SIGKILL')
  await inGuest(serial, 'dd if=/dev/zero of=/mnt/zeros bs=1M count=8 conv=fsync && umount /mnt')

  // The volume grows where it is kept, for which its server lets go of it for a moment; the guest is shown it and goes on writing.
  const grown = performance.now()
  await volumes.unexport(call, volumeId)
  await volumes.extend(call, volumeId, 2)
  await volumes.export(call, volumeId, { readOnly: false })
  for (let times = 0; times < 2; times++) await driver.extendVolume(call, serverId, volumeId, 2 * 1024 ** 3)
  t.diagnostic(`grown after ${Math.round(performance.now() - grown)} ms`)
  assert.match(await inGuest(serial, 'cat /sys/block/vdc/size; mount /dev/vdc /mnt; cat /mnt/word; umount /mnt'), /\b4194304\b[\s\S]*kept/)

  // The control plane goes away and comes back.
  await driver.close()
  driver = await hypervisor(machine, events)
  const [found] = await driver.list(call)
  assert.deepEqual({ ...found, pid: 0 }, { serverId, powerState: 'running', pid: 0, recorded: true, volumeIds: [volumeId], portIds: [portId] })
  const unplugged = performance.now()
  for (let times = 0; times < 2; times++) await driver.detachVolume(call, serverId, volumeId)
  t.diagnostic(`detached after ${Math.round(performance.now() - unplugged)} ms`)
  for (let times = 0; times < 2; times++) await driver.detachInterface(call, serverId, portId)
  assert.deepEqual((await driver.list(call))[0]?.portIds, [])
  await driver.attachVolume(call, serverId, volume)

  // It restarts itself on request, sees the volume, and shuts itself down.
  await driver.reboot(call, serverId, { kind: 'soft', timeoutSeconds: 30 })
  await eventually('the guest is ready again', async () => await bootsSeen(driver, machine) === 2)
  assert.match(await inGuest(serial, 'for disk in b c; do mount -t ext4 -o ro /dev/vd$disk /mnt 2>/dev/null; done; cat /mnt/word; umount /mnt'), /kept/)
  await inGuest(serial, 'poweroff')
  await eventually('the guest stopped', () => events.some((event) => event.kind === 'stopped'), 20)
  assert.equal(await driver.powerState(call, serverId), 'shutdown')
  assert.equal((await privileged.daemons('qemu')).size, 0)

  // Killed while nobody looks: told at the next start.
  await driver.powerOn(call, serverId)
  assert.equal(await driver.powerState(call, serverId), 'running')
  await driver.close()
  await privileged.signalDaemon('qemu', serverId, 'SIGKILL')
  await eventually('the process is gone', async () => (await privileged.daemons('qemu')).size === 0, 5)
  driver = await hypervisor(machine, events)
  assert.deepEqual(events.at(-1)?.kind, 'gone')
  assert.equal(await driver.powerState(call, serverId), 'crashed')

  // Killed while watched: told at once. Then brought back by force.
  await driver.powerOn(call, serverId)
  events.length = 0
  await privileged.signalDaemon('qemu', serverId, 'SIGKILL')
  await eventually('its end is told', () => events.some((event) => event.kind === 'gone'), 5)
  await driver.reboot(call, serverId, { kind: 'hard' })
  await driver.pause(call, serverId)
  assert.equal(await driver.powerState(call, serverId), 'paused')
  await driver.unpause(call, serverId)
  await driver.powerOff(call, serverId, 0)
  assert.equal(await driver.powerState(call, serverId), 'shutdown')

  for (let times = 0; times < 2; times++) await driver.destroy(call, serverId)
  await volumes.unexport(call, volumeId)
  await volumes.remove(call, volumeId)
  await driver.trimImages(call, new Set())
  assert.deepEqual(await driver.list(call), [])
  const left = async (path: string) => readdir(join(machine.directory, path))
  assert.deepEqual([await left('compute/servers'), await left('compute/images'), (await left('volumes')).filter((name) => name.endsWith('.qcow2'))], [[], [], []])
  assert.equal((await privileged.daemons('qemu')).size + (await privileged.daemons('qemu-storage-daemon')).size, 0)
  await driver.close()
  await volumes.close()
})

test('a guest finds its ephemeral disk formatted and its swap space marked, and only reads a volume that is read-only', needs, async (t: TestContext) => {
  const image = await guestImage()
  const machine = await useRealMachine(t, 'gd')
  const { call } = machine
  const volumes = await loadVolumeDriver('file', { ...machine, directory: join(machine.directory, 'volumes') })
  await volumes.open(call)
  await volumes.create(call, { volumeId, sizeGiB: 1 })
  const connection = await volumes.export(call, volumeId, { readOnly: true })
  const driver = await hypervisor(machine, [])
  await driver.prepareImage(call, image.request, async () => createReadStream(image.path))
  await driver.spawn(call, {
    serverId, name: 'disks', vcpus: 1, ramMiB: 128, ports: [],
    disks: [
      { kind: 'image', imageId, sizeGiB: 1, bootIndex: 0, bus: 'virtio', serial: serverId },
      { kind: 'blank', label: 'ephemeral0', format: 'ext4', sizeMiB: 32, bus: 'virtio', serial: 'one' },
      { kind: 'blank', label: 'swap', format: 'swap', sizeMiB: 16, bus: 'virtio', serial: 'two' },
    ],
  })
  await eventually('the guest is ready', async () => await bootsSeen(driver, machine) === 1)
  await driver.attachVolume(call, serverId, toVolumeDisk({ id: 'device', source: 'volume', destination: 'volume', volumeId, connection, deleteOnTermination: false, made: false }))
  const serial = (await driver.consoleEndpoint(call, serverId, 'serial')).socketPath
  const said = await inGuest(serial, 'mount /dev/vdb /mnt && df -k /mnt && umount /mnt; swapon /dev/vdc && cat /proc/swaps; until [ -b /dev/vdd ]; do sleep 0.1; done; echo read-only"="$(cat /sys/block/vdd/ro)')
  assert.match(said, /\/dev\/vdb[\s\S]*\/dev\/vdc +partition\s+16380[\s\S]*read-only=1/)
  await driver.destroy(call, serverId)
  await volumes.unexport(call, volumeId)
  await volumes.remove(call, volumeId)
  await driver.close()
  await volumes.close()
})
