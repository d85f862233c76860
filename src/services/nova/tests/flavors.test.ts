// Flavors through the front door.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Session, startCloud } from '../../../app/testing/index.ts'

const at = (version: string) => ({ 'openstack-api-version': `compute ${version}` })
const origin = (url: string) => url.replace(/^(https?:\/\/[^/]+).*$/, '$1')

function create(admin: Session, flavor: object, version = '2.1') {
  return admin.call('nova', 'POST', '/v2.1/flavors', { flavor: { ram: 512, vcpus: 1, disk: 1, ...flavor } }, at(version))
}

test('a flavor is created, shown in every version as upstream shows it, described and deleted', async (t) => {
  const cloud = await startCloud(t, ['keystone', 'placement', 'nova'])
  const admin = await cloud.login('admin')
  const demo = await cloud.login('demo')
  const made = await create(admin, { id: '1', name: 'm1.tiny', swap: '64', 'OS-FLV-EXT-DATA:ephemeral': 2, rxtx_factor: 1.5 })
  assert.equal(made.status, 200)
  const host = origin(made.body.flavor.links[0].href)
  const old = {
    id: '1', name: 'm1.tiny', ram: 512, vcpus: 1, disk: 1, swap: 64, 'OS-FLV-EXT-DATA:ephemeral': 2, 'OS-FLV-DISABLED:disabled': false,
    'os-flavor-access:is_public': true, rxtx_factor: 1.5,
    links: [{ rel: 'self', href: `${host}/v2.1/flavors/1` }, { rel: 'bookmark', href: `${host}/flavors/1` }],
  }
  assert.deepEqual(made.body, { flavor: old })
  const show = async (version: string) => (await demo.call('nova', 'GET', '/v2.1/flavors/1', undefined, at(version))).body
  assert.deepEqual(await show('2.54'), { flavor: old })
  assert.deepEqual(await show('2.60'), { flavor: { ...old, description: null } })
  assert.deepEqual(await show('2.61'), { flavor: { ...old, description: null, extra_specs: {} } })

  await create(admin, { id: 2, name: 'no swap' })
  assert.equal((await demo.call('nova', 'GET', '/v2.1/flavors/2', undefined, at('2.74'))).body.flavor.swap, '')
  assert.equal((await demo.call('nova', 'GET', '/v2.1/flavors/2', undefined, at('2.75'))).body.flavor.swap, 0)

  const described = await admin.call('nova', 'PUT', '/v2.1/flavors/1', { flavor: { description: 'small' } }, at('2.55'))
  assert.deepEqual([described.status, described.body], [200, { flavor: { ...old, description: 'small' } }])
  assert.equal((await admin.call('nova', 'PUT', '/v2.1/flavors/1', { flavor: { description: 'small' } }, at('2.54'))).status, 404)
  assert.equal((await admin.call('nova', 'PUT', '/v2.1/flavors/1', { flavor: { description: 'small', ram: 5 } }, at('2.55'))).status, 400)

  assert.equal((await admin.call('nova', 'DELETE', '/v2.1/flavors/1')).status, 202)
  const gone = await demo.call('nova', 'GET', '/v2.1/flavors/1')
  assert.deepEqual([gone.status, gone.body], [404, { itemNotFound: { code: 404, message: 'Flavor 1 could not be found.' } }])
  assert.equal((await admin.call('nova', 'DELETE', '/v2.1/flavors/1')).status, 404)
})

test('a flavor without an id gets one; a name or id twice is a conflict', async (t) => {
  const cloud = await startCloud(t, ['keystone', 'placement', 'nova'])
  const admin = await cloud.login('admin')
  const made = await create(admin, { name: 'a', id: null })
  assert.match(made.body.flavor.id, /^[0-9a-f-]{36}$/)
  const named = await create(admin, { name: 'a', id: 'x' })
  assert.deepEqual([named.status, named.body.conflictingRequest.message], [409, 'Flavor with name a already exists.'])
  const numbered = await create(admin, { name: 'b', id: made.body.flavor.id })
  assert.deepEqual([numbered.status, numbered.body.conflictingRequest.message], [409, `Flavor with ID ${made.body.flavor.id} already exists.`])
})

test('what no flavor can be is refused', async (t) => {
  const cloud = await startCloud(t, ['keystone', 'placement', 'nova'])
  const [admin, demo] = [await cloud.login('admin'), await cloud.login('demo')]
  for (const bad of [
    { name: '' }, { name: ' a' }, { name: 'a\u0007' }, { name: 'x'.repeat(256) }, { ram: 0 }, { ram: -1 }, { ram: 2 ** 31 }, { ram: 'many' }, { ram: '0' }, { vcpus: 0 },
    { vcpus: 1.5 }, { disk: -1 }, { swap: -1 }, { rxtx_factor: 0 }, { id: ' a' }, { id: 'a/b' }, { id: '' }, { 'os-flavor-access:is_public': 'maybe' },
    { description: 'not before 2.55' }, { color: 'red' },
  ]) assert.equal((await create(admin, { name: 'fine', ...bad })).status, 400, JSON.stringify(bad))
  assert.equal((await create(admin, { name: 'described', description: 'x'.repeat(65_536) }, '2.55')).status, 400)
  const refused = await create(demo, { name: 'mine' })
  assert.deepEqual([refused.status, refused.body], [
    403, { forbidden: { code: 403, message: "Policy doesn't allow os_compute_api:os-flavor-manage:create to be performed." } },
  ])
  assert.equal((await demo.call('nova', 'DELETE', '/v2.1/flavors/1')).status, 403)
})

test('flavors are listed in pages, sorted and filtered', async (t) => {
  const cloud = await startCloud(t, ['keystone', 'placement', 'nova'])
  const [admin, demo] = [await cloud.login('admin'), await cloud.login('demo')]
  for (const [id, ram, disk] of [['3', 512, 5], ['1', 1024, 1], ['2', 512, 20]] as const) await create(admin, { id, name: `f${id}`, ram, disk, ...(id === '2' && { swap: 1 }) })
  const ids = async (query: string, version = '2.1') => {
    const { status, body } = await demo.call('nova', 'GET', `/v2.1/flavors${query}`, undefined, at(version))
    return status === 200 ? body.flavors.map((flavor: { id: string }) => flavor.id).join() : status
  }
  assert.equal(await ids(''), '1,2,3')
  assert.equal(await ids('/detail?sort_dir=desc'), '3,2,1')
  assert.equal(await ids('?sort_key=memory_mb'), '3,2,1')
  assert.equal(await ids('?sort_key=description&sort_dir=desc'), '2,1,3')
  assert.equal(await ids('?minRam=600'), '1')
  assert.equal(await ids('?minDisk=5'), '2,3')
  assert.equal(await ids('?minRam=x'), 400)
  assert.equal(await ids('?sort_key=color'), 400)
  assert.equal(await ids('?sort_dir=up'), 400)
  assert.equal(await ids('?marker=9'), 400)
  assert.equal(await ids('?limit=-1'), 400)
  assert.equal(await ids('?limit=0'), '')
  assert.equal(await ids('?color=red', '2.74'), '1,2,3')
  assert.equal(await ids('?color=red', '2.75'), 400)

  const first = await demo.call('nova', 'GET', `/v2.1/${demo.projectId}/flavors/detail?limit=2&sort_key=memory_mb`)
  const host = origin(first.body.flavors[0].links[0].href)
  assert.equal(first.body.flavors_links[0].href, `${host}/v2.1/${demo.projectId}/flavors/detail?limit=2&sort_key=memory_mb&marker=2`)
  assert.equal(first.body.flavors[0].links[1].href, `${host}/${demo.projectId}/flavors/3`)
  assert.equal(await ids('?limit=2&sort_key=memory_mb&marker=2'), '1')
})

test('a private flavor is there only for admins and the projects that were given it', async (t) => {
  const cloud = await startCloud(t, ['keystone', 'placement', 'nova'])
  const [admin, member, stranger] = [await cloud.login('admin'), await cloud.login('member'), await cloud.login('stranger')]
  await create(admin, { id: 'open', name: 'open' })
  await create(admin, { id: 'secret', name: 'secret', 'os-flavor-access:is_public': false })
  const act = (action: string, tenant: string, flavor = 'secret', version = '2.1') =>
    admin.call('nova', 'POST', `/v2.1/flavors/${flavor}/action`, { [action]: { tenant } }, at(version))
  const seenBy = async (session: Session, query = '') => (await session.call('nova', 'GET', `/v2.1/flavors${query}`)).body.flavors.map((flavor: { id: string }) => flavor.id).join()

  assert.equal((await member.call('nova', 'GET', '/v2.1/flavors/secret')).status, 404)
  const given = await act('addTenantAccess', member.projectId)
  assert.deepEqual([given.status, given.body], [200, { flavor_access: [{ flavor_id: 'secret', tenant_id: member.projectId }] }])
  assert.deepEqual((await admin.call('nova', 'GET', '/v2.1/flavors/secret/os-flavor-access')).body, given.body)
  assert.equal((await member.call('nova', 'GET', '/v2.1/flavors/secret')).status, 200)
  assert.equal(await seenBy(member), 'open,secret')
  assert.equal(await seenBy(stranger), 'open')
  assert.equal(await seenBy(stranger, '?is_public=None'), 'open')
  assert.equal((await stranger.call('nova', 'GET', '/v2.1/flavors/secret')).status, 404)
  assert.equal((await stranger.call('nova', 'GET', '/v2.1/flavors/secret/os-extra_specs')).status, 404)
  assert.equal((await stranger.call('nova', 'GET', '/v2.1/flavors?marker=secret')).status, 400)
  assert.equal(await seenBy(admin), 'open')
  assert.equal(await seenBy(admin, '?is_public=None'), 'open,secret')
  assert.equal(await seenBy(admin, '?is_public=false'), 'secret')
  assert.equal((await admin.call('nova', 'GET', '/v2.1/flavors?is_public=maybe')).status, 400)

  const twice = await act('addTenantAccess', member.projectId)
  assert.deepEqual([twice.status, twice.body.conflictingRequest.message], [409, `Flavor access already exists for flavor secret and project ${member.projectId} combination.`])
  const nobody = await act('addTenantAccess', 'f'.repeat(32))
  assert.deepEqual([nobody.status, nobody.body.badRequest.message], [400, `Project ID ${'f'.repeat(32)} is not a valid project.`])
  assert.equal((await act('addTenantAccess', member.projectId, 'open', '2.6')).status, 200)
  assert.equal((await act('addTenantAccess', stranger.projectId, 'open', '2.7')).status, 409)
  assert.equal((await admin.call('nova', 'GET', '/v2.1/flavors/open/os-flavor-access')).status, 404)
  assert.deepEqual((await act('removeTenantAccess', member.projectId)).body, { flavor_access: [] })
  assert.equal((await act('removeTenantAccess', member.projectId)).status, 404)
  assert.equal((await member.call('nova', 'GET', '/v2.1/flavors/secret')).status, 404)
  assert.equal((await act('grant', member.projectId)).status, 400)
  assert.equal((await member.call('nova', 'POST', '/v2.1/flavors/secret/action', { addTenantAccess: { tenant: member.projectId } })).status, 403)
  assert.equal((await member.call('nova', 'GET', '/v2.1/flavors/secret/os-flavor-access')).status, 403)
})

test('extra specs are set one by one and together, and shown with the flavor from 2.61', async (t) => {
  const cloud = await startCloud(t, ['keystone', 'placement', 'nova'])
  const [admin, demo] = [await cloud.login('admin'), await cloud.login('demo')]
  await create(admin, { id: '1', name: 'a' })
  const path = '/v2.1/flavors/1/os-extra_specs'
  const set = await admin.call('nova', 'POST', path, { extra_specs: { 'hw:cpu_policy': 'shared', 'my:own': 5 } })
  assert.deepEqual([set.status, set.body], [200, { extra_specs: { 'hw:cpu_policy': 'shared', 'my:own': 5 } }])
  assert.deepEqual((await demo.call('nova', 'GET', path)).body, { extra_specs: { 'hw:cpu_policy': 'shared', 'my:own': '5' } })
  assert.deepEqual((await admin.call('nova', 'PUT', `${path}/my:own`, { 'my:own': 'six' })).body, { 'my:own': 'six' })
  assert.equal((await admin.call('nova', 'PUT', `${path}/my:own`, { other: 'six' })).body.badRequest.message, 'Request body and URI mismatch')
  assert.deepEqual((await demo.call('nova', 'GET', `${path}/my:own`)).body, { 'my:own': 'six' })
  assert.deepEqual((await demo.call('nova', 'GET', '/v2.1/flavors/detail', undefined, at('2.61'))).body.flavors[0].extra_specs, { 'hw:cpu_policy': 'shared', 'my:own': 'six' })
  assert.equal((await admin.call('nova', 'DELETE', `${path}/my:own`)).status, 200)
  const gone = await demo.call('nova', 'GET', `${path}/my:own`)
  assert.deepEqual([gone.status, gone.body.itemNotFound.message], [404, 'Flavor 1 has no extra specs with key my:own.'])
  assert.equal((await demo.call('nova', 'GET', `${path}/constructor`)).status, 404)
  assert.equal((await admin.call('nova', 'DELETE', `${path}/my:own`)).status, 404)
  assert.equal((await admin.call('nova', 'POST', '/v2.1/flavors/9/os-extra_specs', { extra_specs: { a: 'b' } })).status, 404)
  for (const bad of [{ 'a/b': 'c' }, { a: 'x'.repeat(256) }, { a: null }, { a: true }, { '': 'b' }]) {
    assert.equal((await admin.call('nova', 'POST', path, { extra_specs: bad })).status, 400, JSON.stringify(bad))
  }
  for (const [method, where, body] of [['POST', path, { extra_specs: {} }], ['PUT', `${path}/a`, { a: 'b' }], ['DELETE', `${path}/a`, undefined]] as const) {
    assert.equal((await demo.call('nova', method, where, body)).status, 403, method)
  }
})

test('from 2.86 an extra spec in a namespace of nova must mean something', async (t) => {
  const cloud = await startCloud(t, ['keystone', 'placement', 'nova'])
  const admin = await cloud.login('admin')
  await create(admin, { id: '1', name: 'a' })
  const set = async (key: string, value: string, version = '2.86') =>
    (await admin.call('nova', 'POST', '/v2.1/flavors/1/os-extra_specs', { extra_specs: { [key]: value } }, at(version))).status
  for (const [key, value] of [
    ['hw:numa_nodes', '2'], ['hw:numa_cpus.0', '0-3'], ['hw:mem_page_size', 'large'], ['hw:boot_menu', 'yes'], ['hw:cpu_realtime_mask', '^0-1,3'], ['pci_passthrough:alias', 'gpu:1 , nic:2'], ['quota:vif_inbound_peak', '100'], ['quota:cpu_quota', '-1'],
    ['resources:VCPU', '2'], ['resources1:CUSTOM_GOLD', '1'], ['trait:HW_CPU_X86_AVX2', 'required'], ['trait_net:CUSTOM_FAST', 'forbidden'],
    ['aggregate_instance_extra_specs:ssd', 'true'], ['capabilities:cpu_info:features', '<in> aes'], ['os:secure_boot', 'required'], ['group_policy', 'isolate'],
    ['my:own', 'anything'], ['plain', 'anything'],
  ] as const) assert.equal(await set(key, value), 200, key)
  for (const [key, value] of [
    ['hw:numa_nodes', '0'], ['hw:numa_nodes', 'two'], ['hw:color', 'red'], ['hw:cpu_policy', 'private'], ['hw:numa_cpus.0', `${'1'.repeat(200)}x`], ['pci_passthrough:alias', `a:1${',a:1'.repeat(60)}:`], ['pci_passthrough:alias', `a:${'1,'.repeat(100)}`], ['hw:boot_menu', 'maybe'], ['quota:vif_sideways', '1'],
    ['resources:GOLD', '1'], ['trait:HW_CPU_X86_AVX2', 'wanted'], ['trait:avx', 'required'], ['os:secure_boot', 'yes'], ['group_policy', 'any'], ['capabilities:color', 'x'],
  ] as const) assert.equal(await set(key, value), 400, `${key}=${value}`)
  assert.equal(await set('hw:color', 'red', '2.85'), 200)
})
