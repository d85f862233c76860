// What becomes of volumes that servers ask for and do not get, or cannot take along: they are others', and keep neither a build nor a deletion from its end.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemIds } from '#core/context'
import { updatePlan } from '../db/build-requests.ts'
import { SpawnFailed } from '../drivers/index.ts'
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

/** What the history of a server says of volumes that stayed, to an administrator. */
async function toldOfVolumes({ admin }: Bench, serverId: string, action: string): Promise<string[]> {
  const at = { 'openstack-api-version': 'compute 2.84' }
  const { instanceActions } = must(await admin.call('nova', 'GET', `/v2.1/servers/${serverId}/os-instance-actions`, undefined, at), 200)
  const { request_id: request } = instanceActions.find((each: { action: string }) => each.action === action)
  const { instanceAction } = must(await admin.call('nova', 'GET', `/v2.1/servers/${serverId}/os-instance-actions/${request}`, undefined, at), 200)
  return instanceAction.events.filter(({ event }: { event: string }) => event === 'compute_cleanup_volumes').map(({ details }: { details: string }) => details)
}

test('a server is deleted though an administrator keeps the volume that was to go with it, and its history says so', async (t) => {
  const bench = await startBench(t)
  const { demo, admin } = bench
  const volume = await readyVolume(bench)
  const id = await boot(bench, volume.beside)
  await untilStatus(demo, id, 'ACTIVE')
  const letGo = holdCalls(bench, 'destroy')
  must(await demo.call('nova', 'DELETE', `/v2.1/servers/${id}`), 204)
  // With its attachments gone nobody but the administrator has it.
  must(await admin.call('cinder', 'POST', `/v3/volumes/${volume.id}/action`, { 'os-reset_status': { status: 'maintenance' } }), 202)
  letGo()
  await untilGone(demo, id)
  await volume.is('maintenance')
  const [told, ...more] = await toldOfVolumes(bench, id, 'delete')
  assert.match(told ?? '', new RegExp(`^The volume ${volume.id} stays, in status maintenance: Invalid volume: Volume status must be available or error`))
  assert.deepEqual(more, [])
})

test('a server whose new volume somebody else claims while it is built fails, can be deleted, and leaves him the volume', async (t) => {
  const bench = await startBench(t)
  const { demo } = bench
  const reached = Promise.withResolvers<void>()
  const held = Promise.withResolvers<void>()
  bench.playground.before = async (method) => {
    if (method !== 'prepareImage') return
    reached.resolve()
    await held.promise
  }
  const id = await boot(bench, {
    block_device_mapping_v2: [
      { source_type: 'image', uuid: bench.imageId, destination_type: 'local', boot_index: 0 }, { source_type: 'blank', destination_type: 'volume', volume_size: 1, boot_index: -1, delete_on_termination: true },
    ],
  })
  await reached.promise
  const volumes = async () => must(await demo.call('cinder', 'GET', `/v3/${demo.projectId}/volumes/detail`), 200).volumes
  const made = await until('the new volume is there', async () => (await volumes()).find(({ status }: { status: string }) => status === 'available'))
  must(await demo.call('cinder', 'POST', `/v3/${demo.projectId}/attachments`, { attachment: { volume_uuid: made.id, instance_uuid: systemIds.uuid() } }, { 'openstack-api-version': 'volume 3.54' }), 200)
  held.resolve()
  const { fault } = await untilStatus(demo, id, 'ERROR')
  assert.match(fault.message, /while its volumes were connected: .*the current status is reserved\.$/)
  const [told] = await toldOfVolumes(bench, id, 'create')
  assert.match(told ?? '', new RegExp(`^The volume ${made.id} stays, in status reserved: `))
  must(await demo.call('nova', 'DELETE', `/v2.1/servers/${id}`), 204)
  await untilGone(demo, id)
  assert.deepEqual((await volumes()).map((each: { id: string; status: string }) => [each.id, each.status]), [[made.id, 'reserved']])
})

test('a server whose volume is still being made is deleted without waiting for it, and the volume goes too', async (t) => {
  const bench = await startBench(t)
  const { demo } = bench
  const letGo = holdCalls(bench, 'createVolume')
  t.after(letGo)
  const id = await boot(bench, {
    imageRef: '', block_device_mapping_v2: [{ source_type: 'image', uuid: bench.imageId, destination_type: 'volume', volume_size: 1, boot_index: 0, delete_on_termination: true }],
  })
  const volumes = async () => must(await demo.call('cinder', 'GET', `/v3/${demo.projectId}/volumes/detail`), 200).volumes.map(({ status }: { status: string }) => status)
  await until('the volume is being made', async () => (await volumes()).join() === 'creating')
  must(await demo.call('nova', 'DELETE', `/v2.1/servers/${id}`), 204)
  await untilGone(demo, id)
  assert.deepEqual(await volumes(), ['deleting'])
  letGo()
  await until('the volume is gone', async () => (await volumes()).length === 0)
})

test('a volume that grows is deleted with its server as soon as it can be, and is not waited for for ever', async (t) => {
  const bench = await startBench(t)
  const { demo } = bench
  const plants = await garden(t, bench.cloud)
  const deletedWhileItGrows = async () => {
    const volume = await readyVolume(bench)
    const id = await boot(bench, volume.beside)
    await untilStatus(demo, id, 'ACTIVE')
    const [destroyed, grown] = [holdCalls(bench, 'destroy'), holdCalls(bench, 'extendVolume')]
    t.after(grown)
    must(await demo.call('nova', 'DELETE', `/v2.1/servers/${id}`), 204)
    must(await demo.call('cinder', 'POST', `/v3/${demo.projectId}/volumes/${volume.id}/action`, { 'os-extend': { new_size: 2 } }, { 'openstack-api-version': 'volume 3.42' }), 202)
    destroyed()
    const deletion = () => plants.api.read.selectFrom('operations').select(['attempt', 'epoch']).where('resource_id', '=', id).where('kind', '=', 'server.delete').executeTakeFirstOrThrow()
    await until('cinder has refused to delete the volume', async () => (await deletion()).attempt > 1)
    return { id, volume, grown }
  }
  const soon = await deletedWhileItGrows()
  soon.grown()
  await untilGone(demo, soon.id)
  await until('the volume is gone', async () => (await demo.call('cinder', 'GET', `/v3/${demo.projectId}/volumes/${soon.volume.id}`)).status === 404)
  const never = await deletedWhileItGrows()
  await plants.api.transaction((tx) => tx.updateTable('operations').set({ attempt: 28 }).where('resource_id', '=', never.id).where('kind', '=', 'server.delete').execute())
  await untilGone(demo, never.id)
  await never.volume.is('extending')
})

const goes = (bench: Bench, volumeId: string) =>
  until('the volume is gone', async () => (await bench.demo.call('cinder', 'GET', `/v3/${bench.demo.projectId}/volumes/${volumeId}`)).status === 404)

test('a volume that was to go with its server goes with it, also when the build failed', async (t) => {
  const bench = await startBench(t)
  const { demo } = bench
  bench.playground.before = (method) => {
    if (method === 'spawn') throw new SpawnFailed('QEMU ended with: no such machine type')
  }
  const volume = await readyVolume(bench)
  const id = await boot(bench, volume.beside)
  assert.deepEqual((await untilStatus(demo, id, 'ERROR'))['os-extended-volumes:volumes_attached'], [])
  await volume.is('available')
  must(await demo.call('nova', 'DELETE', `/v2.1/servers/${id}`), 204)
  await untilGone(demo, id)
  await goes(bench, volume.id)
})

test('a volume whose server failed stays when that is deleted, once another server has got it', async (t) => {
  const bench = await startBench(t)
  const { demo } = bench
  let broken = true
  bench.playground.before = (method) => {
    if (method === 'spawn' && broken) throw new SpawnFailed('QEMU ended with: no such machine type')
  }
  const [one, two] = [await readyVolume(bench), await readyVolume(bench)]
  const failed = await boot(bench, { block_device_mapping_v2: [one.root, one.data, two.data] })
  await untilStatus(demo, failed, 'ERROR')
  broken = false
  // One is given to a new server, the other is plugged into it; then it has neither any more.
  const id = await boot(bench, { block_device_mapping_v2: [one.root, { ...one.data, delete_on_termination: false }] })
  await untilStatus(demo, id, 'ACTIVE')
  must(await demo.call('nova', 'POST', `/v2.1/servers/${id}/os-volume_attachments`, { volumeAttachment: { volumeId: two.id } }), 200)
  await two.is('in-use')
  must(await demo.call('nova', 'DELETE', `/v2.1/servers/${id}`), 204)
  await untilGone(demo, id)
  must(await demo.call('nova', 'DELETE', `/v2.1/servers/${failed}`), 204)
  await untilGone(demo, failed)
  for (const volume of [one, two]) await volume.is('available')
})

test('a volume whose detachment was accepted outlives its server, though that is deleted before it is detached', async (t) => {
  const bench = await startBench(t)
  const { demo, playground } = bench
  const { cell } = await garden(t, bench.cloud)
  const volume = await readyVolume(bench)
  const id = await boot(bench, volume.beside)
  await untilStatus(demo, id, 'ACTIVE')
  const reached = Promise.withResolvers<void>()
  const held = Promise.withResolvers<void>()
  playground.before = async (method) => {
    if (method !== 'detachVolume') return
    reached.resolve()
    await held.promise
  }
  must(await demo.call('nova', 'DELETE', `/v2.1/servers/${id}/os-volume_attachments/${volume.id}`), 202)
  await reached.promise
  must(await demo.call('nova', 'DELETE', `/v2.1/servers/${id}`), 204)
  const detachment = cell.read.selectFrom('operations').select('cancel_requested').where('resource_id', '=', id).where('kind', '=', 'server.detach-volume')
  await until('the detachment is called off', async () => (await detachment.executeTakeFirstOrThrow()).cancel_requested === 1)
  held.resolve()
  await untilGone(demo, id)
  await volume.is('available')
})

test('a volume that could not be detached goes with its server', async (t) => {
  const bench = await startBench(t)
  const { demo, playground } = bench
  const volume = await readyVolume(bench)
  const id = await boot(bench, volume.beside)
  await untilStatus(demo, id, 'ACTIVE')
  playground.before = (method) => {
    if (method === 'detachVolume') throw new Error('the guest is busy')
  }
  must(await demo.call('nova', 'DELETE', `/v2.1/servers/${id}/os-volume_attachments/${volume.id}`), 202)
  await until('it has failed', async () => {
    const { instanceActions } = must(await demo.call('nova', 'GET', `/v2.1/servers/${id}/os-instance-actions`), 200)
    return instanceActions.some(({ action, message }: { action: string; message: string | null }) => action === 'detach_volume' && message !== null)
  })
  must(await demo.call('nova', 'DELETE', `/v2.1/servers/${id}`), 204)
  await untilGone(demo, id)
  await goes(bench, volume.id)
})
