// Many who ask at once: for the last of a quota, for one address, for the last addresses of a pool, and for the same thing twice.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { external, type Lab, must, network, port, startLab, subnet, until } from './lab.ts'
import type { Answered, Session } from '../../../app/testing/index.ts'

const many = 20

/** The answers to requests that are all under way before the first one is answered. */
async function atOnce(count: number, call: (at: number) => Promise<Answered>): Promise<Answered[]> {
  return Promise.all(Array.from({ length: count }, (_none, at) => call(at)))
}

/** How often each answer was given: `201`, or the status with the type of its fault. */
function tally(answers: readonly Answered[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { status, body } of answers) {
    const answer = status < 300 ? String(status) : `${status} ${body?.NeutronError?.type}`
    counts[answer] = (counts[answer] ?? 0) + 1
  }
  return counts
}

/** A way to make each noun: its path, its name, and the body of the one with a number, on networks that are there. */
async function nouns({ admin, demo }: Pick<Lab, 'admin' | 'demo'>) {
  const blue = await network(demo)
  await subnet(demo, blue.id, '10.9.0.0/24')
  const green = await network(demo)
  // It counts as a port of the project, and comes on its own.
  await until(async () => (await must(demo, 'GET', `/ports?network_id=${blue.id}`)).ports.length > 0, 'the port for DHCP')
  const outside = await external(admin)
  const { security_group: group } = await must(demo, 'POST', '/security-groups', { security_group: { name: 'web' } })
  return {
    network: { plural: 'networks', path: '/networks', body: (at: number) => ({ name: `n${at}` }) },
    subnet: { plural: 'subnets', path: '/subnets', body: (at: number) => ({ network_id: green.id, ip_version: 4, cidr: `10.20.${at}.0/24` }) },
    port: { plural: 'ports', path: '/ports', body: () => ({ network_id: blue.id }) },
    router: { plural: 'routers', path: '/routers', body: (at: number) => ({ name: `r${at}` }) },
    floatingip: { plural: 'floatingips', path: '/floatingips', body: () => ({ floating_network_id: outside.id }) },
    security_group: { plural: 'security_groups', path: '/security-groups', body: (at: number) => ({ name: `g${at}` }) },
    security_group_rule: {
      plural: 'security_group_rules', path: '/security-group-rules',
      body: (at: number) => ({ security_group_id: group.id, direction: 'ingress', protocol: 'tcp', port_range_min: 100 + at, port_range_max: 100 + at }),
    },
  }
}

type Noun = keyof Awaited<ReturnType<typeof nouns>>
const names: readonly Noun[] = ['network', 'subnet', 'port', 'router', 'floatingip', 'security_group', 'security_group_rule']

for (const name of names) {
  test(`of ${many} that make a ${name} at once as many succeed as the quota has room for`, async (t) => {
    const { admin, demo } = await startLab(t)
    const { path, body, plural } = (await nouns({ admin, demo }))[name]
    const count = async () => (await must(admin, 'GET', `${path}?project_id=${demo.projectId}`))[plural].length as number
    const before = await count()
    await must(admin, 'PUT', `/quotas/${demo.projectId}`, { quota: { [name]: before + 7 } })
    const answers = await atOnce(many, (at) => demo.call('neutron', 'POST', `/v2.0${path}`, { [name]: body(at) }))
    assert.deepEqual(tally(answers), { 201: 7, '409 OverQuota': many - 7 })
    assert.equal(await count(), before + 7)
  })
}

test('several ports in one request are all within the quota or none is made', async (t) => {
  const { admin, demo } = await startLab(t)
  const blue = await network(demo)
  await must(admin, 'PUT', `/quotas/${demo.projectId}`, { quota: { port: 10 } })
  const three = { ports: [1, 2, 3].map((at) => ({ network_id: blue.id, name: `p${at}` })) }
  assert.deepEqual(tally(await atOnce(8, () => demo.call('neutron', 'POST', '/v2.0/ports', three))), { 201: 3, '409 OverQuota': 5 })
  assert.equal((await must(demo, 'GET', '/ports')).ports.length, 9)
})

test(`of ${many} that ask for one address at once one has it, and the others are told that it is taken`, async (t) => {
  const { demo } = await startLab(t)
  const blue = await network(demo)
  await subnet(demo, blue.id, '10.9.0.0/24', { enable_dhcp: false })
  const wanted = { port: { network_id: blue.id, fixed_ips: [{ ip_address: '10.9.0.77' }] } }
  assert.deepEqual(tally(await atOnce(many, () => demo.call('neutron', 'POST', '/v2.0/ports', wanted))), { 201: 1, '409 IpAddressAlreadyAllocated': many - 1 })
  const { ports } = await must(demo, 'GET', '/ports')
  assert.deepEqual(ports.map((each: any) => each.fixed_ips[0].ip_address), ['10.9.0.77'])
})

test('the last addresses of a pool go to exactly as many ports as there are', async (t) => {
  const { demo } = await startLab(t)
  const blue = await network(demo)
  await subnet(demo, blue.id, '10.9.0.0/24', { enable_dhcp: false, allocation_pools: [{ start: '10.9.0.100', end: '10.9.0.111' }] })
  const answers = await atOnce(many, () => demo.call('neutron', 'POST', '/v2.0/ports', { port: { network_id: blue.id } }))
  assert.deepEqual(tally(answers), { 201: 12, '409 IpAddressGenerationFailure': many - 12 })
  const addresses = (await must(demo, 'GET', '/ports')).ports.map((each: any) => each.fixed_ips[0].ip_address)
  assert.deepEqual([addresses.length, new Set(addresses).size], [12, 12])
})

test('the last address of an external network becomes one floating address', async (t) => {
  const { admin, demo } = await startLab(t)
  const outside = await network(admin, { name: 'public', 'router:external': true, 'provider:network_type': 'flat', 'provider:physical_network': 'public' })
  await subnet(admin, outside.id, '203.0.113.0/24', { enable_dhcp: false, allocation_pools: [{ start: '203.0.113.50', end: '203.0.113.51' }] })
  const take = () => demo.call('neutron', 'POST', '/v2.0/floatingips', { floatingip: { floating_network_id: outside.id } })
  assert.equal((await take()).status, 201)
  assert.deepEqual(tally(await atOnce(many, take)), { 201: 1, '409 IpAddressGenerationFailure': many - 1 })
  assert.equal((await must(demo, 'GET', '/floatingips')).floatingips.length, 2)
  // A request that failed has left nothing on the external network either.
  assert.equal((await must(admin, 'GET', `/ports?network_id=${outside.id}`)).ports.length, 2)
})

/** Create as a service of the cloud does on behalf of a project, under a key of its own choice. */
async function keyed({ cloud, demo }: Pick<Lab, 'cloud' | 'demo'>): Promise<(path: string, body: unknown, key: string) => Promise<Answered>> {
  const login = await cloud.call('keystone', 'POST', '/v3/auth/tokens', {
    auth: { identity: { methods: ['password'], password: { user: { name: 'nova', domain: { id: 'default' }, password: `nova-${'s'.repeat(32)}` } } }, scope: { project: { name: 'service', domain: { id: 'default' } } } },
  })
  const service = String(login.headers['x-subject-token'])
  return (path, body, key) => demo.call('neutron', 'POST', `/v2.0${path}`, body, { 'x-service-token': service, 'idempotency-key': key })
}

/** Without the zone, which a router has once an agent has taken it. */
const asMade = ({ body }: Answered) => JSON.parse(JSON.stringify(body, (key, value: unknown) => (key === 'availability_zones' ? undefined : value))) as unknown

async function idsOf(session: Session, path: string, plural: string): Promise<string[]> {
  return (await must(session, 'GET', path))[plural].map((each: { id: string }) => each.id).sort()
}

for (const name of names) {
  test(`a ${name} that is asked for again with the same key is made once, and answered as it is`, async (t) => {
    const { admin, demo, cloud } = await startLab(t)
    const { path, body, plural } = (await nouns({ admin, demo }))[name]
    const create = await keyed({ cloud, demo })
    const before = await idsOf(demo, path, plural)
    const one = await create(path, { [name]: body(1) }, 'operation-1/one')
    assert.equal(one.status, 201, JSON.stringify(one.body))
    // Whoever asks again need not find room in the quota.
    await must(admin, 'PUT', `/quotas/${demo.projectId}`, { quota: { [name]: before.length + 1 } })
    const again = await create(path, { [name]: body(1) }, 'operation-1/one')
    assert.deepEqual([again.status, asMade(again)], [201, asMade(one)])
    await must(admin, 'PUT', `/quotas/${demo.projectId}`, { quota: { [name]: -1 } })

    const parallel = await atOnce(6, () => create(path, { [name]: body(2) }, 'operation-1/two'))
    assert.deepEqual([tally(parallel), new Set(parallel.map((answer) => answer.body[name].id)).size], [{ 201: 6 }, 1])

    const several = { [plural]: [body(3), body(4)] }
    const [bulk, repeated] = [await create(path, several, 'operation-1/three'), await create(path, several, 'operation-1/three')]
    assert.deepEqual([bulk.status, repeated.status, asMade(repeated)], [201, 201, asMade(bulk)])

    const made = [one.body[name].id, parallel[0]?.body[name].id, ...bulk.body[plural].map((each: { id: string }) => each.id)]
    assert.deepEqual(await idsOf(demo, path, plural), [...before, ...(made as string[])].sort((a, b) => (a < b ? -1 : 1)))

    await must(demo, 'DELETE', `${path}/${one.body[name].id}`)
    assert.deepEqual(tally([await create(path, { [name]: body(1) }, 'operation-1/one')]), { '409 HTTPConflict': 1 })
    assert.equal((await idsOf(demo, path, plural)).length, before.length + 3)
  })
}

test("a user's own key means nothing", async (t) => {
  const { demo } = await startLab(t)
  const blue = await network(demo)
  const mine = () => demo.call('neutron', 'POST', '/v2.0/ports', { port: { network_id: blue.id } }, { 'idempotency-key': 'operation-1/ports' })
  assert.notEqual((await mine()).body.port.id, (await mine()).body.port.id)
  assert.notEqual((await port(demo, blue.id)).id, '')
})
