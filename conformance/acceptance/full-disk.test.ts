// A cloud whose disk becomes full while servers are built, images come and a guest writes; whose control plane is killed then. Nothing is lost, nothing is
// left behind, and all goes on once there is room.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { RestError } from '../../src/app/rest.ts'
import { asDemo, auditorsAtRest, nothingToRepair, untilWhole } from './as-demo.ts'
import { processesOf } from './host-state.ts'
import { gone } from './kill-points.ts'
import { canRunReal, eventually, prepareRealCloud } from './real-cloud.ts'
import { found, guestStatus, openOperations, promised, surroundings } from './rows-and-reality.ts'

const mebibyte = 1024 ** 2
const all = process.env['KILL_POINTS'] === 'all'
/** Writes a cluster after the other to its disk and to its volume, as long as it lives. */
const writes = `#!/bin/sh
(at=0; while :; do
  dd if=/dev/urandom of=/dev/vdb bs=64k seek=$at count=1 conv=fsync,notrunc 2>/dev/null
  dd if=/dev/urandom of=/written bs=64k seek=$at count=1 conv=fsync,notrunc 2>/dev/null
  at=$((at + 1)); echo "written $at" > /dev/console; sleep 1
done) &
`

test('a full disk stops nothing for good', { skip: canRunReal ? false : 'needs root' }, async (t) => {
  const cloud = await prepareRealCloud(14, { diskGiB: 6 })
  const { directory, disk } = cloud
  assert.ok(disk)
  t.after(async () => {
    await cloud.remove()
    assert.equal(existsSync(directory), false)
  })
  writeFileSync(join(directory, 'nimbo.toml'), auditorsAtRest)
  await cloud.nimbo('up')
  const { session, create, serverNamed, withVolume } = await asDemo(cloud)
  const status = async (name: string) => (await serverNamed(name))?.status
  const untilStatus = (name: string, wanted: string, seconds = 60) => eventually(`${name} is ${wanted}`, seconds, async () => (await status(name)) === wanted)
  const { transport, origin, token } = session.transport('glance')
  const newImage = async (name: string): Promise<string> => (await session.send('glance', 'POST', '/v2/images', { name, disk_format: 'raw', container_format: 'bare' })).id
  const upload = async (id: string, mebibytes: number) => (await transport({
    method: 'PUT', path: `/v2/images/${id}/file`, query: '', origin, headers: { 'x-auth-token': token, 'content-type': 'application/octet-stream' }, body: Readable.from(Array.from({ length: mebibytes }, () => Buffer.alloc(mebibyte))),
  })).status

  await create('before')
  await untilStatus('before', 'ACTIVE')
  const remove = async (name: string) => {
    await session.send('nova', 'DELETE', `/v2.1/servers/${(await serverNamed(name)).id}`)
    await eventually(`${name} is gone`, 60, async () => (await serverNamed(name)) === undefined)
  }
  await remove('before')
  await untilWhole(cloud)
  const [empty, bare] = [surroundings(directory), await found(directory)]

  const large = await newImage('large')
  assert.equal(await upload(large, 20), 204)
  const writer = await create('writer', { ...withVolume, user_data: Buffer.from(writes).toString('base64') })
  await eventually('the guest writes', 120, async () => ((await session.send('nova', 'POST', `/v2.1/servers/${writer}/action`, { 'os-getConsoleOutput': {} })).output as string).includes('written 1'))
  const upcoming = await newImage('upcoming')

  await t.test('an image that the host has no room for fills nothing: its server is in ERROR and says why', async () => {
    disk.fillBut(70)
    await create('large', { imageRef: large })
    await untilStatus('large', 'ERROR')
    assert.equal((await serverNamed('large')).fault.message, 'The build of the server failed while its image was fetched: The chosen host has no room for the image. No other host could take it; tried: 1.')
    assert.deepEqual(readdirSync(join(directory, 'data', 'nova', 'qemu', 'images')).filter((name) => name.includes(large)), [])
    assert.ok(disk.free() > 50 * mebibyte)
    await remove('large')
    await untilWhole(cloud)
  })

  await t.test('an image that outgrows the disk while it comes leaves nothing of it, and its server is in ERROR', { skip: all ? false : 'it takes a while; KILL_POINTS=all' }, async () => {
    disk.empty()
    const huge = await newImage('huge')
    assert.equal(await upload(huge, 200), 204)
    disk.fillBut(300)
    const part = join(directory, 'data', 'nova', 'qemu', 'images', `${huge}.part`)
    await create('outgrown', { imageRef: huge })
    for (const end = performance.now() + 30_000; !existsSync(part) && performance.now() < end;) await sleep(2)
    assert.equal(existsSync(part), true)
    disk.fill()
    await eventually('nothing of it is left', 30, async () => !existsSync(part))
    disk.empty()
    await untilStatus('outgrown', 'ERROR')
    assert.match((await serverNamed('outgrown')).fault.message, /no room for the image/)
    await remove('outgrown')
    await session.send('glance', 'DELETE', `/v2/images/${huge}`)
    await untilWhole(cloud)
  })

  await t.test('what writes waits or is refused, what reads is answered', async () => {
    disk.fillBut(4)
    assert.equal(await upload(upcoming, 8), 413)
    await create('waiting')
    disk.fill()
    await eventually('the guest that writes stands still', 30, async () => (await guestStatus(directory, writer)) === 'io-error')
    const refused = await eventually('a request that writes is refused', 60, async () => {
      for (let tries = 0; tries < 100; tries++) {
        try {
          await session.send('neutron', 'POST', '/v2.0/security-groups', { security_group: { name: `tried-${tries}` } })
        } catch (error) {
          if (error instanceof RestError) return error
          throw error
        }
      }
    })
    assert.equal(refused.status, 503)
    assert.match(refused.message, /disk is full.*Try again when there is room/)
    // Nothing tells that the build has come upon the full disk, not even the log has room: for a while it must not fail.
    await sleep(3000)
    assert.equal(await status('waiting'), 'BUILD')
    assert.ok(openOperations(directory).some((line) => line.startsWith('server.build')))
  })

  await t.test('killed on the full disk, the cloud starts and reads', async () => {
    const { pid } = JSON.parse(readFileSync(join(directory, 'data', 'run', 'state.json'), 'utf8')) as { pid: number }
    process.kill(pid, 'SIGKILL')
    await gone(pid)
    disk.stopFilling()
    await cloud.nimbo('up')
    assert.deepEqual([await status('waiting'), (await session.send('glance', 'GET', `/v2/images/${large}`)).status], ['BUILD', 'active'])
  })

  await t.test('once there is room the guest writes again, the server is built, and all agrees', async () => {
    disk.empty()
    const start = performance.now()
    await untilStatus('waiting', 'ACTIVE', 90)
    await untilStatus('writer', 'ACTIVE', 60)
    t.diagnostic(`all went on after ${((performance.now() - start) / 1000).toFixed(1)} s`)
    const before = (await session.send('nova', 'POST', `/v2.1/servers/${writer}/action`, { 'os-getConsoleOutput': {} })).output as string
    await eventually('the guest writes on', 60, async () => ((await session.send('nova', 'POST', `/v2.1/servers/${writer}/action`, { 'os-getConsoleOutput': {} })).output as string).length > before.length)
    assert.equal(await upload(upcoming, 8), 204)
    await untilWhole(cloud)
    await nothingToRepair(cloud)
  })

  await t.test('and when all is deleted nothing of it is left', async () => {
    for (const name of ['writer', 'waiting']) await remove(name)
    for (const image of [large, upcoming]) await session.send('glance', 'DELETE', `/v2/images/${image}`)
    for (const { id, name } of (await session.send('neutron', 'GET', '/v2.0/security-groups')).security_groups) if (name !== 'default') await session.send('neutron', 'DELETE', `/v2.0/security-groups/${id}`)
    await untilWhole(cloud)
    await nothingToRepair(cloud)
    assert.deepEqual([surroundings(directory), await found(directory)], [empty, bare])
    assert.deepEqual(promised(directory), bare)
  })

  await t.test('`reset` leaves the mount point, and in it only the configuration that somebody wrote', async () => {
    await cloud.nimbo('reset', '--yes')
    assert.deepEqual([readdirSync(directory), processesOf(directory)], [['nimbo.toml'], []])
  })
})
