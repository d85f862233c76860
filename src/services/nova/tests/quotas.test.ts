// Limits, quotas and usage through the front door.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startCloud } from '../../../app/testing/index.ts'
import { boot, must, startBench, untilStatus } from './bench.ts'
import { garden } from './plant.ts'

const at = (version: string) => ({ 'openstack-api-version': `compute ${version}` })
const files = { injected_files: 5, injected_file_content_bytes: 10_240, injected_file_path_bytes: 255 }
const networks = { fixed_ips: -1, floating_ips: -1, security_groups: -1, security_group_rules: -1 }
const groups = { server_groups: 10, server_group_members: 10 }
const lasting = { instances: 10, cores: 20, ram: 51_200, metadata_items: 128, key_pairs: 100 }

test("limits show a project's bounds and what it uses of them", async (t) => {
  const cloud = await startCloud(t, ['keystone', 'placement', 'nova'])
  const [admin, demo, reader] = [await cloud.login('admin'), await cloud.login('demo'), await cloud.login('reader')]
  const plants = await garden(t, cloud)
  await plants.server(demo)
  await demo.call('nova', 'POST', '/v2.1/os-server-groups', { server_group: { name: 'g', policies: ['affinity'] } })
  const limits = async (version: string) => (await reader.call('nova', 'GET', '/v2.1/limits', undefined, at(version))).body
  const newest = {
    maxTotalInstances: 10, maxTotalCores: 20, maxTotalRAMSize: 51_200, maxServerMeta: 128, maxTotalKeypairs: 100, maxServerGroups: 10, maxServerGroupMembers: 10,
    totalInstancesUsed: 1, totalCoresUsed: 2, totalRAMUsed: 1024, totalServerGroupsUsed: 1,
  }
  const personality = { maxPersonality: 5, maxPersonalitySize: 10_240 }
  const nets = { maxTotalFloatingIps: -1, maxSecurityGroups: -1, maxSecurityGroupRules: -1, totalFloatingIpsUsed: 0, totalSecurityGroupsUsed: 0 }
  assert.deepEqual(await limits('2.57'), { limits: { rate: [], absolute: newest } })
  assert.deepEqual(await limits('2.39'), { limits: { rate: [], absolute: { ...newest, ...personality } } })
  assert.deepEqual(await limits('2.36'), { limits: { rate: [], absolute: { ...newest, ...personality, maxImageMeta: 128 } } })
  assert.deepEqual(await limits('2.1'), { limits: { rate: [], absolute: { ...newest, ...personality, maxImageMeta: 128, ...nets } } })

  const other = `/v2.1/limits?tenant_id=${demo.projectId}`
  assert.equal((await admin.call('nova', 'GET', other)).body.limits.absolute.totalCoresUsed, 2)
  assert.equal((await admin.call('nova', 'GET', '/v2.1/limits')).body.limits.absolute.totalCoresUsed, 0)
  assert.equal((await reader.call('nova', 'GET', other)).status, 403)
})

test('quotas are shown to their project, set by admins, and put back', async (t) => {
  const cloud = await startCloud(t, ['keystone', 'placement', 'nova'])
  const [admin, demo, stranger] = [await cloud.login('admin'), await cloud.login('demo'), await cloud.login('stranger')]
  const plants = await garden(t, cloud)
  await plants.server(demo)
  const path = `/v2.1/os-quota-sets/${demo.projectId}`
  const show = async (version: string) => (await demo.call('nova', 'GET', path, undefined, at(version))).body
  assert.deepEqual(await show('2.1'), { quota_set: { id: demo.projectId, ...lasting, ...groups, ...files, ...networks } })
  assert.deepEqual(await show('2.36'), { quota_set: { id: demo.projectId, ...lasting, ...groups, ...files } })
  assert.deepEqual(await show('2.57'), { quota_set: { id: demo.projectId, ...lasting, ...groups } })

  const set = await admin.call('nova', 'PUT', path, { quota_set: { cores: '4', instances: -1 } }, at('2.57'))
  assert.deepEqual([set.status, set.body], [200, { quota_set: { ...lasting, ...groups, cores: 4, instances: -1 } }])
  const detail = (await demo.call('nova', 'GET', `${path}/detail`, undefined, at('2.57'))).body.quota_set
  assert.deepEqual([detail.cores, detail.instances, detail.key_pairs], [
    { limit: 4, in_use: 2, reserved: 0 }, { limit: -1, in_use: 1, reserved: 0 }, { limit: 100, in_use: 0, reserved: 0 },
  ])
  assert.equal((await demo.call('nova', 'GET', `${path}/defaults`)).body.quota_set.cores, 20)
  assert.equal((await demo.call('nova', 'GET', '/v2.1/limits')).body.limits.absolute.maxTotalCores, 4)

  const low = await admin.call('nova', 'PUT', path, { quota_set: { cores: 1, ram: 2048 } })
  assert.deepEqual([low.status, low.body.badRequest.message], [400, 'Quota limit 1 for cores must be greater than or equal to already used and reserved 2.'])
  assert.equal((await demo.call('nova', 'GET', path)).body.quota_set.ram, 51_200)
  assert.equal((await admin.call('nova', 'PUT', path, { quota_set: { cores: 1, force: 'True' } })).body.quota_set.cores, 1)
  for (const bad of [{ cores: -2 }, { cores: 'many' }, { cores: 1.5 }, { color: 1 }, { cores: 2 ** 31 }]) {
    assert.equal((await admin.call('nova', 'PUT', path, { quota_set: bad })).status, 400, JSON.stringify(bad))
  }
  assert.equal((await admin.call('nova', 'PUT', path, { quota_set: { floating_ips: 5 } }, at('2.36'))).status, 400)
  assert.equal((await admin.call('nova', 'PUT', path, { quota_set: { injected_files: 5 } }, at('2.57'))).status, 400)
  const nowhere = await admin.call('nova', 'GET', `/v2.1/os-quota-sets/${'f'.repeat(32)}`)
  assert.deepEqual([nowhere.status, nowhere.body.badRequest.message], [400, `Project ID ${'f'.repeat(32)} is not a valid project.`])

  assert.equal((await admin.call('nova', 'DELETE', path)).status, 202)
  assert.equal((await demo.call('nova', 'GET', path)).body.quota_set.cores, 20)
  assert.equal((await stranger.call('nova', 'GET', path)).status, 403)
  assert.equal((await stranger.call('nova', 'GET', `${path}/detail`)).status, 403)
  for (const [method, body] of [['PUT', { quota_set: { cores: 100 } }], ['DELETE', undefined]] as const) assert.equal((await demo.call('nova', method, path, body)).status, 403)
})

test("a user's quota stays within the project's", async (t) => {
  const cloud = await startCloud(t, ['keystone', 'placement', 'nova'])
  const [admin, demo] = [await cloud.login('admin'), await cloud.login('demo')]
  const path = `/v2.1/os-quota-sets/${demo.projectId}`
  const set = async (user: string, cores: number) => (await admin.call('nova', 'PUT', `${path}?user_id=${user}`, { quota_set: { cores } })).status
  assert.equal(await set(demo.userId, 15), 200)
  assert.equal(await set('another', 10), 400)
  assert.equal(await set('another', 5), 200)
  assert.equal((await admin.call('nova', 'GET', `${path}?user_id=${demo.userId}`)).body.quota_set.cores, 15)
  assert.equal((await admin.call('nova', 'PUT', path, { quota_set: { cores: 19 } })).status, 400)
  assert.equal((await admin.call('nova', 'DELETE', `${path}?user_id=${demo.userId}`)).status, 202)
  assert.equal((await admin.call('nova', 'GET', `${path}?user_id=${demo.userId}`)).body.quota_set.cores, 20)
})

test('the default class is what projects fall back to', async (t) => {
  const cloud = await startCloud(t, ['keystone', 'placement', 'nova'])
  const [admin, demo] = [await cloud.login('admin'), await cloud.login('demo')]
  const path = '/v2.1/os-quota-class-sets/default'
  const show = async (version: string) => (await admin.call('nova', 'GET', path, undefined, at(version))).body
  assert.deepEqual(await show('2.49'), { quota_class_set: { id: 'default', ...lasting, ...files, ...networks } })
  assert.deepEqual(await show('2.50'), { quota_class_set: { id: 'default', ...lasting, ...groups, ...files } })
  assert.deepEqual(await show('2.57'), { quota_class_set: { id: 'default', ...lasting, ...groups } })
  const set = await admin.call('nova', 'PUT', path, { quota_class_set: { key_pairs: 1 } }, at('2.57'))
  assert.deepEqual([set.status, set.body], [200, { quota_class_set: { ...lasting, ...groups, key_pairs: 1 } }])
  assert.equal((await demo.call('nova', 'GET', `/v2.1/os-quota-sets/${demo.projectId}`)).body.quota_set.key_pairs, 1)
  const create = async (name: string) => (await demo.call('nova', 'POST', '/v2.1/os-keypairs', { keypair: { name } })).status
  assert.deepEqual([await create('one'), await create('two')], [200, 403])
  assert.equal((await demo.call('nova', 'GET', path)).status, 403)
  assert.equal((await demo.call('nova', 'PUT', path, { quota_class_set: {} })).status, 403)
})

test('no user makes more keypairs than the quota that was set for the user allows', async (t) => {
  const cloud = await startCloud(t, ['keystone', 'placement', 'nova'])
  const [admin, demo, member] = [await cloud.login('admin'), await cloud.login('demo'), await cloud.login('member')]
  const set = await admin.call('nova', 'PUT', `/v2.1/os-quota-sets/${demo.projectId}?user_id=${demo.userId}`, { quota_set: { key_pairs: 1 } })
  assert.equal(set.status, 200)
  const create = async (session: typeof demo, name: string) => (await session.call('nova', 'POST', '/v2.1/os-keypairs', { keypair: { name } })).status
  assert.deepEqual([await create(demo, 'one'), await create(demo, 'two'), await create(member, 'one'), await create(member, 'two')], [200, 403, 200, 200])
})

test('usage counts the hours of servers within a period, deleted ones too', async (t) => {
  const cloud = await startCloud(t, ['keystone', 'placement', 'nova'])
  const [admin, demo, stranger] = [await cloud.login('admin'), await cloud.login('demo'), await cloud.login('stranger')]
  const plants = await garden(t, cloud)
  const ended = await plants.server({ ...demo, createdAt: '2024-01-01T00:00:00.000Z', deletedAt: '2024-01-01T03:00:00.000Z' })
  await plants.server({ ...demo, createdAt: '2024-01-01T09:00:00.000Z' })
  await plants.server({ ...demo, createdAt: '2024-02-01T00:00:00.000Z' })
  const period = 'start=2024-01-01T01:00:00&end=2024-01-01T10:00:00.5'
  const shown = await demo.call('nova', 'GET', `/v2.1/os-simple-tenant-usage/${demo.projectId}?${period}`)
  const { server_usages: servers, ...total } = shown.body.tenant_usage
  const hours = 3 + 0.5 / 3600
  const near = (actual: number, expected: number) => assert.ok(Math.abs(actual - expected) < 1e-9, `${actual} is not ${expected}`)
  near(total.total_hours, hours)
  near(total.total_vcpus_usage, 2 * hours)
  near(total.total_memory_mb_usage, 1024 * hours)
  near(total.total_local_gb_usage, 10 * hours)
  assert.deepEqual([total.tenant_id, total.start, total.stop], [demo.projectId, '2024-01-01T01:00:00.000000', '2024-01-01T10:00:00.500000'])
  assert.equal(servers.length, 2)
  assert.deepEqual(servers.find((server: { instance_id: string }) => server.instance_id === ended), {
    instance_id: ended, name: 'planted', tenant_id: demo.projectId, flavor: 'm1.planted', state: 'terminated', hours: 2, uptime: 10_800, vcpus: 2, memory_mb: 1024,
    local_gb: 10, started_at: '2024-01-01T00:00:00.000000', ended_at: '2024-01-01T03:00:00.000000',
  })
  const all = await admin.call('nova', 'GET', `/v2.1/os-simple-tenant-usage?${period}`)
  assert.deepEqual(all.body, { tenant_usages: [total] })
  const first = await admin.call('nova', 'GET', `/v2.1/os-simple-tenant-usage?${period}&limit=1&detailed=1`, undefined, at('2.40'))
  assert.equal(first.body.tenant_usages[0].server_usages.length, 1)
  const next = new URL(first.body.tenant_usages_links[0].href)
  const second = await admin.call('nova', 'GET', next.pathname + next.search, undefined, at('2.40'))
  assert.notEqual(second.body.tenant_usages[0].server_usages[0].instance_id, first.body.tenant_usages[0].server_usages[0].instance_id)

  assert.deepEqual((await stranger.call('nova', 'GET', `/v2.1/os-simple-tenant-usage/${stranger.projectId}?${period}`)).body, { tenant_usage: {} })
  assert.equal((await stranger.call('nova', 'GET', `/v2.1/os-simple-tenant-usage/${demo.projectId}?${period}`)).status, 403)
  assert.equal((await demo.call('nova', 'GET', `/v2.1/os-simple-tenant-usage?${period}`)).status, 403)
  for (const path of ['', `/${demo.projectId}`]) assert.equal((await admin.call('nova', 'GET', `/v2.1/os-simple-tenant-usage${path}`)).status, 200, 'a period without bounds is a moment')
  assert.deepEqual((await admin.call('nova', 'GET', `/v2.1/os-simple-tenant-usage?${period}&start=yesterday&detailed=0&detailed=1`)).body, { tenant_usages: [total] }, 'the first counts')
  for (const bad of ['?start=2024-01-02T00:00:00&end=2024-01-01T00:00:00', '?start=yesterday', '?start=2024-13-01T00:00:00', '?start=2024-01-01']) {
    assert.equal((await admin.call('nova', 'GET', `/v2.1/os-simple-tenant-usage${bad}`)).status, 400, bad)
  }
})

test('extensions are listed, and versions told without a token', async (t) => {
  const cloud = await startCloud(t, ['keystone', 'placement', 'nova'])
  const demo = await cloud.login('demo')
  const { extensions } = (await demo.call('nova', 'GET', '/v2.1/extensions')).body
  const keypairs = extensions.find(({ alias }: { alias: string }) => alias === 'os-keypairs')
  assert.deepEqual((await demo.call('nova', 'GET', '/v2.1/extensions/os-keypairs')).body, { extension: keypairs })
  const aliases = extensions.map(({ alias }: { alias: string }) => alias) as string[]
  for (const alias of ['OS-EXT-IPS', 'OS-EXT-IPS-MAC', 'OS-SCH-HNT', 'os-lock-server', 'os-security-groups']) assert.ok(aliases.includes(alias), alias)
  assert.deepEqual(aliases, [...new Set(aliases)].sort())
  assert.equal((await demo.call('nova', 'GET', '/v2.1/extensions/os-hosts')).status, 404)
  assert.deepEqual((await cloud.call('nova', 'GET', '/')).body.versions.map(({ id, version }: { id: string; version: string }) => [id, version]), [['v2.0', ''], ['v2.1', '2.93']])
  assert.equal((await cloud.call('nova', 'GET', '/v2.1/')).body.version.min_version, '2.1')
})

test('servers whose ports the project may not have are refused at once; of several, as many are made as have ports', async (t) => {
  const bench = await startBench(t)
  const { admin, demo } = bench
  const limit = async (port: number) => must(await admin.call('neutron', 'PUT', `/v2.0/quotas/${demo.projectId}`, { quota: { port } }), 200)
  const create = (networks: unknown, counts: object = {}) => demo.call('nova', 'POST', '/v2.1/servers', { server: { name: 'many', imageRef: bench.imageId, flavorRef: '1', networks, ...counts } }, at('2.93'))
  const refusal = async (networks: unknown, counts?: object) => {
    const { status, body } = await create(networks, counts)
    return [status, body.forbidden?.message]
  }
  const own = { uuid: bench.networkId }
  // With the network's first server its own port for DHCP is there, which counts too.
  await untilStatus(demo, await boot(bench), 'ACTIVE')
  const { quota: { port: { used } } } = must(await admin.call('neutron', 'GET', `/v2.0/quotas/${demo.projectId}/details.json`), 200)
  const { port } = must(await demo.call('neutron', 'POST', '/v2.0/ports', { port: { network_id: bench.networkId } }), 201)
  await limit(used + 3)
  const exceeded = [403, 'Maximum number of ports exceeded']
  assert.deepEqual(await refusal(Array.from({ length: 1000 }, (_each, index) => ({ ...own, fixed_ip: `10.0.${index >> 8}.${index & 255}` }))), exceeded)
  assert.deepEqual([await refusal([own, own, own]), await refusal([own, own], { min_count: 2 })], [exceeded, exceeded])
  assert.equal(must(await demo.call('nova', 'GET', '/v2.1/servers'), 200).servers.length, 1)
  must(await create([own], { min_count: 1, max_count: 5 }), 202)
  const { servers } = must(await demo.call('nova', 'GET', '/v2.1/servers'), 200)
  assert.equal(servers.length, 3)
  for (const { id } of servers) await untilStatus(demo, id, 'ACTIVE')
  assert.deepEqual([await refusal('auto'), await refusal([own])], [exceeded, exceeded])
  await limit(used + 1)
  assert.deepEqual(await refusal([own]), [403, `The number of defined ports: ${used + 3} is over the limit: ${used + 1}`])
  const given = must(await create([{ port: port.id }]), 202).server
  await untilStatus(demo, given.id, 'ACTIVE')
  must(await create('none'), 202)
  await limit(-1)
  must(await create([own, own]), 202)
})
