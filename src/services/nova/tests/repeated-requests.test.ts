// A service that asks again with the same key, since it did not hear the answer: nothing is made twice.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '#core/errors'
import type { Answered } from '../../../app/testing/index.ts'
import { type Bench, boot, must, show, startBench, until, untilGone, untilStatus } from './bench.ts'

/** Asks as a service of the cloud does for demo, under a key of its own choice. */
async function keyed({ cloud, demo }: Bench): Promise<(path: string, body: unknown, key: string) => Promise<Answered>> {
  const login = await cloud.call('keystone', 'POST', '/v3/auth/tokens', {
    auth: { identity: { methods: ['password'], password: { user: { name: 'neutron', domain: { id: 'default' }, password: `neutron-${'s'.repeat(32)}` } } }, scope: { project: { name: 'service', domain: { id: 'default' } } } },
  })
  const service = String(login.headers['x-subject-token'])
  return (path, body, key) => demo.call('nova', 'POST', `/v2.1${path}`, body, { 'x-service-token': service, 'idempotency-key': key })
}

test('servers that are asked for again with the same key are made once, also when what they need is their own by now', async (t) => {
  const bench = await startBench(t)
  const { demo, networkId, imageId } = bench
  const create = await keyed(bench)
  const { port } = must(await demo.call('neutron', 'POST', '/v2.0/ports', { port: { network_id: networkId } }), 201)
  const body = { server: { name: 'one', imageRef: imageId, flavorRef: '1', networks: [{ port: port.id }] } }
  const first = await create('/servers', body, 'stack-1/server')
  const { id } = must(first, 202).server
  await untilStatus(demo, id, 'ACTIVE')
  const again = await create('/servers', body, 'stack-1/server')
  assert.deepEqual([again.status, again.body.server.id, again.headers['location']], [202, id, first.headers['location']])

  const several = { server: { name: 'many', imageRef: imageId, flavorRef: '1', networks: [{ uuid: networkId }], min_count: 2, max_count: 2, return_reservation_id: true } }
  const racing = await Promise.all(Array.from({ length: 6 }, () => create('/servers', several, 'stack-1/servers')))
  assert.deepEqual(new Set(racing.map((each) => `${each.status} ${each.body.reservation_id}`)).size, 1)
  assert.equal(racing[0]?.status, 202)
  const names = async () => must(await demo.call('nova', 'GET', '/v2.1/servers'), 200).servers.map((each: { name: string }) => each.name) as string[]
  assert.deepEqual([new Set(await names()), (await names()).length], [new Set(['many-1', 'many-2', 'one']), 3])

  must(await demo.call('nova', 'DELETE', `/v2.1/servers/${id}`), 204)
  await untilGone(demo, id)
  const late = await create('/servers', body, 'stack-1/server')
  assert.deepEqual([late.status, late.body.conflictingRequest.message], [409, `What this request made the first time is gone: ${id}.`])
  assert.deepEqual([new Set(await names()), (await names()).length], [new Set(['many-1', 'many-2']), 2])
})

test('a server group that is asked for again with the same key is made once', async (t) => {
  const bench = await startBench(t)
  const create = await keyed(bench)
  const group = () => create('/os-server-groups', { server_group: { name: 'g', policies: ['affinity'] } }, 'stack-1/group')
  const answers = await Promise.all(Array.from({ length: 4 }, group))
  assert.deepEqual(answers.map((each) => each.status), [200, 200, 200, 200])
  for (const each of answers) assert.deepEqual(each.body, answers[0]?.body)
  assert.equal(must(await bench.demo.call('nova', 'GET', '/v2.1/os-server-groups'), 200).server_groups.length, 1)
})

test('of servers that are made at once as many get a port as the quota of ports has room for', async (t) => {
  const bench = await startBench(t)
  const { admin, demo, imageId, networkId } = bench
  const ports = async () => must(await admin.call('neutron', 'GET', `/v2.0/ports?project_id=${demo.projectId}`), 200).ports as { device_id: string }[]
  // The network's own port for DHCP counts too.
  const before = await until('DHCP has its port', async () => (await ports()).length || undefined)
  must(await admin.call('neutron', 'PUT', `/v2.0/quotas/${demo.projectId}`, { quota: { port: before + 3 } }), 200)
  const made = await Promise.all(Array.from({ length: 6 }, (_none, at) => demo.call('nova', 'POST', '/v2.1/servers', {
    server: { name: `s${at}`, imageRef: imageId, flavorRef: '1', networks: [{ uuid: networkId }] },
  })))
  const ids = made.flatMap(({ status, body }) => (status === 202 ? [body.server.id as string] : []))
  const settled = async (id: string): Promise<string> => {
    for (let attempt = 0; attempt < 600; attempt++) {
      const { status } = must(await demo.call('nova', 'GET', `/v2.1/servers/${id}`), 200).server
      if (status !== 'BUILD') return status
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    return 'BUILD'
  }
  const statuses = await Promise.all(ids.map(settled))
  assert.equal(statuses.filter((status) => status === 'ACTIVE').length, 3, String(statuses))
  assert.equal(statuses.filter((status) => status === 'ERROR').length, ids.length - 3, String(statuses))
  const after = await ports()
  assert.equal(after.length, before + 3)
  assert.equal(after.filter((port) => ids.includes(port.device_id)).length, 3)
})

test('a create that was taken back makes nothing when it comes, and one that came before is named', async (t) => {
  const { cloud, demo, networkId } = await startBench(t)
  const login = await cloud.call('keystone', 'POST', '/v3/auth/tokens', {
    auth: { identity: { methods: ['password'], password: { user: { name: 'nova', domain: { id: 'default' }, password: `nova-${'s'.repeat(32)}` } } }, scope: { project: { name: 'service', domain: { id: 'default' } } } },
  })
  const token = String(login.headers['x-subject-token'])
  const asNova = (key: string) => ({ 'x-auth-token': token, 'x-service-token': token, 'idempotency-key': key })
  const port = (key: string) => demo.call('neutron', 'POST', '/v2.0/ports', { port: { network_id: networkId } }, { 'x-service-token': token, 'idempotency-key': key })
  const takeBack = (key: string) => cloud.call('neutron', 'DELETE', '/v1/requests', undefined, asNova(key))

  const taken = await takeBack('build-1/port')
  const late = await port('build-1/port')
  assert.deepEqual([taken.status, taken.body, late.status], [200, { made: null }, 409])
  const made = must(await port('build-2/port'), 201).port
  const named = await takeBack('build-2/port')
  assert.deepEqual([named.status, named.body], [200, { made: [made.id] }])
  assert.deepEqual([(await takeBack('build-1/port')).body, (await takeBack('build-2/port')).body], [{ made: null }, { made: [made.id] }])

  const byUser = await demo.call('neutron', 'DELETE', '/v1/requests', undefined, { 'idempotency-key': 'build-2/port' })
  assert.equal(byUser.status, 403)
})

test('a server whose port was asked for and not heard of fails, and leaves no port, however late the request comes', async (t) => {
  const bench = await startBench(t)
  const { cloud, demo, admin, networkId } = bench
  let lost: Parameters<typeof send> | undefined
  const { send } = cloud.bus
  Object.assign(cloud.bus, {
    send: (...sent: Parameters<typeof send>) => {
      if (sent[2].method !== 'createPorts' || lost) return send.apply(cloud.bus, sent)
      lost = sent
      throw new AppError(500, 'bus.broken', 'It went wrong on its way.')
    },
  })
  const id = await boot(bench)
  await until('the build failed', async () => (await show(demo, id)).status === 'ERROR')
  assert.ok(lost)
  const [build] = must(await admin.call('nova', 'GET', `/v1/operations?resource=${id}&all_projects=true`), 200).operations
  const login = await cloud.call('keystone', 'POST', '/v3/auth/tokens', {
    auth: { identity: { methods: ['password'], password: { user: { name: 'nova', domain: { id: 'default' }, password: `nova-${'s'.repeat(32)}` } } }, scope: { project: { name: 'service', domain: { id: 'default' } } } },
  })
  const token = String(login.headers['x-subject-token'])
  const late = await cloud.call('neutron', 'POST', '/v2.0/ports', { port: { network_id: networkId, device_id: id, device_owner: 'compute:nova' } },
    { 'x-auth-token': token, 'x-service-token': token, 'idempotency-key': `${build.id}/create-ports@host-1/0` })
  assert.equal(late.status, 409)
  assert.deepEqual(must(await admin.call('neutron', 'GET', `/v2.0/ports?device_id=${id}`), 200).ports, [])
})
