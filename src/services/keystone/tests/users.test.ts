import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startIdentity, tokenOf } from './identity.ts'

test('users are made, shown, changed and deleted, and never show a password', async (t) => {
  const { admin, as, later, password } = await startIdentity(t, { config: { keystone: { password_expires_days: 1 } } })
  const made = await as(admin.token, 'POST', '/v3/users', { user: { name: 'ann', password: 'ann-secret', email: 'ann@example.org', description: 'somebody', options: { lock_password: true } } })
  const { id, password_expires_at: expires } = made.body.user
  const expected = {
    email: 'ann@example.org', id, name: 'ann', domain_id: 'default', enabled: true, description: 'somebody', password_expires_at: expires,
    options: { lock_password: true }, links: { self: `http://127.0.0.1:5000/v3/users/${id}` },
  }
  assert.deepEqual([made.status, made.body], [201, { user: expected }])
  assert.match(expires, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/)
  const { options: _options, ...rest } = expected
  const changed = await as(admin.token, 'PATCH', `/v3/users/${id}`, { user: { name: 'anna', options: { lock_password: null, ignore_password_expiry: true } } })
  assert.deepEqual(changed.body, { user: { ...rest, name: 'anna', options: { ignore_password_expiry: true } } })
  for (const user of [{}, { name: 'x', enabled: 'true' }, { name: 'x', password: 'x'.repeat(4097) }, { name: 'x', options: { multi_factor_auth_enabled: true } }, { name: 'x', default_project_id: 'default' }]) {
    assert.equal((await as(admin.token, 'POST', '/v3/users', { user })).status, 400, JSON.stringify(user).slice(0, 80))
  }
  assert.equal((await as(admin.token, 'POST', '/v3/users', { user: { name: 'anna' } })).status, 409)
  assert.equal((await as(admin.token, 'PATCH', `/v3/users/${id}`, { user: { domain_id: 'elsewhere' } })).status, 400)

  const logIn = () => password({ id, password: 'ann-secret' }).then(({ status }) => status)
  const list = async (query: string) => (await as(admin.token, 'GET', `/v3/users?${query}`)).body.users.map((user: { name: string }) => user.name)
  const far = new Date(Date.now() + 5 * 86_400_000).toISOString()
  assert.deepEqual(await list(`password_expires_at=lt:${far}`), ['anna'])
  assert.deepEqual(await list(`password_expires_at=gt:${far}`), [])
  const refused = async (filter: string) => (await as(admin.token, 'GET', `/v3/users?password_expires_at=${filter}`)).body.error.message
  assert.equal(await refused('foo:2020'), "The given operator foo is not valid. It must be one of the following: 'eq', 'neq', 'lt', 'lte', 'gt', or 'gte'.")
  for (const filter of ['lt:soon', 'soon', 'unknown:2020', 'lt:2020-13-01']) {
    assert.equal(await refused(filter), 'Timestamp not in expected format. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.')
  }
  const [day] = expires.split('T')
  assert.deepEqual([await list(`password_expires_at=gt:${day}`), await list(`password_expires_at=lt:${day}T00:00:00`), await list('password_expires_at=neq:2020-01-01%2000:00:00Z')], [['anna'], [], ['anna']])
  later(90_000)
  assert.equal(await logIn(), 201, 'its option lets it')
  const again = tokenOf(await password({ name: 'admin', domain: { id: 'default' }, password: 'admin-secret' }))
  await as(again, 'PATCH', `/v3/users/${id}`, { user: { options: { ignore_password_expiry: false } } })
  assert.equal(await logIn(), 401)
  assert.equal((await as('', 'POST', `/v3/users/${id}/password`, { user: { original_password: 'ann-secret', password: 'new-secret' } })).status, 204, 'an expired password can be changed')
  assert.equal((await password({ id, password: 'new-secret' })).status, 201)
  assert.equal((await as(again, 'DELETE', `/v3/users/${id}`)).status, 204)
  assert.equal((await as(again, 'GET', `/v3/users/${id}`)).status, 404)
})

test('passwords longer than bcrypt reads are told apart to their end', async (t) => {
  const { make, password } = await startIdentity(t)
  const long = 'é'.repeat(100)
  const user = await make('users', 'user', { name: 'ann', password: `${long}1` })
  assert.equal((await password({ id: user.id, password: `${long}1` })).status, 201)
  assert.equal((await password({ id: user.id, password: `${long}2` })).status, 401)
})

test('a password with a character that some stores cut off is refused, and no user is made', async (t) => {
  const { admin, as } = await startIdentity(t)
  const refused = await as(admin.token, 'POST', '/v3/users', { user: { name: 'nul', password: 'a\0b' } })
  assert.equal(refused.status, 400)
  assert.deepEqual((await as(admin.token, 'GET', '/v3/users?name=nul')).body.users, [])
})

test('groups have members', async (t) => {
  const { admin, as, make } = await startIdentity(t)
  const group = await make('groups', 'group', { name: 'crew', description: 'all hands' })
  assert.deepEqual(group, { id: group.id, name: 'crew', domain_id: 'default', description: 'all hands', links: { self: `http://127.0.0.1:5000/v3/groups/${group.id}` } })
  const user = await make('users', 'user', { name: 'ann' })
  const membership = `/v3/groups/${group.id}/users/${user.id}`
  const call = async (method: string, path: string) => (await as(admin.token, method, path)).status
  assert.deepEqual([await call('HEAD', membership), await call('PUT', membership), await call('PUT', membership), await call('GET', membership)], [404, 204, 204, 204])
  assert.deepEqual((await as(admin.token, 'GET', `/v3/groups/${group.id}/users`)).body.users.map((each: { name: string }) => each.name), ['ann'])
  assert.deepEqual((await as(admin.token, 'GET', `/v3/users/${user.id}/groups`)).body.groups.map((each: { name: string }) => each.name), ['crew'])
  assert.deepEqual([await call('DELETE', membership), await call('DELETE', membership), await call('PUT', `/v3/groups/${group.id}/users/nobody`)], [204, 404, 404])
  assert.equal((await as(admin.token, 'PATCH', `/v3/groups/${group.id}`, { group: { name: 'sailors' } })).body.group.name, 'sailors')
  assert.equal((await as(admin.token, 'POST', '/v3/groups', { group: { name: 'sailors' } })).status, 409)
  assert.deepEqual([await call('DELETE', `/v3/groups/${group.id}`), await call('GET', `/v3/groups/${group.id}`)], [204, 404])
})

test('no secret is ever written to the log (CVE-2015-3646 and its kind)', async (t) => {
  const lines: string[] = []
  const log = { debug: note, info: note, warn: note, error: note, child: () => log }
  function note(fields: object, message: string) {
    lines.push(JSON.stringify(fields, (_key, value: unknown) => (value instanceof Error ? `${value.message} ${value.stack}` : value)) + message)
  }
  const { cloud, admin, as, make, password, withToken } = await startIdentity(t, { capabilities: { log } })
  const user = await make('users', 'user', { name: 'ann', password: 'the-first-secret' })
  const token = tokenOf(await password({ id: user.id, password: 'the-first-secret' }))
  await withToken(token)
  await password({ id: user.id, password: 'a-wrong-secret' })
  await as(admin.token, 'GET', '/v3/auth/tokens', undefined, { 'x-subject-token': token })
  await cloud.call('keystone', 'POST', `/v3/users/${user.id}/password`, { user: { original_password: 'the-first-secret', password: 'the-second-secret' } })
  const faults = [
    await as(admin.token, 'POST', '/v3/users', { user: { name: 'x', password: ['the-third-secret'] } }),
    await as(admin.token, 'PATCH', `/v3/users/${user.id}`, { user: { password: { nested: 'the-third-secret' } } }),
  ]
  for (const { status, body } of faults) {
    assert.equal(status, 400)
    assert.doesNotMatch(JSON.stringify(body), /third-secret/)
  }
  assert.ok(lines.length > 8)
  const all = lines.join('\n')
  for (const secret of [token, admin.token, 'the-first-secret', 'the-second-secret', 'the-third-secret', 'a-wrong-secret', 'admin-secret', 'nova-ssss']) assert.equal(all.includes(secret), false, secret)
})
