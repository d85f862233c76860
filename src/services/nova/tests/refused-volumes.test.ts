// What becomes of volumes that servers ask for and do not get: they are free for others, and keep no build from its end.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemIds } from '#core/context'
import { updatePlan } from '../db/build-requests.ts'
import { type Bench, boot, holdCalls, must, show, startBench, until, untilGone, untilStatus } from './bench.ts'
import { garden } from './plant.ts'

/** A volume of the project, as a request for a server names it, and how to wait for its status. */
async function readyVolume({ demo, imageId }: Bench) {
  const { volume: { id } } = must(await demo.call('cinder', 'POST', `/v3/${demo.projectId}/volumes`, { volume: { size: 1 } }), 202)
  const is = (status: string) => until(`the volume is ${status}`, async () => must(await demo.call('cinder', 'GET', `/v3/${demo.projectId}/volumes/${id}`), 200).volume.status === status)
  await is('available')
  const [root, data] = [
    { source_type: 'image', uuid: imageId, destination_type: 'local', boot_index: 0 }, { source_type: 'volume', uuid: id, destination_type: 'volume', boot_index: -1, delete_on_termination: true },
  ]
  return { id, is, root, data, beside: { block_device_mapping_v2: [root, data] } }
}

test('a server that asks for one volume twice is refused: its build could neither end nor be undone', async (t) => {
  const bench = await startBench(t)
  const { demo } = bench
  const { id, root, data } = await readyVolume(bench)
  const asked = (devices: readonly object[]) => demo.call('nova', 'POST', '/v2.1/servers', {
    server: { name: 'two', imageRef: bench.imageId, flavorRef: '1', networks: [{ uuid: bench.networkId }], block_device_mapping_v2: devices },
  })
  const refused = await asked([root, data, data])
  assert.deepEqual([refused.status, refused.body.badRequest.message], [400, `Block Device Mapping is Invalid: volume ${id} was specified twice.`])
  assert.deepEqual(must(await demo.call('nova', 'GET', '/v2.1/servers'), 200).servers, [])
})

test('a server that fails before it comes to a host leaves the volume that it asked for to others, also when it is deleted', async (t) => {
  const bench = await startBench(t)
  const { demo, admin } = bench
  const volume = await readyVolume(bench)
  must(await admin.call('nova', 'POST', '/v2.1/flavors', { flavor: { id: 'huge', name: 'huge', ram: 512, vcpus: 1, disk: 900_000 } }), 200)
  const failed = await Promise.all(['first', 'second'].map((name) => boot(bench, { name, flavorRef: 'huge', ...volume.beside })))
  for (const id of failed) assert.deepEqual((await untilStatus(demo, id, 'ERROR'))['os-extended-volumes:volumes_attached'], [])
  const id = await boot(bench, volume.beside)
  const attached = (await untilStatus(demo, id, 'ACTIVE'))['os-extended-volumes:volumes_attached']
  for (const each of failed) must(await demo.call('nova', 'DELETE', `/v2.1/servers/${each}`), 204)
  for (const each of failed) await untilGone(demo, each)
  await volume.is('in-use')
  assert.deepEqual([attached.map((each: { id: string }) => each.id), (await show(demo, id))['os-extended-volumes:volumes_attached']], [[volume.id], attached])
})

test('a server that was accepted with one volume twice, as it once could be, fails and says so, and is not in BUILD for ever', async (t) => {
  const bench = await startBench(t)
  const { demo } = bench
  const { api } = await garden(t, bench.cloud)
  const volume = await readyVolume(bench)
  const letGo = holdCalls(bench, 'selectDestination')
  const id = await boot(bench, volume.beside)
  await api.transaction((tx) => updatePlan(tx, id, (plan) => ({
    ...plan, blockDevices: plan.blockDevices.flatMap((device) => (device.volume_id === volume.id ? [device, { ...device, uuid: systemIds.uuid() }] : [device])),
  })))
  letGo()
  const server = await untilStatus(demo, id, 'ERROR')
  assert.equal(server.fault.message, 'The build of the server failed while it was written down: One of its volumes belongs to another server.')
  assert.deepEqual(server['os-extended-volumes:volumes_attached'], [])
  await volume.is('available')
})

test('a server that has as many disks as it may have takes no further volume', async (t) => {
  const bench = await startBench(t, { config: { nova: { max_disk_devices_to_attach: 1 } } })
  const { demo } = bench
  const id = await boot(bench)
  await untilStatus(demo, id, 'ACTIVE')
  const { volume } = must(await demo.call('cinder', 'POST', '/v3/volumes', { volume: { size: 1 } }), 202)
  await until('the volume is available', async () => must(await demo.call('cinder', 'GET', `/v3/volumes/${volume.id}`), 200).volume.status === 'available')
  const { status, body } = await demo.call('nova', 'POST', `/v2.1/servers/${id}/os-volume_attachments`, { volumeAttachment: { volumeId: volume.id } })
  assert.deepEqual([status, body.forbidden?.message], [403, 'The maximum allowed number of disk devices (1) to attach to a single instance has been exceeded.'])
})
