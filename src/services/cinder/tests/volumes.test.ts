// Volumes through the front door: made, shown, listed, changed, deleted.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { startCloud } from '../../../app/testing/index.ts'
import { at, readyVolume, until, untilGone, uuid } from './help.ts'

test('a volume is created, becomes available, and is gone after its deletion', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const demo = await cloud.login('demo')
  const made = await demo.call('cinder', 'POST', `/v3/${demo.projectId}/volumes`, { volume: { size: 1, name: ' data ', metadata: { a: 'b' } } })
  assert.equal(made.status, 202)
  const { id, created_at: createdAt } = made.body.volume
  assert.match(id, uuid)
  assert.match(createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/)
  const { origin } = cloud.services.cinder
  assert.deepEqual(made.body, {
    volume: {
      id, status: 'creating', size: 1, availability_zone: 'nova', created_at: createdAt, updated_at: null, name: 'data', description: null,
      volume_type: '__DEFAULT__', snapshot_id: null, source_volid: null, metadata: { a: 'b' },
      links: [
        { rel: 'self', href: `${origin}/v3/${demo.projectId}/volumes/${id}` },
        { rel: 'bookmark', href: `${origin}/${demo.projectId}/volumes/${id}` },
      ],
      user_id: demo.userId, bootable: 'false', encrypted: false, replication_status: null, consistencygroup_id: null, multiattach: false, attachments: [],
    },
  })
  await until(demo, id, 'available')
  const deleted = await demo.call('cinder', 'DELETE', `/v3/${demo.projectId}/volumes/${id}`)
  assert.deepEqual([deleted.status, deleted.body], [202, ''])
  await untilGone(demo, id)
  const shown = await demo.call('cinder', 'GET', `/v3/volumes/${id}`)
  assert.deepEqual(shown.body, { itemNotFound: { code: 404, message: `Volume ${id} could not be found.` } })
})

test('what a volume shows depends on version and role', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const [demo, admin] = [await cloud.login('demo'), await cloud.login('admin')]
  const { id } = await readyVolume(demo, { name: 'x' })
  const keys = async (who: typeof demo, version: string) =>
    Object.keys((await who.call('cinder', 'GET', `/v3/volumes/${id}`, undefined, at(version))).body.volume)
  const base = await keys(demo, '3.0')
  assert.ok(base.includes('os-vol-tenant-attr:tenant_id') && !base.includes('os-vol-host-attr:host') && !base.includes('migration_status'))
  const fresh = (from: readonly string[], all: readonly string[]) => all.filter((key) => !from.includes(key))
  assert.deepEqual(fresh(base, await keys(demo, '3.13')), ['group_id'])
  assert.deepEqual(fresh(base, await keys(demo, '3.48')), ['group_id', 'shared_targets', 'service_uuid'])
  assert.deepEqual(fresh(base, await keys(demo, '3.70')), ['group_id', 'shared_targets', 'service_uuid', 'volume_type_id', 'consumes_quota'])
  assert.deepEqual(fresh(base, await keys(admin, '3.70')).sort(), [
    'cluster_name', 'consumes_quota', 'group_id', 'migration_status', 'os-vol-host-attr:host', 'os-vol-mig-status-attr:migstat', 'os-vol-mig-status-attr:name_id',
    'provider_id', 'service_uuid', 'shared_targets', 'volume_type_id',
  ])
  const seen = await admin.call('cinder', 'GET', `/v3/volumes/${id}`, undefined, at('latest'))
  assert.equal(seen.body.volume['os-vol-host-attr:host'], 'host-1@fake#fake')
  assert.equal(seen.headers['openstack-api-version'], 'volume 3.70')
})

test('discovery needs no token, and a version that is not there is refused', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const [all, three] = [await cloud.call('cinder', 'GET', '/'), await cloud.call('cinder', 'GET', '/v3/')]
  assert.deepEqual([all.status, three.status], [300, 200])
  const [version] = three.body.versions
  assert.deepEqual([version.id, version.status, version.min_version, version.version], ['v3.0', 'CURRENT', '3.0', '3.70'])
  const demo = await cloud.login('demo')
  assert.equal((await demo.call('cinder', 'GET', '/v3/volumes', undefined, at('3.71'))).status, 406)
  assert.equal((await demo.call('cinder', 'GET', '/v3/attachments', undefined, at('3.26'))).status, 404)
  assert.equal((await cloud.call('cinder', 'GET', '/v3/volumes')).status, 401)
})

test('another project neither sees nor touches a volume, and its id in the path is refused', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const [demo, stranger, reader] = [await cloud.login('demo'), await cloud.login('stranger'), await cloud.login('reader')]
  const { id } = await readyVolume(demo)
  for (const [method, path, body] of [
    ['GET', `/v3/volumes/${id}`], ['DELETE', `/v3/volumes/${id}`], ['PUT', `/v3/volumes/${id}`, { volume: { name: 'mine' } }], ['GET', `/v3/volumes/${id}/metadata`],
    ['POST', `/v3/volumes/${id}/action`, { 'os-extend': { new_size: 2 } }], ['POST', `/v3/volumes/${id}/action`, { 'os-reserve': null }],
  ] as const) {
    assert.equal((await stranger.call('cinder', method, path, body)).status, 404, `${method} ${path}`)
  }
  assert.equal((await stranger.call('cinder', 'POST', '/v3/attachments', { attachment: { volume_uuid: id, instance_uuid: id } }, at('3.54'))).status, 404)
  assert.deepEqual((await stranger.call('cinder', 'GET', '/v3/volumes?all_tenants=1', undefined, at('3.70'))).body, { volumes: [] })
  const elsewhere = await stranger.call('cinder', 'GET', `/v3/${demo.projectId}/volumes`)
  assert.equal(elsewhere.status, 400)
  assert.match(elsewhere.body.badRequest.message, /^Malformed request URL/)

  assert.equal((await reader.call('cinder', 'GET', `/v3/volumes/${id}`)).status, 200)
  assert.equal((await reader.call('cinder', 'DELETE', `/v3/volumes/${id}`)).status, 403)
  const refused = await reader.call('cinder', 'POST', '/v3/volumes', { volume: { size: 1 } })
  assert.deepEqual(refused.body, { forbidden: { code: 403, message: "Policy doesn't allow volume:create to be performed." } })
  assert.equal((await demo.call('cinder', 'DELETE', `/v3/volumes/${id}?force=true`, undefined, at('3.23'))).status, 403)
})

test('lists come in pages, sorted and filtered', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const [demo, admin] = [await cloud.login('demo'), await cloud.login('admin')]
  const ids: string[] = []
  for (const [name, size, metadata] of [['a', 3, { k: 'v' }], ['b', 1, {}], ['c', 2, { k: 'v', l: 'w' }]] as const) ids.push((await readyVolume(demo, { name, size, metadata })).id)
  const list = async (query: string, version = '3.70', who = demo) => (await who.call('cinder', 'GET', `/v3/volumes${query}`, undefined, at(version))).body
  const names = async (query: string, version = '3.70', who = demo) => (await list(query, version, who)).volumes?.map((volume: any) => volume.name)

  assert.deepEqual(await names(''), ['c', 'b', 'a'])
  assert.deepEqual(await names('/detail?sort=size:asc'), ['b', 'c', 'a'])
  assert.deepEqual(await names('?sort_key=name&sort_dir=asc'), ['a', 'b', 'c'])
  const first = await list('?limit=2&sort=name:asc&with_count=true')
  assert.deepEqual([first.volumes.map((volume: any) => volume.name), first.count], [['a', 'b'], 3])
  const next = new URL(first.volumes_links[0].href)
  assert.deepEqual([first.volumes_links[0].rel, next.searchParams.get('marker'), next.searchParams.get('limit')], ['next', ids[1], '2'])
  assert.deepEqual(await names(next.search), ['c'])
  assert.deepEqual(await names(`?marker=${ids[2]}`), ['b', 'a'])
  assert.deepEqual(await names('?limit=0'), [])
  assert.deepEqual(await names('?offset=1&limit=1'), ['b'])
  assert.deepEqual(await names('?name=b'), ['b'])
  assert.deepEqual(await names('?name~=b', '3.34'), undefined)
  assert.deepEqual(await names(`?metadata=${encodeURIComponent("{'k': 'v'}")}`), ['c', 'a'])
  assert.deepEqual(await names('?bootable=true'), [])
  assert.deepEqual(await names('?status=available&size=2'), ['c'])
  assert.deepEqual(await names('?created_at=gt:2016-01-01T00:00:00', '3.60'), ['c', 'b', 'a'])
  assert.deepEqual(await names('?consumes_quota=false', '3.65'), [])
  assert.deepEqual(await names('?all_tenants=1', '3.70', admin), ['c', 'b', 'a'])
  assert.deepEqual(await names('?all_tenants=1&name~=B', '3.34', admin), ['b'])
  assert.deepEqual(await names(`?all_tenants=1&project_id=${admin.projectId}`, '3.70', admin), [])
  assert.deepEqual(await names('', '3.70', admin), [])
  assert.deepEqual(await names('?nonsense=1', '3.30'), ['c', 'b', 'a'])
  assert.equal((await list('?nonsense=1')).badRequest.message, 'Invalid filters nonsense are found in query options.')
  for (const [query, refusal] of [
    ['?limit=-1', 'limit param must be positive'], ['?limit=x', 'limit param must be an integer'], ['?limit=', 'limit param must be an integer'],
    ['?offset=-1', 'offset must be >= 0'], ['?offset=x', 'offset must be an integer'], ['?offset=2147483648', 'offset must be <= 2147483647'],
    ['?sort=name&sort_key=name', "The 'sort_key' and 'sort_dir' parameters are deprecated and cannot be used with the 'sort' parameter."],
    ['?page_reverse=true', 'Invalid filters page_reverse are found in query options.'], ['?glance_metadata=%7B%7D', 'Invalid filters glance_metadata are found in query options.'],
  ] as const) assert.equal((await list(query)).badRequest.message, refusal, query)
  assert.deepEqual(await names(`?glance_metadata=${encodeURIComponent("{'a': 'b'}")}`, '3.30'), [])
  assert.deepEqual(await names('?page_reverse=true', '3.30'), ['c', 'b', 'a'])
  assert.equal((await demo.call('cinder', 'GET', '/v3/volumes?marker=00000000-0000-0000-0000-000000000000')).status, 404)
  for (const query of ['?sort=nothing', '?sort=name:up', '?bootable=perhaps', '?created_at=near:2016', '?metadata=x']) {
    assert.equal((await demo.call('cinder', 'GET', `/v3/volumes${query}`, undefined, at('3.70'))).status, 400, query)
  }
  assert.deepEqual(await list('/summary'), { 'volume-summary': { total_count: 3, total_size: 6, metadata: { k: ['v'], l: ['w'] } } })
  // A key that every object has broke the administrators' summary of all projects.
  await demo.call('cinder', 'POST', `/v3/volumes/${ids[1]}/metadata`, { metadata: { constructor: 'x' } })
  assert.deepEqual((await list('/summary?all_tenants=1', '3.70', admin))['volume-summary'].metadata, { constructor: ['x'], k: ['v'], l: ['w'] })
  assert.deepEqual(await list('/summary', '3.12'), { 'volume-summary': { total_count: 3, total_size: 6 } })
})

test('name, description and metadata can be changed', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const demo = await cloud.login('demo')
  const { id } = await readyVolume(demo, { name: 'old', metadata: { a: '1' } })
  const put = (volume: unknown, version = '3.70') => demo.call('cinder', 'PUT', `/v3/volumes/${id}`, { volume }, at(version))
  const changed = await put({ name: 'new', description: 'said', metadata: { b: '2' } })
  assert.deepEqual([changed.status, changed.body.volume.name, changed.body.volume.description, changed.body.volume.metadata], [200, 'new', 'said', { b: '2' }])
  assert.equal((await put({}, '3.53')).status, 400)
  assert.equal((await put({}, '3.52')).status, 200)
  assert.equal((await put({ size: 4 })).status, 400)

  const meta = (method: string, path: string, body?: unknown, headers = {}) => demo.call('cinder', method, `/v3/volumes/${id}/metadata${path}`, body, { ...at('3.70'), ...headers })
  const seen = await meta('GET', '')
  assert.deepEqual((await meta('POST', '', { metadata: { c: '3' } })).body, { metadata: { b: '2', c: '3' } })
  assert.equal(seen.headers['etag'], createHash('md5').update(JSON.stringify(seen.body)).digest('hex'))
  for (const [path, body] of [['', { metadata: {} }], ['/b', { meta: { b: '4' } }]] as const) {
    const late = await meta('PUT', path, body, { 'if-match': seen.headers['etag'] })
    assert.deepEqual([late.status, late.body], [412, ''], path)
  }
  assert.deepEqual((await meta('PUT', '/b', { meta: { b: '4' } })).body, { meta: { b: '4' } })
  assert.equal((await meta('PUT', '/b', { meta: { c: '4' } })).status, 400)
  assert.deepEqual((await meta('GET', '/b')).body, { meta: { b: '4' } })
  assert.equal((await meta('DELETE', '/b')).status, 200)
  assert.equal((await meta('GET', '/b')).status, 404)
  assert.equal((await meta('DELETE', '/b')).status, 404)
  assert.deepEqual((await meta('PUT', '', { metadata: { z: '' } })).body, { metadata: { z: '' } })
  assert.deepEqual((await meta('GET', '')).body, { metadata: { z: '' } })
})

test('a volume of a source that is not there is not found, of another volume it is refused', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const [demo, stranger] = [await cloud.login('demo'), await cloud.login('stranger')]
  const post = (volume: Record<string, unknown>, who = demo) => who.call('cinder', 'POST', '/v3/volumes', { volume: { size: 1, ...volume } }, at('3.70'))
  const nothing = '8f1ba4ee-7fb6-4b4c-9f4b-9a4f3c9d7a11'
  const unknown = await post({ snapshot_id: nothing })
  assert.deepEqual([unknown.status, unknown.body], [404, { itemNotFound: { code: 404, message: `Snapshot ${nothing} could not be found.` } }])
  for (const source of ['snapshot_id', 'source_volid', 'backup_id', 'consistencygroup_id']) for (const id of ['x', '']) assert.equal((await post({ [source]: id })).status, 400, source)
  for (const source of ['source_volid', 'backup_id', 'group_id', 'consistencygroup_id']) assert.equal((await post({ [source]: nothing })).status, 404, source)
  const { id } = await readyVolume(demo)
  assert.deepEqual([(await post({ source_volid: id })).status, (await post({ source_volid: id }, stranger)).status], [400, 404])
  assert.equal((await post({ snapshot_id: null, source_volid: null })).status, 202)
})

test('a path that ends in a slash names a volume without an id, not all volumes', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const demo = await cloud.login('demo')
  for (const method of ['GET', 'DELETE', 'PUT']) {
    assert.equal((await demo.call('cinder', method, '/v3/volumes/', method === 'PUT' ? { volume: { name: 'n' } } : undefined)).status, 404, method)
  }
})

test('bad requests are refused in words', async (t) => {
  const cloud = await startCloud(t, ['cinder'])
  const demo = await cloud.login('demo')
  const post = (body: unknown, version = '3.70') => demo.call('cinder', 'POST', '/v3/volumes', body, at(version))
  for (const volume of [
    {}, { size: 0 }, { size: -1 }, { size: 'many' }, { size: 1.5 }, { size: 1e12 }, { size: null }, { size: 1, name: 'x'.repeat(256) }, { size: 1, metadata: { k: 'v'.repeat(256) } },
    { size: 1, metadata: { ['k'.repeat(256)]: 'v' } }, { size: 1, metadata: Object.fromEntries(Array.from({ length: 129 }, (_, at_) => [`k${at_}`, 'v'])) },
    { size: 1, availability_zone: 'mars' }, { size: 1, unknown: 1 }, { size: 1, multiattach: true },
    { size: 1, metadata: 'x' }, { size: 1, imageRef: 'nonsense' },
  ]) {
    const reply = await post({ volume })
    assert.equal(reply.status, 400, JSON.stringify(volume).slice(0, 100))
    assert.equal(typeof reply.body.badRequest.message, 'string')
  }
  assert.equal((await post({ volume: { size: 1, unknown: 1 } }, '3.52')).status, 202)
  assert.equal((await post({ volume: { size: '2' } })).status, 202)
  assert.equal((await post({ volume: { size: 1, volume_type: 'nope' } })).status, 404)
  assert.equal((await post('{"volume": ')).status, 400)
  assert.equal((await post({})).status, 400)
  assert.equal((await demo.call('cinder', 'GET', '/v3/volumes/not-a-uuid')).status, 404)
  assert.equal((await demo.call('cinder', 'GET', '/v3/snapshots')).status, 404)
  assert.equal((await demo.call('cinder', 'PATCH', '/v3/volumes')).status, 405)
})
