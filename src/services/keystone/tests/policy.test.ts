import assert from 'node:assert/strict'
import { test } from 'node:test'
import { demoProject, startIdentity, tokenOf } from './identity.ts'

test('each role may do what upstream lets it, and no more', async (t) => {
  const { cloud, as, admin, make, password, roleId } = await startIdentity(t)
  const [member, reader, stranger] = [await cloud.login('member'), await cloud.login('reader'), await cloud.login('stranger')]
  const away = await make('domains', 'domain', { name: 'away' })
  const far = await make('users', 'user', { name: 'far', domain_id: away.id })
  const farProject = await make('projects', 'project', { name: 'far', domain_id: away.id })
  const group = await make('groups', 'group', { name: 'crew', domain_id: 'default' })

  const person = async (name: string, path: string, role: string, scope: Record<string, unknown>) => {
    const user = await make('users', 'user', { name, domain_id: 'default', password: `${name}-secret` })
    assert.equal((await as(admin.token, 'PUT', `/v3/${path.replace('USER', user.id)}/${await roleId(role)}`)).status, 204)
    return tokenOf(await password({ id: user.id, password: `${name}-secret` }, scope))
  }
  const systemReader = await person('auditor', 'system/users/USER/roles', 'reader', { system: { all: true } })
  const domainReader = await person('clerk', 'domains/default/users/USER/roles', 'reader', { domain: { id: 'default' } })
  const domainManager = await person('boss', 'domains/default/users/USER/roles', 'manager', { domain: { id: 'default' } })
  const manager = await person('lead', `projects/${member.projectId}/users/USER/roles`, 'manager', demoProject)
  const unscoped = tokenOf(await password({ name: 'member', domain: { id: 'default' }, password: 'member-secret' }, 'unscoped'))

  const [yes, no] = [200, 403]
  const callers = [admin.token, systemReader, domainReader, domainManager, manager, member.token, reader.token, stranger.token, unscoped]
  const table: readonly [method: string, path: string, body: unknown, ...statuses: number[]][] = [
    //                                                             admin system domR domM manager member reader stranger unscoped
    ['GET', '/v3/users', undefined,                                 yes, yes, yes, yes, no, no, no, no, no],
    ['GET', `/v3/users/${member.userId}`, undefined,                yes, yes, yes, yes, no, yes, no, no, yes],
    ['GET', `/v3/users/${far.id}`, undefined,                       yes, yes, no, no, no, no, no, no, no],
    ['GET', '/v3/users/unknown', undefined,                         404, 404, no, no, no, no, no, no, no],
    ['GET', `/v3/users/${member.userId}/projects`, undefined,       yes, yes, yes, yes, no, yes, no, no, yes],
    ['GET', `/v3/users/${member.userId}/groups`, undefined,         yes, yes, yes, yes, no, yes, no, no, yes],
    ['GET', '/v3/projects', undefined,                              yes, yes, yes, yes, no, no, no, no, no],
    ['GET', `/v3/projects/${member.projectId}`, undefined,          yes, yes, yes, yes, yes, yes, yes, no, no],
    ['GET', `/v3/projects/${farProject.id}`, undefined,             yes, yes, no, no, no, no, no, no, no],
    ['GET', '/v3/domains', undefined,                               yes, yes, yes, yes, no, no, no, no, no],
    ['GET', '/v3/domains/default', undefined,                       yes, yes, yes, yes, yes, yes, yes, yes, no],
    ['GET', `/v3/domains/${away.id}`, undefined,                    yes, yes, no, no, no, no, no, no, no],
    ['GET', '/v3/groups', undefined,                                yes, yes, yes, yes, no, no, no, no, no],
    ['GET', `/v3/groups/${group.id}/users`, undefined,              yes, yes, yes, yes, no, no, no, no, no],
    ['GET', '/v3/roles', undefined,                                 yes, yes, no, yes, no, no, no, no, no],
    ['GET', '/v3/role_assignments', undefined,                      yes, yes, yes, yes, no, no, no, no, no],
    ['GET', '/v3/role_inferences', undefined,                       yes, yes, no, no, no, no, no, no, no],
    ['GET', '/v3/services', undefined,                              yes, yes, no, no, no, no, no, no, no],
    ['GET', '/v3/endpoints', undefined,                             yes, yes, no, no, no, no, no, no, no],
    ['GET', '/v3/regions', undefined,                               yes, yes, yes, yes, yes, yes, yes, yes, yes],
    ['GET', '/v3/auth/projects', undefined,                         yes, yes, yes, yes, yes, yes, yes, yes, yes],
    ['PATCH', `/v3/users/${far.id}`, { user: { colour: 1 } },       yes, no, no, no, no, no, no, no, no],
    ['PATCH', `/v3/users/${member.userId}`, { user: { colour: 1 } }, yes, no, no, yes, no, no, no, no, no],
    ['PATCH', `/v3/projects/${member.projectId}`, { project: {} },  yes, no, no, yes, no, no, no, no, no],
    ['PATCH', `/v3/projects/${farProject.id}`, { project: {} },     yes, no, no, no, no, no, no, no, no],
    ['PATCH', '/v3/domains/default', { domain: { colour: 1 } },     yes, no, no, no, no, no, no, no, no],
    ['PATCH', `/v3/groups/${group.id}`, { group: { colour: 1 } },   yes, no, no, yes, no, no, no, no, no],
    ['POST', '/v3/services', { service: { type: 'x' } },            201, no, no, no, no, no, no, no, no],
    ['POST', '/v3/roles', { role: { name: 'admin' } },              409, no, no, no, no, no, no, no, no],
    ['POST', '/v3/users', { user: { name: 'member' } },             409, 403, no, 409, no, no, no, no, 400],
    ['POST', '/v3/projects', { project: { name: 'x', domain_id: away.id, parent_id: 'nowhere' } }, 400, no, no, no, no, no, no, no, no],
  ]
  for (const [method, path, body, ...expected] of table) {
    const statuses = await Promise.all(callers.map(async (token) => (await as(token, method, path, body)).status))
    // A system token names no domain to put a user in.
    const wanted = path === '/v3/users' && method === 'POST' ? expected.with(1, 400) : expected
    assert.deepEqual(statuses, wanted, `${method} ${path}`)
  }
  assert.deepEqual((await as(member.token, 'GET', '/v3/users')).body, {
    error: { code: 403, title: 'Forbidden', message: 'You are not authorized to perform the requested action: identity:list_users.' },
  })
  assert.deepEqual((await as(member.token, 'GET', '/v3/services')).body.error.message, 'You are not authorized to perform the requested action: identity:list_services.')
})

test('the manager of a domain gives the roles up to manager there, and none elsewhere', async (t) => {
  const { cloud, as, admin, make, password, roleId } = await startIdentity(t)
  const { userId, projectId } = await cloud.login('member')
  const boss = await make('users', 'user', { name: 'boss', domain_id: 'default', password: 'boss-secret' })
  await as(admin.token, 'PUT', `/v3/domains/default/users/${boss.id}/roles/${await roleId('manager')}`)
  const token = tokenOf(await password({ id: boss.id, password: 'boss-secret' }, { domain: { id: 'default' } }))
  const away = await make('domains', 'domain', { name: 'away' })
  const far = await make('projects', 'project', { name: 'far', domain_id: away.id })
  const give = async (project: string, role: string) => (await as(token, 'PUT', `/v3/projects/${project}/users/${userId}/roles/${await roleId(role)}`)).status
  assert.deepEqual([await give(projectId, 'reader'), await give(projectId, 'manager')], [204, 204])
  assert.deepEqual([await give(projectId, 'admin'), await give(projectId, 'service'), await give(far.id, 'reader')], [403, 403, 403])
  assert.equal((await as(token, 'PUT', `/v3/system/users/${userId}/roles/${await roleId('reader')}`)).status, 403)
  const listed = await as(token, 'GET', '/v3/users')
  assert.equal(listed.body.users.every((user: { domain_id: string }) => user.domain_id === 'default'), true)
  assert.deepEqual((await as(token, 'GET', '/v3/domains')).body.domains.map((domain: { id: string }) => domain.id), ['default'])
  assert.deepEqual((await as(token, 'GET', `/v3/projects?domain_id=${away.id}`)).body.projects, [])
})

test('headers that claim an identity are not believed (CVE-2026-22797)', async (t) => {
  const { cloud } = await startIdentity(t)
  const claims = { 'x-user-id': 'x', 'x-roles': 'admin', 'x-project-id': 'x', 'x-is-admin': '1', 'x-identity-status': 'Confirmed', 'openstack-system-scope': 'all' }
  assert.equal((await cloud.call('keystone', 'GET', '/v3/users', undefined, claims)).status, 401)
  const member = await cloud.login('member')
  assert.equal((await member.call('keystone', 'GET', '/v3/users', undefined, claims)).status, 403)
})
