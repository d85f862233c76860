// What keystone says where it does not do as it was asked, and of itself.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startIdentity } from './identity.ts'

const malformed = 'The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.'

test('a change that changes nothing is refused, of everything but a project', async (t) => {
  const { admin, as, make } = await startIdentity(t)
  const service = await make('services', 'service', { type: 'x' })
  const things = {
    user: await make('users', 'user', { name: 'ann' }), group: await make('groups', 'group', { name: 'crew' }), role: await make('roles', 'role', { name: 'captain' }),
    domain: await make('domains', 'domain', { name: 'away' }), region: await make('regions', 'region', { id: 'north' }), service,
    endpoint: await make('endpoints', 'endpoint', { service_id: service.id, interface: 'public', url: 'http://x' }),
  }
  for (const [kind, { id }] of Object.entries(things)) {
    const { status, body } = await as(admin.token, 'PATCH', `/v3/${kind}s/${id}`, { [kind]: {} })
    assert.deepEqual([status, body.error.message], [400, `Invalid input for field/attribute ${kind}. Value: {}. {} should be non-empty`])
  }
  assert.equal((await as(admin.token, 'PATCH', `/v3/projects/${admin.projectId}`, { project: {} })).status, 200)
})

test('what does not fit is named with its value, in the words of upstream', async (t) => {
  const { admin, as, make } = await startIdentity(t)
  const service = await make('services', 'service', { type: 'x' })
  const said = async (path: string, body: unknown) => (await as(admin.token, 'POST', `/v3/${path}`, body)).body.error.message
  assert.equal(await said('users', { user: { name: 1 } }), "Invalid input for field/attribute name. Value: 1. 1 is not of type 'string'")
  assert.equal(await said('users', { user: { name: ' ' } }), "Invalid input for field/attribute name. Value:  . ' ' does not match '[\\\\S]+'")
  assert.equal(await said('groups', { group: { name: 'x', description: 5 } }), "Invalid input for field/attribute description. Value: 5. 5 is not of type 'string', 'null'")
  assert.equal(await said('groups', {}), "'group' is a required property")
  assert.equal(await said('endpoints', { endpoint: { service_id: service.id, interface: 'secret', url: 'http://x' } }), "Invalid input for field/attribute interface. Value: secret. 'secret' is not one of ['admin', 'internal', 'public']")
})

test('a body that cannot be read is refused in the words of upstream', async (t) => {
  const { admin, as } = await startIdentity(t)
  const send = (body: string, type = 'application/json') => as(admin.token, 'POST', '/v3/users', body, { 'content-type': type }).then(({ status, body }) => [status, body.error.message])
  assert.deepEqual(await send('{'), [400, `Expecting to find valid JSON in request body. ${malformed}`])
  assert.deepEqual(await send('{}', 'text/plain'), [400, `Expecting to find application/json in Content-Type header. ${malformed}`])
})

test('a name that is taken is told with its domain', async (t) => {
  const { admin, as, make } = await startIdentity(t)
  const kinds = { user: 'users', group: 'groups', project: 'projects', domain: 'domains' }
  const said: Record<string, unknown> = {}
  for (const [kind, path] of Object.entries(kinds)) {
    await make(path, kind, { name: 'x' })
    const { id } = await make(path, kind, { name: 'y' })
    const { status, body } = await as(admin.token, 'POST', `/v3/${path}`, { [kind]: { name: 'x' } })
    const changed = await as(admin.token, 'PATCH', `/v3/${path}/${id}`, { [kind]: { name: 'x' } })
    assert.deepEqual([status, changed.status], [409, 409])
    said[kind] = [body.error.message.replace(/project id \S+\./, 'project id …'), changed.body.error.message.replace(id, '…')]
  }
  const [conflict, projects] = ['Conflict occurred attempting to store', 'it is not permitted to have two projects']
  const named = (kind: string) => [`${conflict} ${kind} - Duplicate entry found with name x at domain ID default.`, `${conflict} ${kind} - Duplicate entry found with name x.`]
  const domain = `${conflict} project - ${projects} acting as domains with the same name: x.`
  const project = `${conflict} project - ${projects} with either the same name or same id in the same domain: name is x, project id …`
  assert.deepEqual(said, { user: named('user'), group: named('group'), domain: [domain, domain], project: [project, `${project}.`] })
})

test('nothing is renamed by another id, and who implies nobody is told so', async (t) => {
  const { admin, as, make, roleId } = await startIdentity(t)
  const user = await make('users', 'user', { name: 'ann' })
  const renamed = await as(admin.token, 'PATCH', `/v3/users/${user.id}`, { user: { id: 'other' } })
  assert.deepEqual([renamed.status, renamed.body.error.message], [400, 'Cannot change ID'])
  const [reader, member] = [await roleId('reader'), await roleId('member')]
  const none = await as(admin.token, 'GET', `/v3/roles/${reader}/implies/${member}`)
  assert.deepEqual([none.status, none.body.error.message], [404, `${reader} does not imply ${member}.`])
})

test('a description of null is shown, and none is not', async (t) => {
  const { admin, as, make } = await startIdentity(t)
  assert.equal('description' in (await make('users', 'user', { name: 'none' })), false)
  const user = await make('users', 'user', { name: 'ann', description: null })
  const change = async (description: string | null) => {
    await as(admin.token, 'PATCH', `/v3/users/${user.id}`, { user: { description } })
    return (await as(admin.token, 'GET', `/v3/users/${user.id}`)).body.user.description
  }
  assert.deepEqual([user.description, await change('somebody'), await change(null)], [null, 'somebody', null])
})

test('every answer is for the token that asked, and says so', async (t) => {
  const { admin, as, cloud } = await startIdentity(t)
  const answers = [
    await as(admin.token, 'GET', '/v3/users'), await as(admin.token, 'GET', '/v3/users/nobody'), await as(admin.token, 'PUT', '/v3/users'), await as('', 'GET', '/v3/users'),
    await cloud.call('keystone', 'GET', '/'), await cloud.call('keystone', 'OPTIONS', '/v3/users'), await as(admin.token, 'GET', '/v3/auth/tokens', undefined, { 'x-subject-token': admin.token }),
  ]
  assert.deepEqual(answers.map(({ status, headers }) => [status, headers['vary']]), [200, 404, 405, 401, 300, 200, 200].map((status) => [status, 'X-Auth-Token']))
})

test('anybody may ask what a path allows', async (t) => {
  const { admin, as, cloud } = await startIdentity(t)
  const ask = (path: string) => cloud.call('keystone', 'OPTIONS', path).then(({ status, headers, body }) => [status, headers['allow'], body])
  for (const path of ['/', '/v3', '/v3/']) assert.deepEqual(await ask(path), [200, 'GET, HEAD, OPTIONS', ''])
  assert.deepEqual(await ask('/v3/users'), [200, 'GET, HEAD, OPTIONS, POST', ''])
  assert.deepEqual(await ask('/v3/users/nobody/password'), [200, 'OPTIONS, POST', ''])
  assert.equal((await ask('/v3/nothing'))[0], 401)
  assert.equal((await as(admin.token, 'PUT', '/v3/users')).headers['allow'], 'GET, HEAD, OPTIONS, POST')
})
