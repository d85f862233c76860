import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { startIdentity } from './identity.ts'

const names = (projects: { name: string }[]) => projects.map((project) => project.name).sort()

describe('projects', () => {
  test('are made, shown, changed and deleted with what a client had us keep', async (t) => {
    const { admin, as } = await startIdentity(t)
    const made = await as(admin.token, 'POST', '/v3/projects', { project: { name: ' web ', description: 'the shop', tags: ['b', 'a'], cost_centre: 7 } })
    const { id } = made.body.project
    assert.match(id, /^[0-9a-f]{32}$/)
    const expected = {
      cost_centre: 7, id, name: 'web', domain_id: 'default', description: 'the shop', enabled: true, parent_id: 'default', is_domain: false, tags: ['a', 'b'],
      options: {}, links: { self: `http://127.0.0.1:5000/v3/projects/${id}` },
    }
    assert.deepEqual([made.status, made.body], [201, { project: expected }])
    const changed = await as(admin.token, 'PATCH', `/v3/projects/${id}`, { project: { name: 'shop', cost_centre: 8, other: null } })
    assert.deepEqual(changed.body, { project: { ...expected, name: 'shop', cost_centre: 8, other: null } })
    assert.deepEqual((await as(admin.token, 'GET', `/v3/projects/${id}`)).body, changed.body)
    assert.equal((await as(admin.token, 'POST', '/v3/projects', { project: { name: 'shop' } })).status, 409)
    assert.equal((await as(admin.token, 'DELETE', `/v3/projects/${id}`)).status, 204)
    assert.deepEqual((await as(admin.token, 'GET', `/v3/projects/${id}`)).body, { error: { code: 404, title: 'Not Found', message: `Could not find project: ${id}.` } })
  })

  test('refuse what does not fit', async (t) => {
    const { admin, as } = await startIdentity(t)
    for (const project of [{}, { name: '' }, { name: '  ' }, { name: 'x'.repeat(65) }, { name: 'x', enabled: 'false' }, { name: 'x', tags: ['a,b'] }, { name: 'x', domain_id: 'nowhere' }, { name: 'x', parent_id: 'nowhere' }, { name: 'x', options: { other: true } }]) {
      assert.equal((await as(admin.token, 'POST', '/v3/projects', { project })).status, 400, JSON.stringify(project))
    }
  })

  test('form a tree, in which nobody is enabled below somebody disabled and leaves go first', async (t) => {
    const { admin, as, make } = await startIdentity(t)
    const top = await make('projects', 'project', { name: 'top' })
    const middle = await make('projects', 'project', { name: 'middle', parent_id: top.id })
    const leaf = await make('projects', 'project', { name: 'leaf', parent_id: middle.id })
    const last = await make('projects', 'project', { name: 'last', parent_id: leaf.id })
    const patch = (id: string, project: unknown) => as(admin.token, 'PATCH', `/v3/projects/${id}`, { project }).then(({ status }) => status)
    const shown = (id: string, query: string) => as(admin.token, 'GET', `/v3/projects/${id}?${query}`).then(({ body }) => body.project)
    assert.equal((await as(admin.token, 'POST', '/v3/projects', { project: { name: 'deeper', parent_id: last.id } })).status, 403)
    assert.deepEqual((await shown(top.id, 'subtree_as_ids')).subtree, { [middle.id]: { [leaf.id]: { [last.id]: null } } })
    assert.deepEqual((await shown(leaf.id, 'parents_as_ids')).parents, { [middle.id]: { [top.id]: { default: null } } })
    assert.deepEqual((await shown(leaf.id, 'parents_as_list')).parents, [], 'only those on which one has a role')
    assert.equal((await as(admin.token, 'GET', `/v3/projects/${leaf.id}?parents_as_ids&parents_as_list`)).status, 400)
    assert.equal(await patch(top.id, { enabled: false }), 403)
    for (const { id } of [last, leaf, middle, top]) assert.equal(await patch(id, { enabled: false }), 200)
    assert.equal(await patch(leaf.id, { enabled: true }), 403)
    assert.equal((await as(admin.token, 'POST', '/v3/projects', { project: { name: 'new', parent_id: top.id } })).status, 400)
    assert.equal(await patch(leaf.id, { parent_id: top.id }), 403)
    assert.equal(await patch(leaf.id, { domain_id: 'other' }), 400)
    assert.equal((await as(admin.token, 'DELETE', `/v3/projects/${top.id}`)).status, 403)
    for (const { id } of [last, leaf, middle, top]) assert.equal((await as(admin.token, 'DELETE', `/v3/projects/${id}`)).status, 204)
  })

  test('are listed by filters, page by page', async (t) => {
    const { admin, as, make } = await startIdentity(t)
    const away = await make('domains', 'domain', { name: 'away' })
    for (const [name, more] of [['Alpha', { tags: ['x', 'y'] }], ['alphabet', { tags: ['x'] }], ['beta', { enabled: false, domain_id: away.id }]] as const) await make('projects', 'project', { name, ...more })
    const list = async (query: string) => names((await as(admin.token, 'GET', `/v3/projects?${query}`)).body.projects)
    assert.deepEqual(await list('name=Alpha'), ['Alpha'])
    assert.deepEqual(await list('name__contains=lpha'), ['Alpha', 'alphabet'])
    assert.deepEqual(await list('name__startswith=alpha'), ['alphabet'])
    assert.deepEqual(await list('name__istartswith=ALPHA'), ['Alpha', 'alphabet'])
    assert.deepEqual(await list('name__endswith=ta'), ['beta'])
    assert.deepEqual(await list('name__contains=%25'), [])
    assert.deepEqual(await list('name__constructor=x'), await list('name__nothing=x'))
    assert.deepEqual(await list('enabled=false'), ['beta'])
    assert.deepEqual(await list(`domain_id=${away.id}`), ['beta'])
    assert.deepEqual(await list('is_domain=true'), ['Default', 'away'])
    assert.deepEqual([await list('tags=x,y'), await list('tags-any=x,y'), await list('not-tags=x,y&name__icontains=alpha'), await list('not-tags-any=y&name__icontains=alpha')],
      [['Alpha'], ['Alpha', 'alphabet'], ['alphabet'], ['alphabet']])
    const seen: string[] = []
    let path: string | null = '/v3/projects?limit=2'
    while (path !== null) {
      const { body } = await as(admin.token, 'GET', path)
      assert.equal(body.truncated === true, body.links.next !== null)
      assert.ok(body.projects.length <= 2)
      seen.push(...names(body.projects))
      path = body.links.next === null ? null : body.links.next.replace('http://127.0.0.1:5000', '')
    }
    assert.deepEqual(seen.sort(), ['Alpha', 'admin', 'alphabet', 'beta', 'demo', 'service'])
    assert.deepEqual((await as(admin.token, 'GET', '/v3/projects?name=demo')).body.links, { self: 'http://127.0.0.1:5000/v3/projects?name=demo', next: null, previous: null })
  })

  test('have tags', async (t) => {
    const { admin, as, make } = await startIdentity(t)
    const { id } = await make('projects', 'project', { name: 'web' })
    const tags = async () => (await as(admin.token, 'GET', `/v3/projects/${id}/tags`)).body.tags
    assert.equal((await as(admin.token, 'PUT', `/v3/projects/${id}/tags/blue`)).status, 201)
    assert.equal((await as(admin.token, 'GET', `/v3/projects/${id}/tags/blue`)).status, 204)
    assert.equal((await as(admin.token, 'GET', `/v3/projects/${id}/tags/red`)).status, 404)
    assert.deepEqual((await as(admin.token, 'PUT', `/v3/projects/${id}/tags`, { tags: ['red', 'green'] })).body, { tags: ['green', 'red'], links: { self: `http://127.0.0.1:5000/v3/projects/${id}/tags` } })
    assert.equal((await as(admin.token, 'DELETE', `/v3/projects/${id}/tags/red`)).status, 204)
    assert.deepEqual(await tags(), ['green'])
    assert.equal((await as(admin.token, 'DELETE', `/v3/projects/${id}/tags`)).status, 204)
    assert.deepEqual(await tags(), [])
  })
})

describe('domains', () => {
  test('are deleted once disabled, with all that is in them', async (t) => {
    const { admin, as, make, roleId } = await startIdentity(t)
    const domain = await make('domains', 'domain', { name: 'away' })
    const user = await make('users', 'user', { name: 'ann', domain_id: domain.id })
    const project = await make('projects', 'project', { name: 'work', domain_id: domain.id })
    await make('projects', 'project', { name: 'below', parent_id: project.id })
    await make('groups', 'group', { name: 'crew', domain_id: domain.id })
    const role = await make('roles', 'role', { name: 'local', domain_id: domain.id })
    await as(admin.token, 'PUT', `/v3/projects/${project.id}/users/${user.id}/roles/${await roleId('member')}`)
    await as(admin.token, 'PUT', `/v3/domains/${domain.id}/users/${user.id}/roles/${role.id}`)
    assert.equal((await as(admin.token, 'POST', '/v3/domains', { domain: { name: 'away' } })).status, 409)
    const remove = () => as(admin.token, 'DELETE', `/v3/domains/${domain.id}`).then(({ status }) => status)
    assert.equal(await remove(), 403)
    await as(admin.token, 'PATCH', `/v3/domains/${domain.id}`, { domain: { enabled: false } })
    assert.equal(await remove(), 204)
    for (const path of [`domains/${domain.id}`, `users/${user.id}`, `projects/${project.id}`, `roles/${role.id}`]) assert.equal((await as(admin.token, 'GET', `/v3/${path}`)).status, 404)
    assert.equal((await as(admin.token, 'GET', '/v3/role_assignments')).body.role_assignments.some((each: any) => each.user?.id === user.id), false)
    assert.equal((await as(admin.token, 'DELETE', '/v3/domains/default')).status, 403)
  })

  test('may be made as projects that act as one', async (t) => {
    const { admin, as, make } = await startIdentity(t)
    const made = await make('projects', 'project', { name: 'acting', is_domain: true })
    assert.deepEqual([made.is_domain, made.domain_id, made.parent_id], [true, null, null])
    assert.equal((await as(admin.token, 'GET', `/v3/domains/${made.id}`)).body.domain.name, 'acting')
  })
})
