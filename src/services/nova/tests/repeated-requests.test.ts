// A service that asks again with the same key, since it did not hear the answer: nothing is made twice.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answered } from '../../../app/testing/index.ts'
import { type Bench, must, startBench, until, untilGone, untilStatus } from './bench.ts'

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
