// The contract of hypervisor drivers, held by each of them. The guests here have empty disks; that a real one boots and
// takes part is proven by the scenario of a guest's life.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { systemClock } from '#core/context'
import { silentLog } from '../../../core/observe/log.ts'
import { canUseRealMachine, eventually, useRealMachine } from '../../../core/testing/real-machine.ts'
import { FakeHost } from '../drivers/fake/index.ts'
import { FakeRecords } from '../drivers/fake/records.ts'
import {
  ConsoleUnavailable, GuestUnknown, loadHypervisorDriver, SpawnFailed, UnusableImage, type GuestEvent, type GuestSpec, type HypervisorDriver, type ImageRequest,
  type VolumeDisk,
} from '../drivers/index.ts'

const serverId = '0a0a0a0a-0000-4000-8000-000000000001'
const otherId = '0a0a0a0a-0000-4000-8000-000000000002'
const imageId = '0b0b0b0b-0000-4000-8000-000000000003'
const volumeId = '0c0c0c0c-0000-4000-8000-000000000004'
const call = { signal: new AbortController().signal, epoch: 1, log: silentLog }
const needs = canUseRealMachine('qemu-system-x86_64', 'qemu-img') ? {} : { skip: 'needs root and QEMU' }

interface Host {
  /** A driver on the same host, as after a restart of the control plane. */
  again(): Promise<HypervisorDriver>
  /** End a guest's process from outside. */
  kill(id: string): Promise<unknown>
}

async function fakeHost(): Promise<Host> {
  const world = new FakeHost()
  return { again: () => loadHypervisorDriver('fake', { capabilities: { clock: systemClock }, world }), kill: async (id) => world.kill(id) }
}

/** Each driver in a process of its own, which has nothing but the records. */
async function recordedHost(t: TestContext): Promise<Host> {
  const directory = mkdtempSync(join(tmpdir(), 'nimbo-fake-host-'))
  t.after(() => rmSync(directory, { recursive: true }))
  let world = new FakeHost()
  return {
    again() {
      world = new FakeHost(new FakeRecords(directory))
      return loadHypervisorDriver('fake', { capabilities: { clock: systemClock }, world })
    },
    kill: async (id) => world.kill(id),
  }
}

async function qemuHost(t: TestContext): Promise<Host> {
  const machine = await useRealMachine(t, 'hv')
  return {
    again: () => loadHypervisorDriver('qemu', { ...machine, directory: join(machine.directory, 'compute'), accelerator: 'tcg' }),
    kill: (id) => machine.privileged.signalDaemon('qemu', id, 'SIGKILL'),
  }
}

const content = Buffer.alloc(1024 * 1024, 'nimbo')
const image: ImageRequest = { imageId, format: 'raw', sizeBytes: content.length, hash: { algorithm: 'sha256', value: createHash('sha256').update(content).digest('hex') } }
async function* source() {
  yield content.subarray(0, 1000)
  yield content.subarray(1000)
}

const blankSpec = (id: string): GuestSpec => ({
  serverId: id, name: 'a, b', vcpus: 1, ramMiB: 32, ports: [],
  disks: [{ kind: 'blank', label: 'disk', format: 'ext4', sizeMiB: 64, bus: 'virtio', serial: 'disk' }],
})
const volume: VolumeDisk = {
  kind: 'volume', volumeId, bus: 'virtio', serial: volumeId, connection: { driver_volume_type: 'nbd', data: { socket: '/nonexistent/nbd', export: volumeId } },
}

for (const [name, options, host] of [['fake', {}, fakeHost], ['fake, with records', {}, recordedHost], ['qemu', needs, qemuHost]] as const) {
  test(`${name}: a guest is started, stopped, started and removed, each as often as asked`, options, async (t) => {
    const { again } = await host(t)
    const driver = await again()
    await driver.open(call)
    for (let times = 0; times < 2; times++) await driver.spawn(call, blankSpec(serverId))
    await driver.spawn(call, blankSpec(otherId))
    const pid = (await driver.list(call))[0]?.pid
    assert.deepEqual((await driver.list(call)).map(({ serverId: id, powerState, recorded }) => ({ id, powerState, recorded })), [
      { id: serverId, powerState: 'running', recorded: true }, { id: otherId, powerState: 'running', recorded: true },
    ])
    assert.equal((await driver.resources(call)).runningGuests, 2)
    const { upSeconds, load } = await driver.uptime(call)
    assert.ok(upSeconds > 0 && load.length === 3 && load.every((each) => each >= 0))
    await driver.pause(call, serverId)
    assert.equal(await driver.powerState(call, serverId), 'paused')
    await driver.unpause(call, serverId)
    for (let times = 0; times < 2; times++) await driver.powerOff(call, serverId, 0)
    assert.equal(await driver.powerState(call, serverId), 'shutdown')
    await assert.rejects(driver.consoleEndpoint(call, serverId, 'vnc'), ConsoleUnavailable)
    for (let times = 0; times < 2; times++) await driver.powerOn(call, serverId)
    assert.equal((await driver.consoleEndpoint(call, serverId, 'vnc')).kind, 'vnc')
    await driver.reboot(call, serverId, { kind: 'hard' })
    assert.notEqual((await driver.list(call))[0]?.pid, pid)
    for (const id of [serverId, serverId, otherId]) await driver.destroy(call, id)
    assert.deepEqual(await driver.list(call), [])
    assert.equal(await driver.powerState(call, serverId), 'absent')
    await driver.close()
  })

  test(`${name}: what is plugged into a stopped guest is there, and gone again`, options, async (t) => {
    const { again } = await host(t)
    const driver = await again()
    await driver.open(call)
    await driver.spawn(call, blankSpec(serverId))
    await driver.powerOff(call, serverId, 0)
    const port = { portId: volumeId, tap: 'tap0', macAddress: 'fa:16:3e:00:00:01', mtu: 1450 }
    for (let times = 0; times < 2; times++) {
      await driver.attachVolume(call, serverId, volume)
      await driver.attachInterface(call, serverId, port)
    }
    const [plugged] = await driver.list(call)
    assert.deepEqual([plugged?.volumeIds, plugged?.portIds], [[volumeId], [volumeId]])
    for (const id of [volumeId, imageId]) await driver.extendVolume(call, serverId, id, 1024 ** 3)
    for (let times = 0; times < 2; times++) {
      await driver.detachVolume(call, serverId, volumeId)
      await driver.detachInterface(call, serverId, volumeId)
    }
    const [bare] = await driver.list(call)
    assert.deepEqual([bare?.volumeIds, bare?.portIds], [[], []])
    await driver.close()
  })

  test(`${name}: guests outlive the driver, and one that was killed meanwhile is told`, options, async (t) => {
    const { again, kill } = await host(t)
    const before = await again()
    await before.open(call)
    for (const id of [serverId, otherId]) await before.spawn(call, blankSpec(id))
    const pids = (await before.list(call)).map(({ pid }) => pid)
    await before.close()
    await kill(otherId)
    const after = await again()
    const events: GuestEvent[] = []
    after.watch((event) => events.push(event))
    await eventually('the guest is dead', async () => await after.powerState(call, otherId) === 'crashed', 5)
    await after.open(call)
    assert.deepEqual(events.map(({ kind, serverId: id }) => [kind, id]), [['gone', otherId]])
    const found = await after.list(call)
    assert.deepEqual(found.map(({ powerState, pid }) => [powerState, pid]), [['running', pids[0]], ['crashed', undefined]])
    await kill(serverId)
    await eventually('its end is told', () => events.some((event) => event.kind === 'gone' && event.serverId === serverId), 5)
    await after.powerOn(call, otherId)
    assert.equal(await after.powerState(call, otherId), 'running')
    for (const id of [serverId, otherId]) await after.destroy(call, id)
    await after.close()
  })

  test(`${name}: an image is fetched once, and again when nobody uses it any more`, options, async (t) => {
    const { again } = await host(t)
    let driver = await again()
    await driver.open(call)
    const spec: GuestSpec = { ...blankSpec(serverId), disks: [{ kind: 'image', imageId, sizeGiB: 1, bootIndex: 0, bus: 'virtio', serial: 'root' }] }
    await assert.rejects(driver.spawn(call, spec), UnusableImage)
    await assert.rejects(driver.prepareImage(call, { ...image, sizeBytes: 17 }, async () => source()), UnusableImage)
    const fetches = [await driver.prepareImage(call, image, async () => source()), await driver.prepareImage(call, image, async () => source())]
    assert.deepEqual(fetches.map(({ fromCache, virtualSizeBytes }) => [fromCache, virtualSizeBytes]), [[false, content.length], [true, content.length]])
    await driver.spawn(call, spec)
    await driver.trimImages(call, new Set())
    assert.deepEqual(await driver.cachedImages(call), [{ imageId, used: true }])
    await driver.close()
    driver = await again()
    await driver.open(call)
    assert.deepEqual(await driver.cachedImages(call), [{ imageId, used: true }])
    assert.equal((await driver.prepareImage(call, image, async () => source())).fromCache, true)
    await driver.destroy(call, serverId)
    await driver.trimImages(call, new Set([imageId]))
    assert.deepEqual(await driver.cachedImages(call), [{ imageId, used: false }])
    assert.equal((await driver.prepareImage(call, image, async () => source())).fromCache, true)
    await driver.trimImages(call, new Set())
    assert.equal((await driver.prepareImage(call, image, async () => source())).fromCache, false)
    await driver.close()
  })

  test(`${name}: a guest that nobody knows is said so`, options, async (t) => {
    const { again } = await host(t)
    const driver = await again()
    await driver.open(call)
    for (const wrong of [() => driver.powerOff(call, serverId, 0), () => driver.powerOn(call, serverId), () => driver.attachVolume(call, serverId, volume), () => driver.extendVolume(call, serverId, volumeId, 1),
      () => driver.consoleOutput(call, serverId), () => driver.pause(call, serverId)]) await assert.rejects(wrong, GuestUnknown)
    await driver.destroy(call, serverId)
    await driver.close()
  })
}

test('qemu: content that does not match its hash or its format never enters the cache', needs, async (t) => {
  const { again } = await qemuHost(t)
  const driver = await again()
  await driver.open(call)
  await assert.rejects(driver.prepareImage(call, { ...image, hash: { algorithm: 'sha256', value: '0'.repeat(64) } }, async () => source()), /does not match its hash/)
  await assert.rejects(driver.prepareImage(call, { ...image, format: 'qcow2' }, async () => source()), /declared as qcow2/)
  assert.equal((await driver.prepareImage(call, image, async () => source())).fromCache, false)
  await driver.close()
})

test('qemu: a guest that cannot start says why, and can be removed', needs, async (t) => {
  const { again } = await qemuHost(t)
  const driver = await again()
  await driver.open(call)
  const broken: GuestSpec = { ...blankSpec(serverId), machine: { cpuModel: 'no-such-model' } }
  await assert.rejects(driver.spawn(call, broken), (error: unknown) => error instanceof SpawnFailed && /no-such-model/.test(String(error.cause)))
  await driver.destroy(call, serverId)
  assert.deepEqual(await driver.list(call), [])
  await driver.close()
})
