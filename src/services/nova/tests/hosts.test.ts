// Aggregates, zones, services and hypervisors through the front door.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ServiceUnavailable } from '#core/errors'
import { startCloud } from '../../../app/testing/index.ts'
import { boot, must, startBench, untilStatus } from './bench.ts'
import { garden } from './plant.ts'

const at = (version: string) => ({ 'openstack-api-version': `compute ${version}` })
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/

test('an aggregate is created, shown, renamed, given metadata and deleted', async (t) => {
  const cloud = await startCloud(t, ['keystone', 'placement', 'nova'])
  const admin = await cloud.login('admin')
  const made = await admin.call('nova', 'POST', '/v2.1/os-aggregates', { aggregate: { name: 'fast', availability_zone: 'london' } })
  const { created_at: createdAt } = made.body.aggregate
  assert.match(createdAt, time)
  const brief = { id: 1, name: 'fast', availability_zone: 'london', created_at: createdAt, updated_at: null, deleted: false, deleted_at: null }
  assert.deepEqual([made.status, made.body], [200, { aggregate: brief }])
  const full = { ...brief, hosts: [], metadata: { availability_zone: 'london' } }
  assert.deepEqual((await admin.call('nova', 'GET', '/v2.1/os-aggregates/1')).body, { aggregate: full })
  const { uuid } = (await admin.call('nova', 'GET', '/v2.1/os-aggregates/1', undefined, at('2.41'))).body.aggregate
  assert.match(uuid, /^[0-9a-f-]{36}$/)
  assert.deepEqual((await admin.call('nova', 'GET', '/v2.1/os-aggregates', undefined, at('2.93'))).body, { aggregates: [{ ...full, uuid }] })

  const renamed = await admin.call('nova', 'PUT', '/v2.1/os-aggregates/1', { aggregate: { name: ' faster ' } })
  assert.equal(renamed.body.aggregate.name, 'faster')
  assert.match(renamed.body.aggregate.updated_at, time)
  const set = await admin.call('nova', 'POST', '/v2.1/os-aggregates/1/action', { set_metadata: { metadata: { ssd: 'true', cpu: 'old' } } })
  assert.deepEqual(set.body.aggregate.metadata, { availability_zone: 'london', ssd: 'true', cpu: 'old' })
  const unset = await admin.call('nova', 'POST', '/v2.1/os-aggregates/1/action', { set_metadata: { metadata: { cpu: null } } })
  assert.deepEqual(unset.body.aggregate.metadata, { availability_zone: 'london', ssd: 'true' })

  const twice = await admin.call('nova', 'POST', '/v2.1/os-aggregates', { aggregate: { name: 'faster' } })
  assert.deepEqual([twice.status, twice.body.conflictingRequest.message], [409, 'Aggregate faster already exists.'])
  assert.equal((await admin.call('nova', 'DELETE', '/v2.1/os-aggregates/1')).status, 200)
  const gone = await admin.call('nova', 'GET', '/v2.1/os-aggregates/1')
  assert.deepEqual([gone.status, gone.body], [404, { itemNotFound: { code: 404, message: 'Aggregate 1 could not be found.' } }])
  for (const [id, status] of [['one', 400], ['-1', 404], ['99', 404]] as const) assert.equal((await admin.call('nova', 'GET', `/v2.1/os-aggregates/${id}`)).status, status)
  for (const aggregate of [{}, { name: '' }, { name: ' a' }, { name: 'a', availability_zone: 'a:b' }, { name: 'a', availability_zone: '' }, { name: 'a', hosts: [] }]) {
    assert.equal((await admin.call('nova', 'POST', '/v2.1/os-aggregates', { aggregate })).status, 400, JSON.stringify(aggregate))
  }
  assert.equal((await admin.call('nova', 'PUT', '/v2.1/os-aggregates/1', { aggregate: {} })).status, 400)
})

test('hosts join aggregates, and with them a zone: one zone, and none that their servers would change', async (t) => {
  const cloud = await startCloud(t, ['keystone', 'placement', 'nova'])
  const [admin, demo] = [await cloud.login('admin'), await cloud.login('demo')]
  const plants = await garden(t, cloud)
  await plants.host('alpha')
  await plants.host('beta')
  const make = async (name: string, zone?: string) =>
    String((await admin.call('nova', 'POST', '/v2.1/os-aggregates', { aggregate: { name, ...(zone !== undefined && { availability_zone: zone }) } })).body.aggregate.id)
  const act = (id: string, action: string, value: object) => admin.call('nova', 'POST', `/v2.1/os-aggregates/${id}/action`, { [action]: value })
  const [london, paris, plain] = [await make('london', 'london'), await make('paris', 'paris'), await make('plain')]

  assert.deepEqual((await act(london, 'add_host', { host: 'alpha' })).body.aggregate.hosts, ['alpha'])
  const again = await act(london, 'add_host', { host: 'alpha' })
  assert.deepEqual([again.status, again.body.conflictingRequest.message], [409, `Aggregate ${london} already has host alpha.`])
  const unknown = await act(london, 'add_host', { host: 'gamma' })
  assert.deepEqual([unknown.status, unknown.body.itemNotFound.message], [404, 'Compute host gamma could not be found.'])
  assert.equal((await act('99', 'add_host', { host: 'alpha' })).status, 404)
  assert.equal((await act(plain, 'add_host', { host: 'alpha' })).status, 200)
  assert.equal((await act(paris, 'add_host', { host: 'alpha' })).status, 409)
  assert.equal((await act(plain, 'set_metadata', { metadata: { availability_zone: 'paris' } })).status, 400)
  assert.equal((await admin.call('nova', 'PUT', `/v2.1/os-aggregates/${london}`, { aggregate: { availability_zone: null } })).status, 400)
  const full = await admin.call('nova', 'DELETE', `/v2.1/os-aggregates/${london}`)
  assert.deepEqual([full.status, full.body.badRequest.message], [400, `Cannot remove host from aggregate ${london}. Reason: Host aggregate is not empty.`])

  const zones = (await demo.call('nova', 'GET', '/v2.1/os-availability-zone')).body.availabilityZoneInfo
  assert.deepEqual(zones.filter(({ zoneName }: { zoneName: string }) => zoneName !== 'internal'), [
    { zoneName: 'london', zoneState: { available: true }, hosts: null }, { zoneName: 'nova', zoneState: { available: true }, hosts: null },
  ])
  const detail = (await admin.call('nova', 'GET', '/v2.1/os-availability-zone/detail')).body.availabilityZoneInfo
  const alpha = detail.find(({ zoneName }: { zoneName: string }) => zoneName === 'london').hosts.alpha
  assert.match(alpha['nova-compute'].updated_at, time)
  assert.deepEqual(alpha, { 'nova-compute': { active: true, available: true, updated_at: alpha['nova-compute'].updated_at } })

  await plants.server({ projectId: demo.projectId, userId: demo.userId, host: 'alpha' })
  assert.equal((await act(london, 'remove_host', { host: 'alpha' })).status, 409)
  assert.equal((await act(london, 'set_metadata', { metadata: { availability_zone: 'oslo' } })).status, 400)
  assert.equal((await act(plain, 'remove_host', { host: 'alpha' })).status, 200)
  const absent = await act(plain, 'remove_host', { host: 'alpha' })
  assert.deepEqual([absent.status, absent.body.itemNotFound.message], [404, `Cannot remove host alpha in aggregate ${plain}`])
})

test('services are listed, closed, declared dead, and removed, by both forms', async (t) => {
  const cloud = await startCloud(t, ['keystone', 'placement', 'nova'])
  const [admin, demo] = [await cloud.login('admin'), await cloud.login('demo')]
  const plants = await garden(t, cloud)
  const { serviceUuid } = await plants.host('alpha')
  const show = async (version: string) => (await admin.call('nova', 'GET', '/v2.1/os-services?host=alpha', undefined, at(version))).body.services[0]
  const old = await show('2.1')
  assert.match(old.updated_at, time)
  assert.deepEqual(old, {
    id: old.id, binary: 'nova-compute', host: 'alpha', zone: 'nova', status: 'enabled', state: 'up', updated_at: old.updated_at, disabled_reason: null,
  })
  assert.deepEqual(await show('2.93'), { ...old, id: serviceUuid, forced_down: false })
  assert.deepEqual((await admin.call('nova', 'GET', '/v2.1/os-services?host=alpha&binary=nova-conductor')).body, { services: [] })
  assert.equal((await admin.call('nova', 'GET', '/v2.1/os-services?color=red', undefined, at('2.75'))).status, 400)

  const put = (action: string, body: object, version = '2.1') => admin.call('nova', 'PUT', `/v2.1/os-services/${action}`, body, at(version))
  const on = { host: 'alpha', binary: 'nova-compute' }
  assert.deepEqual((await put('disable', on)).body, { service: { ...on, status: 'disabled' } })
  assert.deepEqual((await put('disable-log-reason', { ...on, disabled_reason: 'broken' })).body, { service: { ...on, status: 'disabled', disabled_reason: 'broken' } })
  assert.equal((await show('2.1')).disabled_reason, 'broken')
  assert.equal((await put('disable-log-reason', on)).status, 400)
  assert.deepEqual((await put('enable', on)).body, { service: { ...on, status: 'enabled' } })
  assert.equal((await put('force-down', { ...on, forced_down: true })).status, 400)
  assert.deepEqual((await put('force-down', { ...on, forced_down: true }, '2.11')).body, { service: { ...on, forced_down: true } })
  assert.equal((await show('2.11')).state, 'down')
  assert.equal((await put('explode', on)).status, 404)
  assert.equal((await put('disable', { ...on, host: 'gamma' })).status, 404)
  assert.equal((await put('disable', { ...on, binary: 'nova-scheduler' })).status, 400)

  const forced = await put(serviceUuid, { forced_down: 'false', status: 'disabled', disabled_reason: 'later' }, '2.53')
  assert.deepEqual([forced.status, forced.body.service.state, forced.body.service.status, forced.body.service.disabled_reason], [200, 'up', 'disabled', 'later'])
  assert.equal((await put(serviceUuid, {}, '2.53')).status, 400)
  assert.equal((await put(serviceUuid, { status: 'enabled', disabled_reason: 'x' }, '2.53')).status, 400)
  assert.equal((await put('disable', { status: 'enabled' }, '2.53')).status, 400)
  assert.equal((await put(serviceUuid.replace(/.$/, (last) => (last === '0' ? '1' : '0')), { status: 'enabled' }, '2.53')).status, 404)

  for (const [method, path, body] of [['GET', '', undefined], ['PUT', '/disable', on], ['DELETE', `/${old.id}`, undefined]] as const) {
    assert.equal((await demo.call('nova', method, `/v2.1/os-services${path}`, body)).status, 403, method)
  }
  await plants.server({ projectId: demo.projectId, userId: demo.userId, host: 'alpha' })
  const busy = await admin.call('nova', 'DELETE', `/v2.1/os-services/${serviceUuid}`, undefined, at('2.53'))
  assert.deepEqual([busy.status, busy.body.conflictingRequest.message], [
    409, 'Unable to delete compute service that is hosting instances. Migrate or delete the instances first.',
  ])
  await plants.host('beta')
  const beta = (await admin.call('nova', 'GET', '/v2.1/os-services?host=beta')).body.services[0]
  assert.equal((await admin.call('nova', 'DELETE', `/v2.1/os-services/${beta.id}`, undefined, at('2.53'))).status, 400)
  assert.equal((await admin.call('nova', 'DELETE', `/v2.1/os-services/${beta.id}`)).status, 204)
  assert.equal((await admin.call('nova', 'DELETE', `/v2.1/os-services/${beta.id}`)).status, 404)
  assert.deepEqual((await admin.call('nova', 'GET', '/v2.1/os-hypervisors/beta/search')).status, 404)
})

test('hypervisors are shown with their use, by number before 2.53 and by UUID from then on', async (t) => {
  const cloud = await startCloud(t, ['keystone', 'placement', 'nova'])
  const [admin, demo] = [await cloud.login('admin'), await cloud.login('demo')]
  const plants = await garden(t, cloud)
  const { serviceUuid, nodeUuid } = await plants.host('alpha')
  const server = await plants.server({ projectId: demo.projectId, userId: demo.userId, host: 'alpha' })
  const get = (path: string, version = '2.1') => admin.call('nova', 'GET', `/v2.1/os-hypervisors${path}`, undefined, at(version))

  const found = (await get('/alpha/search')).body.hypervisors
  const { id } = found[0]
  const brief = { id, hypervisor_hostname: 'alpha.example', state: 'up', status: 'enabled' }
  assert.deepEqual(found, [brief])
  const use = {
    vcpus: 4, vcpus_used: 2, memory_mb: 8192, memory_mb_used: 1536, local_gb: 100, local_gb_used: 0, free_ram_mb: 6656, free_disk_gb: 100, disk_available_least: 95,
    current_workload: 0, running_vms: 1,
  }
  const shown = (await get(`/${id}`)).body.hypervisor
  const detail = {
    ...brief, ...use, hypervisor_type: 'QEMU', hypervisor_version: 7_002_000, host_ip: '192.0.2.1', cpu_info: '{"arch":"x86_64"}',
    service: { id: shown.service.id, host: 'alpha', disabled_reason: null },
  }
  assert.deepEqual(shown, detail)
  const known = { ...detail, id: nodeUuid, service: { id: serviceUuid, host: 'alpha', disabled_reason: null } }
  assert.deepEqual((await get(`/${nodeUuid}`, '2.53')).body, { hypervisor: { ...known, cpu_info: { arch: 'x86_64' } } })
  const { cpu_info: _info, ...rest } = known
  const bare = Object.fromEntries(Object.entries(rest).filter(([key]) => !(key in use)))
  // Nothing answers on this host.
  assert.deepEqual((await get(`/${nodeUuid}`, '2.88')).body, { hypervisor: { ...bare, uptime: null } })
  assert.deepEqual((await get(`/${nodeUuid}/uptime`, '2.87')).body, { badRequest: { code: 400, message: 'Compute service of alpha is unavailable at this time.' } })
  assert.equal((await get(`/${nodeUuid}/uptime`, '2.88')).status, 404)

  const servers = (await get('?with_servers=true&hypervisor_hostname_pattern=alpha', '2.53')).body.hypervisors[0].servers
  assert.deepEqual(servers, [{ name: 'instance-00000001', uuid: server }])
  assert.deepEqual((await get('/alpha/servers', '2.52')).body.hypervisors[0].servers, servers)
  assert.equal((await get('/alpha/servers', '2.53')).status, 404)
  assert.equal((await get('/statistics', '2.87')).body.hypervisor_statistics.vcpus_used, 2)
  assert.equal((await get('/statistics', '2.88')).status, 404)
  assert.equal((await get('?hypervisor_hostname_pattern=100%25', '2.53')).status, 400)
  assert.equal((await get('?hypervisor_hostname_pattern=nothing', '2.53')).status, 404)
  assert.equal((await get('?hypervisor_hostname_pattern=alpha&limit=1', '2.53')).status, 400)
  assert.equal((await get('/alpha', '2.52')).status, 404)
  assert.equal((await get('/alpha', '2.53')).status, 400)
  assert.equal((await get('/detail?marker=nothing', '2.33')).status, 400)

  await plants.host('beta')
  const first = (await get('?limit=1', '2.53')).body
  assert.equal(first.hypervisors.length, 1)
  const next = new URL(first.hypervisors_links[0].href)
  const second = (await admin.call('nova', 'GET', next.pathname + next.search, undefined, at('2.53'))).body.hypervisors
  assert.notEqual(second[0].id, first.hypervisors[0].id)
  for (const path of ['', '/detail', '/statistics', `/${id}`, '/alpha/search', '/alpha/servers']) {
    assert.equal((await demo.call('nova', 'GET', `/v2.1/os-hypervisors${path}`)).status, 403, path)
  }
})

test("placement's aggregates follow nova's, and the provider of a removed host goes", async (t) => {
  const cloud = await startCloud(t, ['keystone', 'placement', 'nova'])
  const admin = await cloud.login('admin')
  const { serviceUuid, nodeUuid } = await (await garden(t, cloud)).host('alpha')
  const placement = (method: string, path: string, body?: unknown) =>
    admin.call('placement', method, `/resource_providers${path}`, body, { 'openstack-api-version': 'placement 1.36' })
  assert.equal((await placement('POST', '', { name: 'alpha.example', uuid: nodeUuid })).status, 200)
  const { aggregate } = (await admin.call('nova', 'POST', '/v2.1/os-aggregates', { aggregate: { name: 'fast' } }, at('2.41'))).body
  const act = (action: string) => admin.call('nova', 'POST', `/v2.1/os-aggregates/${aggregate.id}/action`, { [action]: { host: 'alpha' } })
  const mirrored = async () => (await placement('GET', `/${nodeUuid}/aggregates`)).body.aggregates

  await act('add_host')
  assert.deepEqual(await mirrored(), [aggregate.uuid])
  await act('remove_host')
  assert.deepEqual(await mirrored(), [])
  await act('add_host')
  assert.equal((await admin.call('nova', 'DELETE', `/v2.1/os-services/${serviceUuid}`, undefined, at('2.53'))).status, 204)
  assert.equal((await placement('GET', `/${nodeUuid}`)).status, 404)
  assert.deepEqual((await admin.call('nova', 'GET', `/v2.1/os-aggregates/${aggregate.id}`)).body.aggregate.hosts, [])
})

test('the version documents name their media types as upstream does, and each leads to itself', async (t) => {
  const cloud = await startCloud(t, ['keystone', 'placement', 'nova'])
  const { versions } = (await cloud.call('nova', 'GET', '/')).body
  assert.deepEqual(versions.map(({ id, status, version }: Record<string, string>) => [id, status, version]), [['v2.0', 'SUPPORTED', ''], ['v2.1', 'CURRENT', '2.93']])
  for (const each of versions) {
    const path = each.links[0].href.replace(/^https?:\/\/[^/]+/, '')
    const { version } = (await cloud.call('nova', 'GET', path)).body
    const type = `application/vnd.openstack.compute+json;version=${each.id === 'v2.0' ? '2' : '2.1'}`
    assert.deepEqual(version, {
      ...each, links: [...each.links, { rel: 'describedby', type: 'text/html', href: 'http://docs.openstack.org/' }], 'media-types': [{ base: 'application/json', type }],
    })
  }
})

test('a parameter that is given twice counts once where upstream lets it, and is refused where it does not', async (t) => {
  const { admin } = await startBench(t)
  const names = (body: Record<string, unknown[]>) => Object.values(body).find(Array.isArray)?.length
  const asked = async (path: string, at: string) => {
    const { status, body } = await admin.call('nova', 'GET', `/v2.1${path}`, undefined, { 'openstack-api-version': `compute ${at}` })
    return status === 200 ? names(body) : status
  }
  must(await admin.call('nova', 'POST', '/v2.1/flavors', { flavor: { id: '2', name: 'm1.small', ram: 512, vcpus: 1, disk: 1 } }), 200)
  assert.deepEqual([await asked('/flavors?limit=1&limit=2', '2.93'), await asked('/flavors?limit=2&limit=1', '2.93')], [2, 1])
  assert.deepEqual([await asked('/flavors?minRam=1000&minRam=1', '2.1'), await asked('/flavors?minRam=1&minRam=1000', '2.1')], [2, 0])
  assert.deepEqual([await asked('/os-hypervisors?limit=0&limit=1', '2.33'), await asked('/os-hypervisors?limit=0&limit=1', '2.53')], [1, 400])
  assert.deepEqual([await asked('/os-services?binary=none&binary=nova-compute', '2.93'), await asked('/os-services?binary=nova-compute&binary=none', '2.93')], [1, 0])
  assert.deepEqual([await asked('/os-server-groups?limit=1&limit=2', '2.93'), await asked('/os-keypairs?limit=1&limit=2', '2.93')], [0, 0])
  assert.equal((await admin.call('nova', 'GET', '/v2.1/limits?tenant_id=a&tenant_id=b')).status, 200)
  assert.equal((await admin.call('nova', 'GET', `/v2.1/os-quota-sets/${admin.projectId}?user_id=${admin.userId}&user_id=x`)).status, 200)
})

test('a hypervisor shows what its servers were promised as used', async (t) => {
  const bench = await startBench(t)
  const { demo, admin, imageId } = bench
  for (const more of [{}, { imageRef: '', block_device_mapping_v2: [{ source_type: 'image', uuid: imageId, destination_type: 'volume', volume_size: 1, boot_index: 0 }] }]) await untilStatus(demo, await boot(bench, more), 'ACTIVE')
  const { hypervisors: [{ vcpus_used: vcpus, memory_mb_used: memory, local_gb_used: disk, memory_mb: total, free_ram_mb: free }] } = (await admin.call('nova', 'GET', '/v2.1/os-hypervisors/detail')).body
  // 512 MiB are reserved for the host; the root disk of the second lies elsewhere.
  assert.deepEqual([vcpus, memory, disk, total - free], [2, 512 + 2 * 512, 1, memory])
})

test('a hypervisor is shown with the uptime of its host, as the openstack client takes it apart', async (t) => {
  const { admin } = await startBench(t)
  const asClientsReadIt = /^\s*(.+)\sup\s+(.+),\s+(.+)\susers?,\s+load average:\s(.+)$/
  const get = async (path: string, version: string) => (await admin.call('nova', 'GET', `/v2.1/os-hypervisors${path}`, undefined, at(version))).body
  const { hypervisors: [hypervisor] } = await get('', '2.1')
  const old = await get(`/${hypervisor.id}/uptime`, '2.1')
  assert.deepEqual({ ...old.hypervisor, uptime: '' }, { ...hypervisor, uptime: '' })
  const { hypervisors: [detailed] } = await get('/detail', '2.88')
  for (const { uptime } of [old.hypervisor, detailed, (await get(`/${detailed.id}`, '2.88')).hypervisor]) assert.match(uptime, asClientsReadIt)
})

test('the uptime of a host that does not answer is unknown; that of one that fails to tell it is a fault', async (t) => {
  const { cloud, admin, playground } = await startBench(t)
  const get = (path: string, version: string) => admin.call('nova', 'GET', `/v2.1/os-hypervisors${path}`, undefined, at(version))
  const { hypervisors: [{ id }] } = must(await get('', '2.1'), 200)
  const { send } = cloud.bus
  let silent = true
  Object.assign(cloud.bus, {
    send(...sent: Parameters<typeof send>) {
      if (silent && sent[2].method === 'uptime') throw new ServiceUnavailable(`No ${sent[0]} service answers.`, { topic: sent[0] })
      return send.apply(cloud.bus, sent)
    },
  })
  assert.equal(must(await get('/detail', '2.88'), 200).hypervisors[0].uptime, null)
  assert.equal(must(await get(`/${id}/uptime`, '2.1'), 400).badRequest.message, 'Compute service of host-1 is unavailable at this time.')

  silent = false
  playground.before = (method) => {
    if (method === 'uptime') throw new TypeError('upSeconds is not a number')
  }
  for (const [path, version] of [['/detail', '2.88'], [`/${id}/uptime`, '2.1']] as const) {
    assert.match(must(await get(path, version), 500).computeFault.message, /^An unexpected error occurred/)
  }
})
