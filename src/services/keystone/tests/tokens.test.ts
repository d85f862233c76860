import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { demo, demoProject, startIdentity, tokenOf } from './identity.ts'

describe('a log-in', () => {
  test('with a password for a project answers with roles and catalog', async (t) => {
    const { password } = await startIdentity(t)
    const { status, body, headers } = await password(demo, demoProject)
    assert.equal(status, 201)
    const { token } = body
    assert.deepEqual(token.methods, ['password'])
    assert.deepEqual(token.user, { domain: { id: 'default', name: 'Default' }, id: token.user.id, name: 'demo', password_expires_at: null })
    assert.deepEqual(token.project, { domain: { id: 'default', name: 'Default' }, id: token.project.id, name: 'demo' })
    assert.deepEqual(token.roles.map((role: { name: string }) => role.name), ['member', 'reader'])
    assert.deepEqual(token.catalog.map((service: { type: string }) => service.type), ['block-storage', 'compute', 'identity', 'image', 'network', 'nimbo', 'placement', 'volumev3'])
    const volume = token.catalog.find((service: { type: string }) => service.type === 'volumev3')
    assert.deepEqual(volume.endpoints.map((endpoint: { interface: string }) => endpoint.interface), ['admin', 'internal', 'public'])
    assert.match(volume.endpoints[0].url, new RegExp(`/v3/${token.project.id}$`))
    assert.match(token.expires_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000000Z$/)
    assert.ok((headers['x-subject-token'] ?? '').startsWith('gAAAAA'))
    assert.ok((headers['x-subject-token'] ?? '').length < 255)
    assert.equal(headers['vary'], 'X-Auth-Token')
  })

  test('takes user, domain and project by id or by name, and leaves the catalog out when asked', async (t) => {
    const { cloud, password } = await startIdentity(t)
    const { userId, projectId } = await cloud.login('demo')
    for (const user of [{ id: userId }, { name: 'demo', domain: { id: 'default' } }, { name: 'demo', domain: { name: 'Default' } }]) {
      for (const project of [{ id: projectId }, { name: 'demo', domain: { name: 'Default' } }]) {
        assert.equal((await password({ ...user, password: 'demo-secret' }, { project })).body.token.project.id, projectId)
      }
    }
    const bare = await cloud.call('keystone', 'POST', '/v3/auth/tokens?nocatalog', { auth: { identity: { methods: ['password'], password: { user: demo } }, scope: demoProject } })
    assert.equal('catalog' in bare.body.token, false)
  })

  test('without a scope is for the default project where that may be used, else for none', async (t) => {
    const { password, make, show, withToken } = await startIdentity(t)
    assert.equal((await password(demo)).body.token.project.name, 'demo')
    const unscoped = await password(demo, 'unscoped')
    assert.equal('project' in unscoped.body.token || 'roles' in unscoped.body.token || 'catalog' in unscoped.body.token, false)
    assert.equal('project' in (await password(demo, { unscoped: {} })).body.token, false)
    assert.equal((await withToken(tokenOf(unscoped), demoProject)).body.token.project.name, 'demo')
    const rescoped = await withToken(tokenOf(unscoped))
    assert.deepEqual([rescoped.body.token.project.name, rescoped.body.token.methods], ['demo', ['password', 'token']], 'also with a token')
    assert.equal('project' in (await withToken(tokenOf(unscoped), 'unscoped')).body.token, false)
    const { project } = await make('projects', 'project', { name: 'nobodys' }).then((made) => ({ project: made }))
    await make('users', 'user', { name: 'homeless', password: 'homeless-secret', default_project_id: project.id })
    const homeless = await password({ name: 'homeless', domain: { id: 'default' }, password: 'homeless-secret' })
    assert.equal('project' in homeless.body.token, false)
    assert.equal('project' in (await withToken(tokenOf(homeless))).body.token, false)
    assert.equal((await show(tokenOf(homeless))).status, 200)
  })

  test('is for the system or a domain where a role is held there', async (t) => {
    const { admin, as, password, roleId, cloud } = await startIdentity(t)
    const administrator = { name: 'admin', domain: { id: 'default' }, password: 'admin-secret' }
    const system = await password(administrator, { system: { all: true } })
    assert.deepEqual(system.body.token.system, { all: true })
    assert.equal((await password(demo, { system: { all: true } })).status, 401)
    assert.equal((await password(demo, { domain: { id: 'default' } })).status, 401)
    const { userId } = await cloud.login('demo')
    assert.equal((await as(admin.token, 'PUT', `/v3/domains/default/users/${userId}/roles/${await roleId('reader')}`)).status, 204)
    const domain = await password(demo, { domain: { name: 'Default' } })
    assert.deepEqual(domain.body.token.domain, { id: 'default', name: 'Default' })
    assert.equal(domain.body.token.catalog.some((service: { type: string; endpoints: unknown[] }) => service.type === 'volumev3' && service.endpoints.length > 0), false)
    assert.deepEqual((await as(tokenOf(domain), 'GET', '/v3/auth/system')).body.system, [])
    assert.deepEqual((await as(admin.token, 'GET', '/v3/auth/system')).body.system, [{ all: true }])
    assert.deepEqual((await as(tokenOf(domain), 'GET', '/v3/auth/domains')).body.domains.map((each: { id: string }) => each.id), ['default'])
    assert.deepEqual((await as(tokenOf(domain), 'GET', '/v3/auth/projects')).body.projects.map((each: { name: string }) => each.name), ['demo'])
    const none = await as(tokenOf(domain), 'GET', '/v3/auth/catalog')
    assert.deepEqual([none.status, none.body.error.message], [403, 'You are not authorized to perform the requested action.'])
  })

  test('for what its user may not use says no more than one for what is not there', async (t) => {
    const { password } = await startIdentity(t)
    const named = (name: string) => ({ name, domain: { id: 'default' } })
    const scopes = [{ project: named('admin') }, { project: named('no-such-project') }, { project: { id: 'no-such-id' } }, { domain: { id: 'default' } }, { domain: { id: 'nowhere' } }, { system: { all: true } }]
    for (const scope of scopes) {
      const { status, body } = await password(demo, scope)
      assert.deepEqual([status, body.error], [401, { code: 401, title: 'Unauthorized', message: 'The request you have made requires authentication.' }])
    }
  })

  test('that fails answers the same for an unknown user, a wrong password, a disabled or a locked one (CVE-2021-38155)', async (t) => {
    const { as, admin, make, password } = await startIdentity(t, { config: { keystone: { lockout_failure_attempts: 2 } } })
    const user = async (name: string) => make('users', 'user', { name, password: `${name}-secret` })
    const [, off] = [await user('locked'), await user('off')]
    await as(admin.token, 'PATCH', `/v3/users/${off.id}`, { user: { enabled: false } })
    const attempt = (name: string, secret: string) => password({ name, domain: { id: 'default' }, password: secret })
    for (let times = 0; times < 3; times++) await attempt('locked', 'wrong')
    const answers = await Promise.all([
      password({ name: 'demo', domain: { id: 'default' } }), attempt('nobody', 'x'), attempt('demo', 'wrong'), attempt('off', 'off-secret'), attempt('locked', 'locked-secret'),
      password({ name: 'demo', domain: { id: 'nowhere' }, password: 'demo-secret' }), attempt('demo', ''), attempt('demo', 'x'.repeat(5000)),
    ])
    for (const { status, body } of answers) {
      assert.deepEqual({ status, body }, { status: 401, body: { error: { code: 401, title: 'Unauthorized', message: 'The request you have made requires authentication.' } } })
    }
  })

  test('ends a lock after its time', async (t) => {
    const { later, make, password } = await startIdentity(t, { config: { keystone: { lockout_failure_attempts: 1, lockout_duration: 60 } } })
    await make('users', 'user', { name: 'ann', password: 'ann-secret' })
    const ann = { name: 'ann', domain: { id: 'default' } }
    await password({ ...ann, password: 'wrong' })
    assert.equal((await password({ ...ann, password: 'ann-secret' })).status, 401)
    later(61)
    assert.equal((await password({ ...ann, password: 'ann-secret' })).status, 201)
  })

  test('by a method that there is not is told which there are', async (t) => {
    const { cloud } = await startIdentity(t)
    const attempt = (identity: unknown) => cloud.call('keystone', 'POST', '/v3/auth/tokens', { auth: { identity } }).then(({ status, body }) => [status, body.error])
    assert.deepEqual(await attempt({ methods: ['magic'], magic: {} }), [
      401, { code: 401, title: 'Unauthorized', message: 'Attempted to authenticate with an unsupported method.', identity: { methods: ['password', 'token'] } },
    ])
    const lacking = 'Expecting to find magic in identity. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.'
    assert.deepEqual(await attempt({ methods: ['magic'] }), [400, { code: 400, title: 'Bad Request', message: lacking }])
  })

  test('by two methods is one only when both prove the same user', async (t) => {
    const { cloud } = await startIdentity(t)
    const attempt = async (token: string) => (await cloud.call('keystone', 'POST', '/v3/auth/tokens', {
      auth: { identity: { methods: ['password', 'token'], password: { user: demo }, token: { id: token } }, scope: demoProject },
    }))
    const [mine, others] = [await cloud.login('demo'), await cloud.login('admin')]
    const answer = await attempt(mine.token)
    assert.deepEqual([answer.status, answer.body.token.methods], [201, ['password', 'token']])
    assert.equal((await attempt(others.token)).status, 401)
  })

  test('is refused before any work when it is malformed (CVE-2014-2828)', async (t) => {
    const { cloud } = await startIdentity(t)
    const attempt = async (auth: unknown) => (await cloud.call('keystone', 'POST', '/v3/auth/tokens', { auth })).status
    const password = { user: demo }
    assert.equal(await attempt({ identity: { methods: Array.from({ length: 1000 }, () => 'password'), password } }), 400)
    assert.equal(await attempt({ identity: { methods: [], password } }), 400)
    assert.equal(await attempt({ identity: { methods: ['password'] } }), 400)
    assert.equal(await attempt({ identity: { methods: ['password'], password: { user: { name: 'demo', password: 'x' } } } }), 400)
    assert.equal(await attempt({ identity: { methods: ['password'], password }, scope: { project: { name: 'demo' } } }), 400)
    assert.equal(await attempt({ identity: { methods: ['password'], password }, scope: { project: { id: 'x' }, domain: { id: 'y' } } }), 400)
    assert.equal(await attempt({ identity: { methods: ['password'], password }, scope: { project: { id: 'x' } } }), 401)
    assert.equal(await attempt({}), 400)
    const twice = await cloud.call('keystone', 'POST', '/v3/auth/tokens', { auth: { identity: { methods: ['password', 'password'], password }, scope: demoProject } })
    assert.deepEqual(twice.body.token.methods, ['password'])
  })
})

describe('a token', () => {
  test('is shown to its owner, an administrator and a service, and to nobody else', async (t) => {
    const { cloud, password, as } = await startIdentity(t)
    const [mine, other, admin] = [await cloud.login('demo'), await cloud.login('reader'), await cloud.login('admin')]
    const service = tokenOf(await password({ name: 'nova', domain: { id: 'default' }, password: `nova-${'s'.repeat(32)}` }, { project: { name: 'service', domain: { id: 'default' } } }))
    const ask = (asker: string, method = 'GET') => as(asker, method, '/v3/auth/tokens', undefined, { 'x-subject-token': mine.token })
    for (const asker of [mine.token, admin.token, service]) assert.equal((await ask(asker)).body.token.user.name, 'demo')
    assert.equal((await ask(other.token)).status, 403)
    assert.deepEqual(await ask(mine.token, 'HEAD').then(({ status, body }) => ({ status, body })), { status: 200, body: '' })
    assert.equal((await ask(other.token, 'DELETE')).status, 403)
    assert.equal((await ask('nonsense')).status, 401)
  })

  test('that its owner revoked is not found, also by the owner', async (t) => {
    const { cloud, password, as } = await startIdentity(t)
    const mine = await cloud.login('demo')
    const token = tokenOf(await password(demo, 'unscoped'))
    const ask = async (method: string, headers: Record<string, string> = { 'x-subject-token': token }) => (await as(mine.token, method, '/v3/auth/tokens', undefined, headers)).status
    assert.deepEqual([await ask('HEAD'), await ask('DELETE')], [200, 204])
    assert.deepEqual([await ask('HEAD'), await ask('GET'), await ask('DELETE')], [404, 404, 404])
    assert.equal(await ask('GET', {}), 403, 'who asks about nothing')
  })

  test('that is forged, altered or cut short is not found, also by a log-in, and nobody can ask with it', async (t) => {
    const { admin, as, show, withToken } = await startIdentity(t)
    const { token } = admin
    for (const bad of [`${token}x`, token.slice(0, -2), token.slice(0, 40) + (token[40] === 'A' ? 'B' : 'A') + token.slice(41), 'gAAAAA', 'x'.repeat(5000), '../../etc/passwd']) {
      assert.equal((await show(bad)).status, 404)
      assert.equal((await as(bad, 'GET', '/v3/auth/projects')).status, 401)
      const { status, body } = await withToken(bad)
      assert.deepEqual([status, body], [404, { error: { code: 404, title: 'Not Found', message: 'Failed to validate token' } }], 'nor can it be exchanged')
    }
    assert.equal((await as(token, 'GET', '/v3/auth/tokens')).status, 404)
  })

  test('made from another ends when that one does, and goes when the first one goes (CVE-2012-5563)', async (t) => {
    const { cloud, later, password, withToken, show, as } = await startIdentity(t)
    const first = await password(demo, 'unscoped')
    later(600)
    const second = await withToken(tokenOf(first), demoProject)
    const third = await withToken(tokenOf(second), demoProject)
    assert.equal(second.body.token.expires_at, first.body.token.expires_at)
    assert.equal(third.body.token.expires_at, first.body.token.expires_at)
    assert.deepEqual(third.body.token.methods, ['password', 'token'])
    assert.equal(third.body.token.audit_ids.length, 2)
    assert.equal(third.body.token.audit_ids[1], first.body.token.audit_ids[0])
    const revoked = await as(tokenOf(second), 'DELETE', '/v3/auth/tokens', undefined, { 'x-subject-token': tokenOf(second) })
    assert.equal(revoked.status, 204)
    assert.equal((await show(tokenOf(second))).status, 404)
    assert.equal((await show(tokenOf(first))).status, 200)
    await as(tokenOf(first), 'DELETE', '/v3/auth/tokens', undefined, { 'x-subject-token': tokenOf(first) })
    for (const gone of [first, third]) assert.deepEqual([(await show(tokenOf(gone))).status, (await withToken(tokenOf(gone))).status], [404, 404])
    const fresh = await cloud.login('demo')
    assert.equal((await show(fresh.token)).status, 200)
  })

  test('ends after its time; a service may look it up for a while longer', async (t) => {
    const { later, password, as, withToken } = await startIdentity(t)
    const old = tokenOf(await password(demo, demoProject))
    later(3601)
    const admin = tokenOf(await password({ name: 'admin', domain: { id: 'default' }, password: 'admin-secret' }))
    const nova = () => password({ name: 'nova', domain: { id: 'default' }, password: `nova-${'s'.repeat(32)}` }).then(tokenOf)
    const ask = async (asker: string, query = '') => (await as(asker, 'GET', `/v3/auth/tokens${query}`, undefined, { 'x-subject-token': old })).status
    assert.equal(await ask(admin), 404)
    assert.equal(await ask(admin, '?allow_expired=1'), 404)
    assert.equal(await ask(await nova()), 404)
    assert.equal(await ask(await nova(), '?allow_expired=1'), 200)
    assert.equal((await as(old, 'GET', '/v3/auth/projects')).status, 401)
    assert.equal((await withToken(old)).status, 404)
    assert.equal((await as(old, 'GET', '/v3/auth/projects', undefined, { 'x-service-token': await nova() })).status, 200)
    later(172_800)
    assert.equal(await ask(await nova(), '?allow_expired=1'), 404)
  })

  test('of another cloud, with keys of its own, is worth nothing here', async (t) => {
    const [here, there] = [await startIdentity(t), await startIdentity(t)]
    assert.equal((await here.show(there.admin.token)).status, 404)
  })

  test('stays valid over a restart', async (t) => {
    const { cloud, admin } = await startIdentity(t)
    const again = await cloud.restart()
    assert.equal((await again.call('keystone', 'GET', '/v3/auth/tokens', undefined, { 'x-auth-token': admin.token, 'x-subject-token': admin.token })).status, 200)
  })
})

describe('a delegated token', () => {
  const delegate = (user: string, project: string) => ({ auth: { identity: { methods: ['delegation'], delegation: { user: { id: user } } }, scope: { project: { id: project } } } })

  test('is given to a service for a user with the roles of now, for a short time', async (t) => {
    const { cloud, admin, as, later, show, password } = await startIdentity(t)
    const nova = tokenOf(await password({ name: 'nova', domain: { id: 'default' }, password: `nova-${'s'.repeat(32)}` }))
    const member = await cloud.login('member')
    const ask = (caller: string) => as(caller, 'POST', '/v3/auth/tokens', delegate(member.userId, member.projectId))
    const { status, body, headers } = await ask(nova)
    assert.equal(status, 201)
    assert.deepEqual([body.token.user.name, body.token.project.name, body.token.methods], ['member', 'demo', ['delegation']])
    assert.ok(Date.parse(body.token.expires_at) - Date.parse(body.token.issued_at) <= 1_800_000)
    const token = headers['x-subject-token'] ?? ''
    assert.equal((await show(token)).status, 200)

    assert.equal((await ask(admin.token)).status, 403, 'an administrator is no service')
    assert.equal((await ask(member.token)).status, 403)
    assert.equal((await ask('')).status, 401)
    const exchange = { auth: { identity: { methods: ['token'], token: { id: token } } } }
    assert.equal((await cloud.call('keystone', 'POST', '/v3/auth/tokens', exchange)).status, 403, 'it leads to no other token')
    const outside = delegate(member.userId, admin.projectId)
    assert.equal((await as(nova, 'POST', '/v3/auth/tokens', outside)).status, 401, 'and to no project that is not theirs')

    await as(admin.token, 'PATCH', `/v3/users/${member.userId}`, { user: { enabled: false } })
    assert.equal((await ask(nova)).status, 401)
    assert.equal((await show(token)).status, 404)
    later(1)
  })
})

test('a person’s log-in waits under its audit id to become steps 1 and 2 of a boot', async (t) => {
  const { cloud, password } = await startIdentity(t)
  const { body } = await password(demo, demoProject)
  cloud.trace.begin({ traceId: 'boot', serverId: 'server', name: 'web', projectId: 'p', startedAt: 0, auditId: body.token.audit_ids[0] })
  assert.deepEqual((await cloud.trace.spans('boot')).map(({ step, outcome }) => [step, outcome]), [[1, 'done'], [2, 'done']])
})
