import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { type Identity, startIdentity, tokenOf } from './identity.ts'

/** A user with a role on a project, both in a domain of their own, and a token that works. */
async function somebody(t: TestContext): Promise<Identity & { user: any; project: any; domain: any; token: string; logIn: () => Promise<string>; worksWith: (token: string) => Promise<boolean> }> {
  const identity = await startIdentity(t)
  const { make, as, admin, roleId, password } = identity
  const domain = await make('domains', 'domain', { name: 'away' })
  const project = await make('projects', 'project', { name: 'work', domain_id: domain.id })
  const user = await make('users', 'user', { name: 'ann', domain_id: domain.id, password: 'ann-secret' })
  await as(admin.token, 'PUT', `/v3/projects/${project.id}/users/${user.id}/roles/${await roleId('member')}`)
  const logIn = async () => tokenOf(await password({ id: user.id, password: 'ann-secret' }, { project: { id: project.id } }))
  const worksWith = async (token: string) => (await as(token, 'GET', '/v3/auth/projects')).status === 200
  const token = await logIn()
  assert.equal(await worksWith(token), true)
  return { ...identity, user, project, domain, token, logIn, worksWith }
}

describe('a token stops at once', () => {
  test('when its user is disabled, and stays stopped when the user is enabled again', async (t) => {
    const { as, admin, user, token, worksWith, logIn } = await somebody(t)
    await as(admin.token, 'PATCH', `/v3/users/${user.id}`, { user: { enabled: false } })
    assert.equal(await worksWith(token), false)
    assert.equal(await logIn(), '')
    await as(admin.token, 'PATCH', `/v3/users/${user.id}`, { user: { enabled: true } })
    assert.equal(await worksWith(token), false)
    assert.equal(await worksWith(await logIn()), true, 'a new one works, in the same second too')
  })

  test('when its project is disabled or deleted', async (t) => {
    const { as, admin, project, token, worksWith, logIn } = await somebody(t)
    await as(admin.token, 'PATCH', `/v3/projects/${project.id}`, { project: { enabled: false } })
    assert.equal(await worksWith(token), false)
    await as(admin.token, 'PATCH', `/v3/projects/${project.id}`, { project: { enabled: true } })
    assert.equal(await worksWith(token), false)
    const next = await logIn()
    assert.equal(await worksWith(next), true)
    assert.equal((await as(admin.token, 'DELETE', `/v3/projects/${project.id}`)).status, 204)
    assert.equal(await worksWith(next), false)
  })

  test('when its domain is disabled', async (t) => {
    const { as, admin, domain, token, worksWith, logIn } = await somebody(t)
    await as(admin.token, 'PATCH', `/v3/domains/${domain.id}`, { domain: { enabled: false } })
    assert.equal(await worksWith(token), false)
    assert.equal(await logIn(), '')
    await as(admin.token, 'PATCH', `/v3/domains/${domain.id}`, { domain: { enabled: true } })
    assert.equal(await worksWith(token), false)
    assert.equal(await worksWith(await logIn()), true)
  })

  test('when the domain of its project is disabled, though its user is of another', async (t) => {
    const { as, admin, project, domain, make, roleId, password, worksWith } = await somebody(t)
    const user = await make('users', 'user', { name: 'bob', password: 'bob-secret' })
    await as(admin.token, 'PUT', `/v3/projects/${project.id}/users/${user.id}/roles/${await roleId('member')}`)
    const logIn = () => password({ id: user.id, password: 'bob-secret' }, { project: { id: project.id } })
    const token = tokenOf(await logIn())
    assert.equal(await worksWith(token), true)
    await as(admin.token, 'PATCH', `/v3/domains/${domain.id}`, { domain: { enabled: false } })
    assert.equal(await worksWith(token), false)
    assert.equal((await logIn()).status, 401)
  })

  test('when its user is deleted', async (t) => {
    const { as, admin, user, token, worksWith } = await somebody(t)
    await as(admin.token, 'DELETE', `/v3/users/${user.id}`)
    assert.equal(await worksWith(token), false)
    assert.deepEqual((await as(admin.token, 'GET', `/v3/role_assignments?user.id=${user.id}`)).body.role_assignments, [])
  })

  test('when its last role is taken; when one of several is, it loses that one', async (t) => {
    const { as, admin, user, project, token, worksWith, roleId, show } = await somebody(t)
    const path = `/v3/projects/${project.id}/users/${user.id}/roles`
    await as(admin.token, 'PUT', `${path}/${await roleId('manager')}`)
    const names = async () => (await show(token)).body.token.roles.map((role: { name: string }) => role.name)
    assert.deepEqual(await names(), ['manager', 'member', 'reader'])
    await as(admin.token, 'DELETE', `${path}/${await roleId('manager')}`)
    assert.deepEqual(await names(), ['member', 'reader'])
    await as(admin.token, 'DELETE', `${path}/${await roleId('member')}`)
    assert.equal(await worksWith(token), false)
  })

  test('when the role came by a group that the user has left, or that is deleted', async (t) => {
    const { as, admin, make, password, roleId, worksWith } = await somebody(t)
    const group = await make('groups', 'group', { name: 'crew', domain_id: 'default' })
    const bob = await make('users', 'user', { name: 'bob', domain_id: 'default', password: 'bob-secret' })
    const project = await make('projects', 'project', { name: 'ship', domain_id: 'default' })
    await as(admin.token, 'PUT', `/v3/projects/${project.id}/groups/${group.id}/roles/${await roleId('member')}`)
    const join = () => as(admin.token, 'PUT', `/v3/groups/${group.id}/users/${bob.id}`)
    const logIn = async () => tokenOf(await password({ id: bob.id, password: 'bob-secret' }, { project: { id: project.id } }))
    assert.equal(await logIn(), '')
    await join()
    const token = await logIn()
    assert.equal(await worksWith(token), true)
    await as(admin.token, 'DELETE', `/v3/groups/${group.id}/users/${bob.id}`)
    assert.equal(await worksWith(token), false)
    await join()
    assert.equal(await worksWith(token), true)
    await as(admin.token, 'DELETE', `/v3/groups/${group.id}`)
    assert.equal(await worksWith(token), false)
  })

  test('when the password changes, by its owner or by an administrator', async (t) => {
    const { cloud, as, admin, user, token, worksWith, password } = await somebody(t)
    const change = (original: string, next: string) => cloud.call('keystone', 'POST', `/v3/users/${user.id}/password`, { user: { original_password: original, password: next } })
    assert.equal((await change('wrong', 'next-secret')).status, 401)
    assert.equal(await worksWith(token), true)
    assert.equal((await change('ann-secret', 'next-secret')).status, 204)
    assert.equal(await worksWith(token), false)
    assert.equal((await password({ id: user.id, password: 'ann-secret' })).status, 401)
    const next = await password({ id: user.id, password: 'next-secret' })
    assert.equal(await worksWith(tokenOf(next)), true)
    await as(admin.token, 'PATCH', `/v3/users/${user.id}`, { user: { password: 'third-secret' } })
    assert.equal(await worksWith(tokenOf(next)), false)
    await as(admin.token, 'PATCH', `/v3/users/${user.id}`, { user: { options: { lock_password: true } } })
    const locked = await change('third-secret', 'x')
    assert.deepEqual([locked.status, locked.body.error.message], [
      400, 'You cannot change your password at this time due to password policy disallowing password changes. Please contact your administrator to reset your password.',
    ])
    assert.equal((await password({ id: user.id, password: 'third-secret' })).status, 201)
  })

  test('when its owner sets the same password again', async (t) => {
    const { cloud, user, token, worksWith, password } = await somebody(t)
    const more = await cloud.call('keystone', 'POST', `/v3/users/${user.id}/password`, { user: { original_password: 'ann-secret', password: 'new-secret', name: 'bob' } })
    assert.equal(more.status, 400, 'nothing else is changed along with it')
    const same = await cloud.call('keystone', 'POST', `/v3/users/${user.id}/password`, { user: { original_password: 'ann-secret', password: 'ann-secret' } })
    assert.deepEqual([same.status, await worksWith(token)], [204, false])
    assert.equal((await password({ id: user.id, password: 'ann-secret' })).status, 201)
  })

  test('when a role no longer implies what it did', async (t) => {
    const { as, admin, make, user, project, token, roleId, show } = await somebody(t)
    const [parent, child] = [await make('roles', 'role', { name: 'captain' }), await make('roles', 'role', { name: 'sailor' })]
    await as(admin.token, 'PUT', `/v3/projects/${project.id}/users/${user.id}/roles/${parent.id}`)
    await as(admin.token, 'PUT', `/v3/roles/${parent.id}/implies/${child.id}`)
    const names = async () => (await show(token)).body.token.roles.map((role: { name: string }) => role.name)
    assert.deepEqual(await names(), ['captain', 'member', 'reader', 'sailor'])
    await as(admin.token, 'DELETE', `/v3/roles/${parent.id}/implies/${child.id}`)
    assert.deepEqual(await names(), ['captain', 'member', 'reader'])
    await as(admin.token, 'DELETE', `/v3/roles/${parent.id}`)
    assert.deepEqual(await names(), ['member', 'reader'])
    assert.equal((await as(admin.token, 'PUT', `/v3/roles/${child.id}/implies/${await roleId('admin')}`)).status, 403)
  })
})

test('a log-in under way while its user is disabled leads to no token that works', async (t) => {
  const { as, admin, make, password } = await startIdentity(t, { config: { keystone: { password_hash_rounds: 11 } } })
  const user = await make('users', 'user', { name: 'ann', password: 'ann-secret' })
  const underway = password({ id: user.id, password: 'ann-secret' })
  await as(admin.token, 'PATCH', `/v3/users/${user.id}`, { user: { enabled: false } })
  await as(admin.token, 'PATCH', `/v3/users/${user.id}`, { user: { enabled: true } })
  const token = tokenOf(await underway)
  assert.equal((await as(token, 'GET', '/v3/auth/projects')).status, 401)
})

test('every role of the cloud hears of a change before its answer is out', async (t) => {
  const { cloud, as, admin, make } = await somebody(t)
  const reasons: string[] = []
  const { identityEvents } = await import('#core/client')
  cloud.bus.serve(identityEvents, 'watcher', {
    async changed(_ctx, { reason }) {
      reasons.push(reason)
    },
  })
  const user = await make('users', 'user', { name: 'new' })
  assert.deepEqual(reasons, [], 'somebody new changes nothing for others')
  await as(admin.token, 'PATCH', `/v3/users/${user.id}`, { user: { enabled: false } })
  assert.deepEqual(reasons, ['user revoked', 'user changed'])
})
