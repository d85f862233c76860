// Where servers go by the hints of their requests, and how it is said why one goes nowhere: to its owner with counts, to admins by host.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Session } from '../../../app/testing/index.ts'
import { type Bench, boot, must, show, startBench, until, untilStatus } from './bench.ts'
import { garden, plantHost } from './plant.ts'

const at = (version: string) => ({ 'openstack-api-version': `compute ${version}` })
const opening = 'No valid host was found. There are not enough hosts available.'
const tiny = 'VCPU 1, MEMORY_MB 512, DISK_GB 1'

async function createEvent(session: Session, id: string, version = '2.84'): Promise<any> {
  const { instanceActions: [action] } = must(await session.call('nova', 'GET', `/v2.1/servers/${id}/os-instance-actions`, undefined, at(version)), 200)
  return must(await session.call('nova', 'GET', `/v2.1/servers/${id}/os-instance-actions/${action.request_id}`, undefined, at(version)), 200).instanceAction.events[0]
}

/** All that the server's owner can read of it. */
async function ownersView({ demo }: Bench, id: string): Promise<string> {
  const list = must(await demo.call('nova', 'GET', '/v2.1/servers/detail', undefined, at('2.93')), 200)
  return JSON.stringify([await show(demo, id), list, await createEvent(demo, id), await createEvent(demo, id, '2.51')])
}

async function traceOf({ cloud }: Bench, id: string): Promise<string> {
  const head = await until('the trace has its end', async () => {
    const found = await cloud.trace.find(id)
    return found?.outcome !== undefined && found
  })
  return (await cloud.trace.spans(head.traceId)).filter(({ outcome }) => outcome === 'failed').map(({ step, detail }) => `${step}: ${detail}`).join('\n')
}

test('without room, the owner reads what there was too little of, and admins where', async (t) => {
  const bench = await startBench(t, { config: { nova: { quota_ram: -1 } } })
  const { admin, demo } = bench
  const plants = await garden(t, bench.cloud)
  await plantHost(plants, admin, 'secret-2', 100_000)
  await plantHost(plants, admin, 'secret-3', 10)
  must(await admin.call('nova', 'POST', '/v2.1/flavors', { flavor: { id: 'huge', name: 'huge', ram: 200_000, vcpus: 1, disk: 50_000 } }), 200)
  const id = await boot(bench, { flavorRef: 'huge' })
  const { fault } = await untilStatus(demo, id, 'ERROR')
  const wanted = 'VCPU 1, MEMORY_MB 200000, DISK_GB 50000'
  const owners = `${opening} 0 of 3 hosts have room for ${wanted} (each alone: VCPU 1 on 3, MEMORY_MB 200000 on 1, DISK_GB 50000 on 1).`
  assert.deepEqual(fault, { code: 500, created: fault.created, message: owners })
  assert.doesNotMatch(await ownersView(bench, id), /secret-|host-1/)
  const operators = [
    `no room for ${wanted}: host-1, secret-2, secret-3`, 'without room for VCPU 1 alone: none', 'without room for MEMORY_MB 200000 alone: secret-2, secret-3',
    'without room for DISK_GB 50000 alone: host-1, secret-3',
  ].join('\n')
  assert.deepEqual((await show(admin, id)).fault, { ...fault, details: operators })
  const event = await createEvent(admin, id)
  assert.deepEqual([event.event, event.result, event.details, event.traceback], ['conductor_schedule_instance', 'Error', `${owners}\n${operators}`, operators])
  const { details: _details, traceback: _traceback, host: _host, ...rest } = event
  assert.deepEqual(await createEvent(demo, id), rest)
  assert.equal((await createEvent(admin, id, '2.83')).details, undefined)
  assert.equal(await traceOf(bench, id), `11: ${owners}; ${operators}`)
})

test('what each filter removed is counted for the owner and named for admins', async (t) => {
  const bench = await startBench(t, { config: { nova: { enabled_filters: ['ComputeFilter', 'DifferentHostFilter'] } } })
  const { admin, demo } = bench
  const plants = await garden(t, bench.cloud)
  const first = await boot(bench)
  await untilStatus(demo, first, 'ACTIVE')
  for (const name of ['secret-2', 'secret-3']) {
    const uuid = await plantHost(plants, admin, name, 100)
    must(await admin.call('nova', 'PUT', `/v2.1/os-services/${uuid}`, { status: 'disabled', disabled_reason: 'a test' }, at('2.53')), 200)
  }
  const id = await bootNear(bench, { different_host: [first] })
  const { fault } = await untilStatus(demo, id, 'ERROR')
  assert.equal(fault.message, `${opening} 3 of 3 hosts have room for ${tiny}. ComputeFilter: 1 of 3 passed. DifferentHostFilter: 0 of 1 passed.`)
  assert.doesNotMatch(await ownersView(bench, id), /secret-/)
  assert.equal((await show(admin, id)).fault.details, `no room for ${tiny}: none\nComputeFilter removed: secret-2, secret-3\nDifferentHostFilter removed: host-1`)
})

async function bootNear(bench: Bench, hints: object, session = bench.demo): Promise<string> {
  return must(await session.call('nova', 'POST', '/v2.1/servers', {
    server: { name: 'near', imageRef: bench.imageId, flavorRef: '1', networks: [{ uuid: bench.networkId }] }, 'os:scheduler_hints': hints,
  }), 202).server.id
}

test('hints place a server beside others or away from them, and find only servers of the project', async (t) => {
  const bench = await startBench(t)
  const { demo, admin } = bench
  const first = await boot(bench)
  await untilStatus(demo, first, 'ACTIVE')
  await untilStatus(demo, await bootNear(bench, { same_host: [first] }), 'ACTIVE')
  await untilStatus(demo, await bootNear(bench, { same_host: first }), 'ACTIVE')
  const apart = await untilStatus(demo, await bootNear(bench, { different_host: first }), 'ERROR')
  assert.equal(apart.fault.message, `${opening} 1 of 1 hosts have room for ${tiny}. DifferentHostFilter: 0 of 1 passed.`)
  const lonely = await untilStatus(demo, await bootNear(bench, { same_host: ['99999999-8888-4777-8666-555555555555'] }), 'ERROR')
  assert.match(lonely.fault.message, /SameHostFilter: 0 of 1 passed\.$/)

  const { network } = must(await admin.call('neutron', 'POST', '/v2.0/networks', { network: { name: 'private' } }), 201)
  must(await admin.call('neutron', 'POST', '/v2.0/subnets', { subnet: { network_id: network.id, ip_version: 4, cidr: '10.9.0.0/24' } }), 201)
  const foreign = await boot(bench, { networks: [{ uuid: network.id }] }, admin)
  await untilStatus(admin, foreign, 'ACTIVE')
  const beside = await untilStatus(demo, await bootNear(bench, { same_host: [foreign] }), 'ERROR')
  assert.match(beside.fault.message, /SameHostFilter: 0 of 1 passed\.$/)
  await untilStatus(demo, await bootNear(bench, { different_host: [foreign] }), 'ACTIVE')

  for (const bad of [{ different_host: 'x' }, { different_host: ['x'] }, { same_host: ['x'] }, { group: 'x' }, { cidr: '24' }, { query: 7 }, { build_near_host_ip: 'there' }]) {
    const refused = await demo.call('nova', 'POST', '/v2.1/servers', { server: { name: 'x', imageRef: bench.imageId, flavorRef: '1' }, 'os:scheduler_hints': bad })
    assert.equal(refused.status, 400, JSON.stringify(bad))
  }
})

test('hints of filters that are enabled by name are heeded, and a query that cannot be read is refused', async (t) => {
  const bench = await startBench(t, { config: { nova: { enabled_filters: ['SimpleCIDRAffinityFilter', 'JsonFilter'], quota_instances: -1, quota_cores: -1 } } })
  const { demo } = bench
  for (const good of [{ build_near_host_ip: '127.0.0.77' }, { build_near_host_ip: '127.9.9.9', cidr: '/8' }, { query: '["=", "$hypervisor_type", "fake"]' }, { some_other_filter: 'x' }]) {
    await untilStatus(demo, await bootNear(bench, good), 'ACTIVE')
  }
  const far = await untilStatus(demo, await bootNear(bench, { build_near_host_ip: '127.9.9.9' }), 'ERROR')
  assert.match(far.fault.message, /SimpleCIDRAffinityFilter: 0 of 1 passed\.$/)
  const other = await untilStatus(demo, await bootNear(bench, { query: '["=", "$hypervisor_type", "QEMU"]' }), 'ERROR')
  assert.match(other.fault.message, /JsonFilter: 0 of 1 passed\.$/)
  const refused = await demo.call('nova', 'POST', '/v2.1/servers', { server: { name: 'x', imageRef: bench.imageId, flavorRef: '1' }, 'os:scheduler_hints': { query: '["rm", 1]' } })
  assert.equal(refused.status, 400)
})
