import assert from 'node:assert/strict'
import { test } from 'node:test'
import { demo, demoProject, startIdentity, tokenOf } from './identity.ts'

test('discovery needs no token', async (t) => {
  const { cloud } = await startIdentity(t)
  const version = {
    id: 'v3.14', status: 'stable', updated: '2020-04-07T00:00:00Z', links: [{ rel: 'self', href: 'http://127.0.0.1:5000/v3/' }],
    'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.identity-v3+json' }],
  }
  const root = await cloud.call('keystone', 'GET', '/')
  assert.deepEqual([root.status, root.body], [300, { versions: { values: [version] } }])
  for (const path of ['/v3', '/v3/']) assert.deepEqual((await cloud.call('keystone', 'GET', path)).body, { version })
  assert.equal((await cloud.call('keystone', 'GET', '/v2.0/tenants')).status, 401)
  const unknown = await cloud.call('keystone', 'GET', '/v3/nothing')
  assert.deepEqual([unknown.status, unknown.headers['www-authenticate']], [401, 'Keystone uri="http://127.0.0.1:5000/v3"'])
})

test('services and endpoints come and go, and the catalog of old tokens follows', async (t) => {
  const { admin, as, make, password, show } = await startIdentity(t)
  const token = tokenOf(await password(demo, demoProject))
  const projectId = (await show(token)).body.token.project.id
  const service = await make('services', 'service', { type: 'object-store', name: 'swift', description: 'objects', owner: 'ops' })
  assert.deepEqual(service, { owner: 'ops', id: service.id, type: 'object-store', enabled: true, name: 'swift', description: 'objects', links: { self: `http://127.0.0.1:5000/v3/services/${service.id}` } })
  const endpoint = await make('endpoints', 'endpoint', { service_id: service.id, interface: 'public', region_id: 'RegionOne', url: 'http://objects.example.org/v1/AUTH_%(tenant_id)s' })
  const entries = async () => (await as(token, 'GET', '/v3/auth/catalog')).body.catalog.filter((each: { type: string }) => each.type === 'object-store')
  assert.deepEqual(await entries(), [{
    id: service.id, type: 'object-store', name: 'swift',
    endpoints: [{ id: endpoint.id, interface: 'public', region_id: 'RegionOne', region: 'RegionOne', url: `http://objects.example.org/v1/AUTH_${projectId}` }],
  }])
  assert.deepEqual((await show(token)).body.token.catalog.find((each: { type: string }) => each.type === 'object-store'), (await entries())[0])
  await as(admin.token, 'PATCH', `/v3/endpoints/${endpoint.id}`, { endpoint: { enabled: false } })
  assert.deepEqual((await entries())[0].endpoints, [])
  await as(admin.token, 'PATCH', `/v3/services/${service.id}`, { service: { enabled: false } })
  assert.deepEqual(await entries(), [])
  assert.equal((await as(admin.token, 'DELETE', `/v3/services/${service.id}`)).status, 204)
  assert.equal((await as(admin.token, 'GET', `/v3/endpoints/${endpoint.id}`)).status, 404)
})

test('an endpoint may hold a few placeholders and no other (CVE-2014-3621)', async (t) => {
  const { admin, as, make } = await startIdentity(t)
  const service = await make('services', 'service', { type: 'x' })
  const add = async (more: object) => (await as(admin.token, 'POST', '/v3/endpoints', { endpoint: { service_id: service.id, interface: 'public', url: 'http://x', ...more } })).status
  for (const url of ['http://x/$(project_id)s', 'http://x/$(tenant_id)s', 'http://x/%(tenant_id)s/%(user_id)s', 'ipc:foo', `http://${'x'.repeat(218)}`]) assert.equal(await add({ url }), 201, url)
  for (const url of ['http://x/$(admin_token)s', 'http://x/%(password)s', 'http://x/$(__class__)s', 'http://x/$(tenant_id', 'http://x/%(constructor)s', 'not a url', '', `http://${'x'.repeat(219)}`]) assert.equal(await add({ url }), 400, url)
  assert.deepEqual([await add({ interface: 'secret' }), await add({ service_id: 'unknown' }), await add({ region_id: 'unknown' }), await add({ region: 'made-on-the-way' })], [400, 400, 400, 201])
  assert.equal((await as(admin.token, 'GET', '/v3/regions/made-on-the-way')).status, 200)
  const listed = await as(admin.token, 'GET', `/v3/endpoints?service_id=${service.id}&region=made-on-the-way`)
  assert.equal(listed.body.endpoints.length, 1)
})

test('regions form a tree, and go when no endpoint is there', async (t) => {
  const { admin, as, make } = await startIdentity(t)
  assert.deepEqual(await make('regions', 'region', { id: 'north' }), { id: 'north', description: '', parent_region_id: null, links: { self: 'http://127.0.0.1:5000/v3/regions/north' } })
  const call = async (method: string, path: string, region?: unknown) => (await as(admin.token, method, `/v3/regions${path}`, region === undefined ? undefined : { region })).status
  assert.equal(await call('PUT', '/far%20north', { parent_region_id: 'north' }), 201)
  assert.equal(await call('POST', '', { id: 'north' }), 409)
  assert.equal(await call('POST', '', { parent_region_id: 'nowhere' }), 404)
  const circle = await as(admin.token, 'PATCH', '/v3/regions/north', { region: { parent_region_id: 'far north' } })
  assert.deepEqual([circle.status, circle.body.error.message], [400, 'The specified parent region far north would create a circular region hierarchy.'])
  assert.deepEqual((await as(admin.token, 'GET', '/v3/regions?parent_region_id=north')).body.regions.map((each: { id: string }) => each.id), ['far north'])
  assert.deepEqual([await call('DELETE', '/RegionOne'), await call('DELETE', '/north'), await call('GET', '/far%20north')], [403, 204, 404])
})
