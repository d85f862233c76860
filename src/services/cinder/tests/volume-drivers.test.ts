// The contract of volume drivers, held by each of them; and what only the file driver can lose: its daemon.
import assert from 'node:assert/strict'
import { truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { systemClock } from '#core/context'
import { canUseRealMachine, eventually, useRealMachine } from '../../../core/testing/real-machine.ts'
import { silentLog } from '../../../core/observe/log.ts'
import { ImageTooLarge, ImageUnusable, loadVolumeDriver, VolumeAbsent, VolumeBusy, VolumeDiffers, type VolumeDriver } from '../drivers/index.ts'
import { FakeVolumeWorld } from '../drivers/fake/index.ts'

const first = '11111111-1111-4111-8111-111111111111'
const second = '22222222-2222-4222-8222-222222222222'
const call = { signal: new AbortController().signal, epoch: 1, log: silentLog }

interface Backend {
  /** A driver on the same backend, as after a restart. */
  again(): Promise<VolumeDriver>
  /** A raw image of two mebibytes. */
  readonly image: string
}

async function fakeBackend(): Promise<Backend> {
  const world = new FakeVolumeWorld()
  return { image: 'image', again: () => loadVolumeDriver('fake', { capabilities: { clock: systemClock }, world, imageGiB: (path) => (path === 'image' ? 1 : 3) }) }
}

async function fileBackend(t: TestContext): Promise<Backend> {
  const machine = await useRealMachine(t, 'vt')
  const image = join(machine.directory, 'image.raw')
  await writeFile(image, Buffer.alloc(2 * 1024 * 1024, 'nimbo'))
  return { image, again: () => loadVolumeDriver('file', { ...machine, directory: join(machine.directory, 'volumes') }) }
}

const needs = canUseRealMachine('qemu-img', 'qemu-storage-daemon') ? {} : { skip: 'needs root and QEMU' }

for (const [name, options, backend] of [['fake', {}, fakeBackend], ['file', needs, fileBackend]] as const) {
  test(`${name}: every call may be repeated`, options, async (t) => {
    const { again, image } = await backend(t)
    const driver = await again()
    await driver.open(call)
    for (let times = 0; times < 2; times++) await driver.create(call, { volumeId: first, sizeGiB: 1 })
    for (let times = 0; times < 2; times++) await driver.createFromImage(call, { volumeId: second, sizeGiB: 2 }, { path: image, format: 'raw' })
    const shown = await driver.export(call, first, { readOnly: false })
    assert.deepEqual(await driver.export(call, first, { readOnly: false }), shown)
    assert.deepEqual([shown.driver_volume_type, shown.data.export, shown.data.access_mode], ['nbd', first, 'rw'])
    assert.deepEqual(await driver.list(call), [
      { volumeId: first, sizeGiB: 1, exported: true }, { volumeId: second, sizeGiB: 2, exported: false },
    ])
    assert.deepEqual(await driver.inventory(call), { volumes: await driver.list(call), served: [first], unfinished: [] })
    await driver.discardUnfinished(call, first)
    assert.equal((await driver.stats(call)).provisionedGiB, 3)
    for (let times = 0; times < 2; times++) await driver.unexport(call, first)
    for (let times = 0; times < 2; times++) await driver.extend(call, first, 5)
    for (const volumeId of [first, first, second]) await driver.remove(call, volumeId)
    assert.deepEqual(await driver.list(call), [])
    await driver.close()
  })

  test(`${name}: what is in use is neither removed nor extended, and what is not there is said so`, options, async (t) => {
    const { again } = await backend(t)
    const driver = await again()
    await driver.open(call)
    await driver.create(call, { volumeId: first, sizeGiB: 1 })
    await driver.export(call, first, { readOnly: true })
    await assert.rejects(driver.remove(call, first), VolumeBusy)
    await assert.rejects(driver.extend(call, first, 2), VolumeBusy)
    await assert.rejects(driver.create(call, { volumeId: first, sizeGiB: 2 }), VolumeDiffers)
    await assert.rejects(driver.export(call, second, { readOnly: false }), VolumeAbsent)
    await assert.rejects(driver.extend(call, second, 2), VolumeAbsent)
    await driver.unexport(call, second)
    await driver.unexport(call, first)
    await driver.close()
  })

  test(`${name}: exports outlive the driver, others can be made and ended beside them`, options, async (t) => {
    const { again } = await backend(t)
    const before = await again()
    await before.open(call)
    for (const volumeId of [first, second]) {
      await before.create(call, { volumeId, sizeGiB: 1 })
      await before.export(call, volumeId, { readOnly: false })
    }
    await before.close()
    const after = await again()
    await after.open(call)
    assert.deepEqual(await after.ensure(call), [first, second])
    await after.unexport(call, first)
    assert.deepEqual(await after.ensure(call), [second])
    await after.unexport(call, second)
    await after.close()
  })
}

test('file: an image that is too large, or not what it is said to be, makes no volume', needs, async (t) => {
  const { again, image } = await fileBackend(t)
  const driver = await again()
  await driver.open(call)
  await writeFile(`${image}.qcow2`, Buffer.concat([Buffer.from('QFI\xfb\0\0\0\x03', 'latin1'), Buffer.alloc(4096)]))
  await assert.rejects(driver.createFromImage(call, { volumeId: first, sizeGiB: 1 }, { path: image, format: 'qcow2' }), ImageUnusable)
  await assert.rejects(driver.createFromImage(call, { volumeId: first, sizeGiB: 1 }, { path: `${image}.qcow2`, format: 'raw' }), ImageUnusable)
  await assert.rejects(driver.createFromImage(call, { volumeId: first, sizeGiB: 0 }, { path: image, format: 'raw' }), ImageTooLarge)
  assert.deepEqual(await driver.list(call), [])
  await driver.close()
})

test('file: a killed storage daemon comes back with all exports and the content', needs, async (t) => {
  const machine = await useRealMachine(t, 'vk')
  const driver = await loadVolumeDriver('file', { ...machine, directory: join(machine.directory, 'volumes') })
  await driver.open(call)
  const image = join(machine.directory, 'image.raw')
  await writeFile(image, Buffer.alloc(1024 * 1024, 'nimbo'))
  await driver.createFromImage(call, { volumeId: first, sizeGiB: 1 }, { path: image, format: 'raw' })
  await driver.create(call, { volumeId: second, sizeGiB: 1 })
  const { data } = await driver.export(call, first, { readOnly: false })
  await driver.export(call, second, { readOnly: false })
  const size = (name: string) => machine.runner.run('qemu-img', ['info', '--output=json', '--image-opts',
    `driver=nbd,server.type=unix,server.path=${data.socket},export=${name}`], { timeoutSeconds: 10 }).then(({ stdout }) => (JSON.parse(stdout) as { 'virtual-size': number })['virtual-size'])
  assert.equal(await size(first), 1024 ** 3)
  await machine.privileged.signalDaemon('qemu-storage-daemon', 'volumes', 'SIGKILL')
  await eventually('both volumes are served again', () => Promise.all([size(first), size(second)]).then(() => true, () => false), 10)
  for (const volumeId of [first, second]) await driver.unexport(call, volumeId)
  assert.equal((await machine.privileged.daemons('qemu-storage-daemon')).size, 0)
  await driver.close()
})

test('file: a volume can be exported although the storage daemon is killed while it is told of it', needs, async (t) => {
  const machine = await useRealMachine(t, 'vl')
  const driver = await loadVolumeDriver('file', { ...machine, directory: join(machine.directory, 'volumes') })
  await driver.open(call)
  for (const volumeId of [first, second]) await driver.create(call, { volumeId, sizeGiB: 1 })
  await driver.export(call, first, { readOnly: false })
  const pid = (await machine.privileged.daemons('qemu-storage-daemon')).get('volumes')?.pid ?? 0
  machine.stop(pid)
  const exported = driver.export(call, second, { readOnly: false })
  // What is recorded, the daemon is told at once; this one stands still and cannot answer.
  await eventually('the export is recorded', async () => (await driver.list(call)).every((volume) => volume.exported), 10)
  await machine.privileged.signalDaemon('qemu-storage-daemon', 'volumes', 'SIGKILL')
  assert.equal((await exported).data.export, second)
  assert.deepEqual((await driver.inventory(call)).served, [first, second])
  for (const volumeId of [first, second]) await driver.unexport(call, volumeId)
  await driver.close()
})

test('file: a volume whose file is damaged keeps neither the backend nor the other volumes away', needs, async (t) => {
  const machine = await useRealMachine(t, 'vd')
  const again = () => loadVolumeDriver('file', { ...machine, directory: join(machine.directory, 'volumes') })
  const before = await again()
  await before.open(call)
  for (const volumeId of [first, second]) {
    await before.create(call, { volumeId, sizeGiB: 1 })
    await before.export(call, volumeId, { readOnly: false })
  }
  await before.close()
  await machine.privileged.signalDaemon('qemu-storage-daemon', 'volumes', 'SIGKILL')
  await eventually('the daemon has ended', async () => (await machine.privileged.daemons('qemu-storage-daemon')).size === 0, 10)
  await truncate(join(machine.directory, 'volumes', `${first}.qcow2`), 100)

  const after = await again()
  await after.open(call)
  assert.deepEqual((await after.inventory(call)).served, [second])
  await assert.rejects(after.export(call, first, { readOnly: false }), { code: 'volume.backend_unavailable' })
  assert.equal((await after.export(call, second, { readOnly: false })).data.export, second)
  for (const volumeId of [first, second]) await after.unexport(call, volumeId)
  await after.close()
})
