import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { startIdentity, tokenOf } from './identity.ts'

const base = 'http://127.0.0.1:5000/v3'

async function somePeople(t: TestContext) {
  const identity = await startIdentity(t)
  const { make, roleId } = identity
  const user = await make('users', 'user', { name: 'ann', password: 'ann-secret' })
  const group = await make('groups', 'group', { name: 'crew' })
  const project = await make('projects', 'project', { name: 'work' })
  const child = await make('projects', 'project', { name: 'part', parent_id: project.id })
  const call = async (method: string, path: string) => (await identity.as(identity.admin.token, method, `/v3/${path}`)).status
  return { ...identity, user, group, project, child, call, member: await roleId('member'), reader: await roleId('reader') }
}

describe('a role is given, checked, listed and taken', () => {
  test('on every kind of target, to users and groups, also inherited', async (t) => {
    const { admin, as, call, user, group, project, member } = await somePeople(t)
    const targets = [`projects/${project.id}`, 'domains/default', 'system', `OS-INHERIT/projects/${project.id}`, 'OS-INHERIT/domains/default']
    for (const target of targets) {
      for (const actor of [`users/${user.id}`, `groups/${group.id}`]) {
        const end = target.startsWith('OS-INHERIT') ? '/inherited_to_projects' : ''
        const path = `${target}/${actor}/roles/${member}${end}`
        assert.deepEqual([await call('GET', path), await call('PUT', path), await call('PUT', path), await call('HEAD', path), await call('GET', path)], [404, 204, 204, 204, 204], path)
        const listed = await as(admin.token, 'GET', `/v3/${target}/${actor}/roles${end}`)
        assert.deepEqual(listed.body.roles.map((role: { name: string }) => role.name), ['member'], path)
        assert.equal(listed.body.links.self, `${base}/${target}/${actor}/roles${end}`)
        assert.deepEqual([await call('DELETE', path), await call('DELETE', path)], [204, 404], path)
        assert.equal(await call('PUT', `${target}/${actor}/roles/unknown${end}`), 404)
      }
    }
    assert.equal(await call('PUT', `projects/unknown/users/${user.id}/roles/${member}`), 404)
    assert.equal(await call('PUT', `projects/${project.id}/users/unknown/roles/${member}`), 404)
    assert.equal(await call('PUT', `domains/${project.id}/users/${user.id}/roles/${member}`), 404, 'a project is no domain')
  })

  test('and one of a domain counts there, by what it implies', async (t) => {
    const { admin, as, make, call, user, project, password, reader } = await somePeople(t)
    const away = await make('domains', 'domain', { name: 'away' })
    const [here, there] = [await make('roles', 'role', { name: 'local', domain_id: 'default' }), await make('roles', 'role', { name: 'local', domain_id: away.id })]
    assert.deepEqual((await as(admin.token, 'GET', `/v3/roles?domain_id=${away.id}`)).body.roles.map((role: { id: string }) => role.id), [there.id])
    assert.equal((await as(admin.token, 'GET', '/v3/roles')).body.roles.some((role: { name: string }) => role.name === 'local'), false)
    const give = (role: string) => call('PUT', `projects/${project.id}/users/${user.id}/roles/${role}`)
    assert.deepEqual([await give(there.id), await give(here.id)], [403, 204])
    const logIn = () => password({ id: user.id, password: 'ann-secret' }, { project: { id: project.id } })
    assert.equal((await logIn()).status, 401)
    await as(admin.token, 'PUT', `/v3/roles/${here.id}/implies/${reader}`)
    assert.deepEqual((await logIn()).body.token.roles.map((role: { name: string }) => role.name), ['reader'])
  })

  test('and what is inherited works below, and only there', async (t) => {
    const { as, call, user, group, project, child, password, member, reader } = await somePeople(t)
    const roles = async (id: string) => (await password({ id: user.id, password: 'ann-secret' }, { project: { id } })).body.token?.roles.map((role: { name: string }) => role.name) ?? []
    await call('PUT', `OS-INHERIT/projects/${project.id}/users/${user.id}/roles/${member}/inherited_to_projects`)
    assert.deepEqual([await roles(project.id), await roles(child.id)], [[], ['member', 'reader']])
    const unscoped = tokenOf(await password({ id: user.id, password: 'ann-secret' }))
    const mine = async () => (await as(unscoped, 'GET', '/v3/auth/projects')).body.projects.map((each: { name: string }) => each.name).sort()
    assert.deepEqual(await mine(), ['part'])
    await call('PUT', `groups/${group.id}/users/${user.id}`)
    await call('PUT', `OS-INHERIT/domains/default/groups/${group.id}/roles/${reader}/inherited_to_projects`)
    assert.deepEqual([await roles(project.id), await roles(child.id)], [['reader'], ['member', 'reader']])
    assert.deepEqual(await mine(), ['admin', 'demo', 'part', 'service', 'work'])
  })
})

describe('assignments are listed', () => {
  test('as given, and as they take effect', async (t) => {
    const { admin, as, call, user, group, project, child, member, reader } = await somePeople(t)
    await call('PUT', `groups/${group.id}/users/${user.id}`)
    await call('PUT', `projects/${project.id}/groups/${group.id}/roles/${reader}`)
    await call('PUT', `OS-INHERIT/projects/${project.id}/users/${user.id}/roles/${member}/inherited_to_projects`)
    const list = async (query: string) => (await as(admin.token, 'GET', `/v3/role_assignments?${query}`)).body.role_assignments

    assert.deepEqual(await list(`user.id=${user.id}`), [{
      role: { id: member }, user: { id: user.id }, scope: { project: { id: project.id }, 'OS-INHERIT:inherited_to': 'projects' },
      links: { assignment: `${base}/OS-INHERIT/projects/${project.id}/users/${user.id}/roles/${member}/inherited_to_projects` },
    }])
    assert.deepEqual(await list(`group.id=${group.id}&include_names`), [{
      role: { id: reader, name: 'reader' }, group: { id: group.id, name: 'crew', domain: { id: 'default', name: 'Default' } },
      scope: { project: { id: project.id, name: 'work', domain: { id: 'default', name: 'Default' } } },
      links: { assignment: `${base}/projects/${project.id}/groups/${group.id}/roles/${reader}` },
    }])
    const inherited = `${base}/OS-INHERIT/projects/${project.id}/users/${user.id}/roles/${member}/inherited_to_projects`
    const below = { project: { id: child.id }, 'OS-INHERIT:inherited_to': 'projects' }
    const byRole = (a: { role: { id: string } }, b: { role: { id: string } }) => (a.role.id === member ? -1 : b.role.id === member ? 1 : 0)
    assert.deepEqual((await list(`effective&user.id=${user.id}&scope.project.id=${child.id}`)).sort(byRole), [
      { role: { id: member }, user: { id: user.id }, scope: below, links: { assignment: inherited } },
      { role: { id: reader }, user: { id: user.id }, scope: below, links: { assignment: inherited, prior_role: `${base}/prior_role/${member}/implies/${reader}` } },
    ])
    assert.deepEqual(await list(`effective&user.id=${user.id}&scope.project.id=${project.id}`), [{
      role: { id: reader }, user: { id: user.id }, scope: { project: { id: project.id } },
      links: { assignment: `${base}/projects/${project.id}/groups/${group.id}/roles/${reader}`, membership: `${base}/groups/${group.id}/users/${user.id}` },
    }])
    assert.equal((await list(`effective&scope.project.id=${project.id}&include_subtree`)).length, 3)
    assert.deepEqual((await list('scope.system=all')).map((each: any) => each.scope), [{ system: { all: true } }])
    assert.deepEqual(await list(`role.id=${member}&scope.OS-INHERIT:inherited_to=projects`).then((lines) => lines.length), 1)
  })

  test('by filters that make sense together', async (t) => {
    const { admin, as } = await startIdentity(t)
    for (const query of ['user.id=a&group.id=b', 'scope.project.id=a&scope.domain.id=b', 'scope.system=all&scope.domain.id=b', 'effective&group.id=a', 'include_subtree',
      'effective&scope.domain.id=a&scope.OS-INHERIT:inherited_to=projects']) {
      assert.equal((await as(admin.token, 'GET', `/v3/role_assignments?${query}`)).status, 400, query)
    }
  })
})

test('roles are kept, immutable ones from harm', async (t) => {
  const { admin, as, make, roleId } = await startIdentity(t)
  const role = await make('roles', 'role', { name: 'captain', description: 'of a ship' })
  assert.deepEqual(role, { id: role.id, name: 'captain', domain_id: null, description: 'of a ship', options: {}, links: { self: `${base}/roles/${role.id}` } })
  const admin_ = await roleId('admin')
  const patch = (id: string, change: unknown) => as(admin.token, 'PATCH', `/v3/roles/${id}`, { role: change }).then(({ status }) => status)
  assert.deepEqual([await patch(admin_, { name: 'x' }), (await as(admin.token, 'DELETE', `/v3/roles/${admin_}`)).status], [403, 403])
  assert.equal(await patch(role.id, { options: { immutable: true } }), 200)
  assert.equal(await patch(role.id, { name: 'x' }), 403)
  assert.equal(await patch(role.id, { options: { immutable: null } }), 200)
  assert.equal(await patch(role.id, { name: 'x' }), 200)
  assert.equal((await as(admin.token, 'DELETE', `/v3/roles/${role.id}`)).status, 204)
  const inferences = (await as(admin.token, 'GET', '/v3/role_inferences')).body.role_inferences
  assert.deepEqual(inferences.map((each: any) => [each.prior_role.name, each.implies.map((implied: any) => implied.name)]).sort(), [['admin', ['manager']], ['manager', ['member']], ['member', ['reader']]])
  const [manager, member] = [await roleId('manager'), await roleId('member')]
  const path = `/v3/roles/${manager}/implies/${member}`
  assert.deepEqual((await as(admin.token, 'GET', path)).body, {
    role_inference: { prior_role: { id: manager, name: 'manager', links: { self: `${base}/roles/${manager}` } }, implies: { id: member, name: 'member', links: { self: `${base}/roles/${member}` } } },
    links: { self: `http://127.0.0.1:5000${path}` },
  })
  assert.equal((await as(admin.token, 'HEAD', path)).status, 204)
  const ofDomain = (await as(admin.token, 'POST', '/v3/roles', { role: { name: 'local', domain_id: 'default' } })).body.role
  const implying = () => as(admin.token, 'PUT', `/v3/roles/${ofDomain.id}/implies/${member}`)
  assert.equal((await implying()).status, 201)
  const again = await implying()
  assert.deepEqual([again.status, again.body.error.message], [409, 'Conflict occurred attempting to store implied_role - Duplicate entry.'])
  const refused = await as(admin.token, 'PUT', `/v3/roles/${manager}/implies/${ofDomain.id}`)
  assert.deepEqual([refused.status, refused.body.error.message], [403, `${ofDomain.id} cannot be an implied roles.`], 'a role of all domains implies none of one domain')
})

test('a role stays in its domain, or in none', async (t) => {
  const { admin, as, make } = await startIdentity(t)
  const [anywhere, here] = [await make('roles', 'role', { name: 'captain' }), await make('roles', 'role', { name: 'local', domain_id: 'default' })]
  const move = (id: string, domain: string | null) => as(admin.token, 'PATCH', `/v3/roles/${id}`, { role: { domain_id: domain } }).then(({ status, body }) => [status, body.error?.message ?? body.role.domain_id])
  assert.deepEqual(await move(anywhere.id, 'default'), [400, 'Update of `domain_id` is not allowed.'])
  assert.deepEqual(await move(here.id, null), [400, 'Update of `domain_id` is not allowed.'])
  assert.deepEqual([await move(anywhere.id, null), await move(here.id, 'default')], [[200, null], [200, 'default']])
})

test('roles may imply one another in a circle, and themselves: a token has each of them once', async (t) => {
  const { admin, as, user, project, call, make, password } = await somePeople(t)
  const [one, two] = [await make('roles', 'role', { name: 'one' }), await make('roles', 'role', { name: 'two' })]
  for (const path of [`${one.id}/implies/${two.id}`, `${two.id}/implies/${one.id}`, `${two.id}/implies/${two.id}`]) assert.equal(await call('PUT', `roles/${path}`), 201, path)
  assert.equal(await call('PUT', `projects/${project.id}/users/${user.id}/roles/${one.id}`), 204)
  const { body } = await password({ id: user.id, password: 'ann-secret' }, { project: { id: project.id } })
  assert.deepEqual(body.token.roles.map((role: { name: string }) => role.name), ['one', 'two'])
  const listed = await as(admin.token, 'GET', `/v3/role_assignments?effective&user.id=${user.id}`)
  assert.deepEqual(new Set(listed.body.role_assignments.map((each: any) => each.role.id)), new Set([one.id, two.id]))
})
