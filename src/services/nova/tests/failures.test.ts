// What becomes of builds that fail, are called off, or lose the process that worked on them.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '#core/context'
import { openDatabase } from '#core/db'
import { Cancelled, toWireError } from '#core/errors'
import { silentLog } from '#core/observe'
import { HelperGone } from '#core/process'
import { AnswerLost } from '#core/rpc'
import { quickClock } from '../../../core/testing/quick-clock.ts'
import { findPlan } from '../db/build-requests.ts'
import { insertPlanned } from '../db/instances.ts'
import { openDatabases } from '../db/open.ts'
import { HostUnfit } from '../model/errors.ts'
import { type Bench, boot, holdCalls, must, show, startBench, until, untilGone, untilStatus } from './bench.ts'
import { garden } from './plant.ts'

/** Nothing of a server is left anywhere. */
async function assertNothingLeft({ admin, demo, playground }: Bench, id: string): Promise<void> {
  assert.equal(playground.world?.guests.has(id), false)
  assert.deepEqual(must(await admin.call('neutron', 'GET', `/v2.0/ports?device_id=${id}`), 200).ports, [])
  assert.deepEqual(must(await admin.call('placement', 'GET', `/allocations/${id}`), 200).allocations, {})
  assert.deepEqual(must(await demo.call('cinder', 'GET', `/v3/${demo.projectId}/volumes`), 200).volumes, [])
}

const blankVolume = (imageId: string) => ({
  block_device_mapping_v2: [
    { source_type: 'image', uuid: imageId, destination_type: 'local', boot_index: 0, delete_on_termination: true },
    { source_type: 'blank', destination_type: 'volume', volume_size: 1, boot_index: -1, delete_on_termination: true },
  ],
})

test('a server that fits nowhere is kept in ERROR, says why, and can be deleted', async (t) => {
  const bench = await startBench(t)
  const { demo, admin } = bench
  must(await admin.call('nova', 'POST', '/v2.1/flavors', { flavor: { id: 'huge', name: 'huge', ram: 40_000, vcpus: 1, disk: 900_000 } }), 200)
  const id = await boot(bench, { flavorRef: 'huge' })
  const server = await untilStatus(demo, id, 'ERROR')
  assert.equal(server.fault.code, 500)
  assert.equal(server.fault.message, 'No valid host was found. There are not enough hosts available. 0 of 1 hosts have room for VCPU 1, MEMORY_MB 40000, DISK_GB 900000 (each alone: VCPU 1 on 1, MEMORY_MB 40000 on 1, DISK_GB 900000 on 0).')
  assert.equal(server.hostId, '')
  assert.equal(must(await demo.call('nova', 'GET', '/v2.1/servers/detail?status=ERROR'), 200).servers[0].id, id)
  const { instanceActions: [action] } = must(await demo.call('nova', 'GET', `/v2.1/servers/${id}/os-instance-actions`), 200)
  assert.equal(action.message, server.fault.message)
  const { instanceAction } = must(await admin.call('nova', 'GET', `/v2.1/servers/${id}/os-instance-actions/${action.request_id}`, undefined, { 'openstack-api-version': 'compute 2.84' }), 200)
  assert.deepEqual([instanceAction.events[0].event, instanceAction.events[0].result], ['conductor_schedule_instance', 'Error'])
  for (const action of [{ reboot: { type: 'HARD' } }, { 'os-stop': null }]) {
    const { conflictingRequest } = must(await demo.call('nova', 'POST', `/v2.1/servers/${id}/action`, action), 409)
    assert.equal(conflictingRequest.message, `Instance ${id} is in an invalid state for '${Object.keys(action)[0]?.replace('os-', '')}'`)
  }
  const event = { server_uuid: id, name: 'network-changed' }
  assert.deepEqual(must(await admin.call('nova', 'POST', '/v2.1/os-server-external-events', { events: [event] }), 207).events, [{ ...event, status: 'failed', code: 422 }])
  must(await demo.call('nova', 'DELETE', `/v2.1/servers/${id}`), 204)
  // Clients take a server that they still see in ERROR for one that could not be deleted.
  must(await demo.call('nova', 'GET', `/v2.1/servers/${id}`), 404)
})

test('a server that is renamed just when its build fails keeps its new name', async (t) => {
  const bench = await startBench(t)
  const { demo, admin } = bench
  const { api, cell0 } = await garden(t, bench.cloud)
  must(await admin.call('nova', 'POST', '/v2.1/flavors', { flavor: { id: 'huge', name: 'huge', ram: 512, vcpus: 1, disk: 900_000 } }), 200)
  const letGo = holdCalls(bench, 'selectDestination')
  const id = await boot(bench, { flavorRef: 'huge' })
  // It has its row in the cell, and its plan still.
  const plan = await findPlan(api.read, id)
  assert.ok(plan)
  await cell0.transaction((tx) => insertPlanned(tx, { ...plan, instance: { ...plan.instance, vm_state: 'error', task_state: null } }))
  must(await demo.call('nova', 'PUT', `/v2.1/servers/${id}`, { server: { name: 'late' } }), 200)
  letGo()
  assert.equal((await untilStatus(demo, id, 'ERROR')).name, 'late')
})

test('a guest that cannot be started leaves its server in ERROR with the reason, and nothing else', async (t) => {
  const bench = await startBench(t)
  const { SpawnFailed } = await import('../drivers/index.ts')
  bench.playground.before = (method) => {
    if (method === 'spawn') throw new SpawnFailed('QEMU ended with: no such machine type')
  }
  const id = await boot(bench, blankVolume(bench.imageId))
  const server = await untilStatus(bench.demo, id, 'ERROR')
  assert.equal(server.fault.message, 'The build of the server failed while its guest was started: QEMU ended with: no such machine type. No other host could take it; tried: 1.')
  assert.deepEqual(server['os-extended-volumes:volumes_attached'], [])
  await assertNothingLeft(bench, id)
})

/** The host cannot start a guest the first two times. @returns how often it was asked */
function refuseTwice({ playground }: Bench, why: () => Error): () => number {
  let tries = 0
  playground.before = (method) => {
    if (method === 'spawn' && tries++ < 2) throw why()
  }
  return () => tries
}

test('an admin cannot say what state a server is in while it is built: its build ends, and says so itself', async (t) => {
  const bench = await startBench(t)
  const { demo, admin, playground } = bench
  const [reached, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  playground.before = async (method) => {
    if (method !== 'spawn') return
    reached.resolve()
    await held.promise
    throw new Error('no guest today')
  }
  const id = await boot(bench)
  await reached.promise
  const reset = (state: string) => admin.call('nova', 'POST', `/v2.1/servers/${id}/action`, { 'os-resetState': { state } })
  for (const state of ['active', 'error']) must(await reset(state), 409)
  held.resolve()
  assert.match((await untilStatus(demo, id, 'ERROR')).fault.message, /^The build of the server failed while its guest was started/)
  must(await reset('active'), 202)
  assert.deepEqual([(await untilStatus(demo, id, 'ACTIVE')).fault], [undefined])
  must(await demo.call('nova', 'DELETE', `/v2.1/servers/${id}`), 204)
  await untilGone(demo, id)
  await assertNothingLeft(bench, id)
  must(await reset('active'), 404)
})

test('a server whose host has a full disk is started once there is room; an image that has no room at all is a fault that says so', async (t) => {
  const bench = await startBench(t, { capabilities: { clock: quickClock(20) } })
  const tries = refuseTwice(bench, () => Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }))
  await untilStatus(bench.demo, await boot(bench, blankVolume(bench.imageId)), 'ACTIVE')
  assert.equal(tries(), 3)
  bench.playground.before = (method) => {
    if (method === 'prepareImage') throw new HostUnfit('The chosen host has no room for the image.')
  }
  const { fault } = await untilStatus(bench.demo, await boot(bench, { name: 'large' }), 'ERROR')
  assert.equal(fault.message, 'The build of the server failed while its image was fetched: The chosen host has no room for the image. No other host could take it; tried: 1.')
})

test('a server whose build meets the end of the privileged helper is built once there is a new one', async (t) => {
  const bench = await startBench(t, { capabilities: { clock: quickClock(20) } })
  const tries = refuseTwice(bench, () => new HelperGone('The privileged helper ended.'))
  await untilStatus(bench.demo, await boot(bench), 'ACTIVE')
  assert.equal(tries(), 3)
})

test('a server is deleted while it is built, wherever the build is', async (t) => {
  const bench = await startBench(t)
  for (const method of ['prepareImage', 'spawn'] as const) {
    const reached = Promise.withResolvers<void>()
    const release = Promise.withResolvers<void>()
    bench.playground.before = async (called) => {
      if (called !== method) return
      reached.resolve()
      await release.promise
    }
    const id = await boot(bench, blankVolume(bench.imageId))
    await reached.promise
    const answers = [await bench.demo.call('nova', 'DELETE', `/v2.1/servers/${id}`), await bench.demo.call('nova', 'DELETE', `/v2.1/servers/${id}`)]
    for (const answer of answers) must(answer, 204)
    // Who asks again is told what does it already.
    const [first, second] = answers.map(({ headers }) => headers['nimbo-operation-id'])
    assert.ok(first !== undefined && first === second)
    assert.equal((await show(bench.demo, id))['OS-EXT-STS:task_state'], 'deleting')
    release.resolve()
    await untilGone(bench.demo, id)
    bench.playground.before = () => undefined
    await until('volumes are gone', async () => must(await bench.demo.call('cinder', 'GET', `/v3/${bench.demo.projectId}/volumes`), 200).volumes.length === 0)
    await assertNothingLeft(bench, id)
    const history = async (path = '') => must(await bench.admin.call('nova', 'GET', `/v2.1/servers/${id}/os-instance-actions${path}`, undefined, { 'openstack-api-version': 'compute 2.84' }), 200)
    const create = (await history()).instanceActions.find(({ action }: { action: string }) => action === 'create')
    assert.match(create.message, /^The build of the server failed while its (image was fetched|guest was started): The operation was called off\.$/)
    const { events } = (await history(`/${create.request_id}`)).instanceAction
    assert.deepEqual(events.map(({ event, result }: Record<string, string>) => [event, result]), [['compute__do_build_and_run_instance', 'Error'], ['conductor_schedule_instance', 'Success']])
  }
})

test('a server whose request was only just accepted can be deleted', async (t) => {
  const bench = await startBench(t)
  const ids = await Promise.all(Array.from({ length: 5 }, (_each, at) => boot(bench, { name: `short-${at}` })))
  await Promise.all(ids.map(async (id) => must(await bench.demo.call('nova', 'DELETE', `/v2.1/servers/${id}`), 204)))
  for (const id of ids) {
    await untilGone(bench.demo, id)
    await assertNothingLeft(bench, id)
  }
})

test('guests are found again after a restart: one that died is shown as off, one that nobody knows is removed', async (t) => {
  const bench = await startBench(t)
  const [dead, alive] = [await boot(bench, { name: 'dead' }), await boot(bench, { name: 'alive' })]
  for (const id of [dead, alive]) await untilStatus(bench.demo, id, 'ACTIVE')
  const { world } = bench.playground
  const spec = world?.guests.get(alive)
  assert.ok(world && spec)
  await bench.cloud.stop()
  world.kill(dead)
  const stranger = '99999999-8888-4777-8666-555555555555'
  world.guests.set(stranger, { ...spec, spec: { ...spec.spec, serverId: stranger } })
  const cloud = await bench.cloud.restart()
  const demo = await cloud.login('demo')
  await untilStatus(demo, dead, 'SHUTOFF')
  await until('the stranger is gone', async () => !world.guests.has(stranger))
  assert.equal((await show(demo, alive)).status, 'ACTIVE')
  must(await demo.call('nova', 'POST', `/v2.1/servers/${dead}/action`, { 'os-start': null }), 202)
  await untilStatus(demo, dead, 'ACTIVE')
})

test('the control plane goes down at every step of a build: after its restart the server is ACTIVE, with one port and one volume', async (t) => {
  let bench = await startBench(t)
  const { demo } = bench
  // The same files beside the cloud, which is stopped again and again.
  const { api, cells } = await openDatabases({
    database: (name, migrations) => openDatabase({ name, migrations, file: join(bench.cloud.dataDirectory, 'db', `${name}.db`), clock: systemClock, log: silentLog }),
  })
  t.after(() => Promise.all([api, ...Object.values(cells)].map((database) => database.close())))
  const steps = 10
  for (let step = 0; step < steps; step++) {
    const id = await boot(bench, { name: `at-${step}`, ...blankVolume(bench.imageId) })
    const position = api.read.selectFrom('operations').select('position').where('resource_id', '=', id).where('kind', '=', 'server.build')
    while (((await position.executeTakeFirst())?.position ?? 0) < step) await new Promise((resolve) => setImmediate(resolve))
    const cloud = await bench.cloud.restart()
    bench = { ...bench, cloud, demo: await cloud.login('demo'), admin: await cloud.login('admin') }
    const server = await untilStatus(bench.demo, id, 'ACTIVE')
    assert.equal(bench.playground.world?.guests.get(id)?.state, 'running', `step ${step}`)
    assert.equal(server['os-extended-volumes:volumes_attached'].length, 1, `step ${step}`)
    assert.equal(must(await bench.admin.call('neutron', 'GET', `/v2.0/ports?device_id=${id}`), 200).ports.length, 1, `step ${step}`)
    must(await bench.demo.call('nova', 'DELETE', `/v2.1/servers/${id}`), 204)
    await untilGone(bench.demo, id)
    await until('its volume is gone', async () => must(await bench.demo.call('cinder', 'GET', `/v3/${demo.projectId}/volumes`), 200).volumes.length === 0)
    await assertNothingLeft(bench, id)
  }
})

test('a deletion that is interrupted after its guest was removed goes on: the host is told that it is over only then', async (t) => {
  const bench = await startBench(t)
  const id = await boot(bench)
  await untilStatus(bench.demo, id, 'ACTIVE')
  const { api, cells } = await openDatabases({
    database: (name, migrations) => openDatabase({ name, migrations, file: join(bench.cloud.dataDirectory, 'db', `${name}.db`), clock: systemClock, log: silentLog }),
  })
  t.after(() => Promise.all([api, ...Object.values(cells)].map((database) => database.close())))
  const deletion = () => api.read.selectFrom('operations').select(['id', 'status']).where('resource_id', '=', id).where('kind', '=', 'server.delete').executeTakeFirst()
  const { send } = bench.cloud.bus
  const told: string[] = []
  Object.assign(bench.cloud.bus, {
    async send(...sent: Parameters<typeof send>) {
      const found = sent[2].method === 'operationEnded' ? await deletion() : undefined
      if (found && sent[2].args.includes(found.id)) told.push(found.status)
      return send.apply(bench.cloud.bus, sent)
    },
  })
  must(await bench.demo.call('nova', 'DELETE', `/v2.1/servers/${id}`), 204)
  await until('the host is told', async () => told.length > 0)
  assert.deepEqual(told, ['done'])
})

test('a build whose host is stopped and started in the middle of it goes on', async (t) => {
  const bench = await startBench(t)
  let stopped = 0
  bench.playground.before = (method) => {
    if (method === 'spawn' && stopped++ === 0) throw new Cancelled('The compute service stops.')
  }
  const id = await boot(bench)
  await untilStatus(bench.demo, id, 'ACTIVE')
  assert.equal(stopped, 2)
})

/** The first answer of a host to each of these does not arrive. @returns those that were lost */
function loseFirstAnswers({ cloud: { bus } }: Bench, ...methods: readonly string[]): ReadonlySet<string> {
  const lost = new Set<string>()
  const { send } = bus
  Object.assign(bus, {
    async send(...sent: Parameters<typeof send>) {
      const answered = await send.apply(bus, sent)
      const { method } = sent[2]
      if (!methods.includes(method) || lost.has(method)) return answered
      lost.add(method)
      return { ...answered, answer: answered.answer.then(() => ({ error: toWireError(new AnswerLost('The service went away before it answered.')) })) }
    },
  })
  return lost
}

test('a build whose host went away before it answered is told to the host again, and starts one guest', async (t) => {
  const bench = await startBench(t)
  const lost = loseFirstAnswers(bench, 'createPorts', 'spawn')
  const id = await boot(bench)
  await untilStatus(bench.demo, id, 'ACTIVE')
  assert.deepEqual([[...lost], bench.playground.world?.guests.size], [['createPorts', 'spawn'], 1])
  assert.equal(must(await bench.admin.call('neutron', 'GET', `/v2.0/ports?device_id=${id}`), 200).ports.length, 1)
})

test('a server whose new volume was made without anybody hearing of it has the volume in its list, and takes it along when it is deleted', async (t) => {
  const bench = await startBench(t)
  const lost = loseFirstAnswers(bench, 'createVolumes')
  const id = await boot(bench, blankVolume(bench.imageId))
  const server = await untilStatus(bench.demo, id, 'ACTIVE')
  const { volumes: [made, ...others] } = must(await bench.demo.call('cinder', 'GET', `/v3/${bench.demo.projectId}/volumes`), 200)
  assert.deepEqual([[...lost], others], [['createVolumes'], []])
  assert.deepEqual(server['os-extended-volumes:volumes_attached'].map((each: { id: string }) => each.id), [made.id])
  must(await bench.demo.call('nova', 'DELETE', `/v2.1/servers/${id}`), 204)
  await untilGone(bench.demo, id)
  await until('its volume is gone', async () => must(await bench.demo.call('cinder', 'GET', `/v3/${bench.demo.projectId}/volumes`), 200).volumes.length === 0)
  await assertNothingLeft(bench, id)
})
