// Server groups through the front door.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startCloud } from '../../../app/testing/index.ts'
import { garden } from './plant.ts'

const at = (version: string) => ({ 'openstack-api-version': `compute ${version}` })
const path = '/v2.1/os-server-groups'

test('a group is created and shown in the form of each version, and deleted', async (t) => {
  const cloud = await startCloud(t, ['keystone', 'placement', 'nova'])
  const [member, reader, stranger, admin] = [await cloud.login('member'), await cloud.login('reader'), await cloud.login('stranger'), await cloud.login('admin')]
  const made = await member.call('nova', 'POST', path, { server_group: { name: 'db', policy: 'anti-affinity', rules: { max_server_per_host: '2' } } }, at('2.64'))
  const { id } = made.body.server_group
  const owner = { project_id: member.projectId, user_id: member.userId }
  assert.deepEqual([made.status, made.body], [
    200, { server_group: { id, name: 'db', members: [], ...owner, policy: 'anti-affinity', rules: { max_server_per_host: 2 } } },
  ])
  const show = async (version: string) => (await reader.call('nova', 'GET', `${path}/${id}`, undefined, at(version))).body.server_group
  assert.deepEqual(await show('2.12'), { id, name: 'db', members: [], policies: ['anti-affinity'], metadata: {} })
  assert.deepEqual(await show('2.63'), { id, name: 'db', members: [], ...owner, policies: ['anti-affinity'], metadata: {} })

  const foreign = await stranger.call('nova', 'GET', `${path}/${id}`)
  assert.deepEqual([foreign.status, foreign.body.forbidden.message], [403, "Policy doesn't allow os_compute_api:os-server-groups:show to be performed."])
  assert.deepEqual((await stranger.call('nova', 'GET', path)).body, { server_groups: [] })
  assert.deepEqual((await stranger.call('nova', 'GET', `${path}?all_projects=1`)).body, { server_groups: [] })
  assert.equal((await admin.call('nova', 'GET', `${path}?all_projects=1`)).body.server_groups.length, 1)
  assert.equal((await admin.call('nova', 'GET', path)).body.server_groups.length, 0)
  assert.equal((await reader.call('nova', 'DELETE', `${path}/${id}`)).status, 403)
  assert.equal((await stranger.call('nova', 'DELETE', `${path}/${id}`)).status, 403)
  assert.equal((await reader.call('nova', 'POST', path, { server_group: { name: 'x', policies: ['affinity'] } })).status, 403)
  assert.equal((await member.call('nova', 'DELETE', `${path}/${id}`)).status, 204)
  const gone = await member.call('nova', 'GET', `${path}/${id}`)
  assert.deepEqual([gone.status, gone.body], [404, { itemNotFound: { code: 404, message: `Instance group ${id} could not be found.` } }])
})

test('each version takes its own policies', async (t) => {
  const cloud = await startCloud(t, ['keystone', 'placement', 'nova'])
  const demo = await cloud.login('demo')
  const create = async (group: object, version: string) => (await demo.call('nova', 'POST', path, { server_group: { name: 'g', ...group } }, at(version))).status
  assert.equal(await create({ policies: ['affinity'] }, '2.1'), 200)
  assert.equal(await create({ policies: ['soft-affinity'] }, '2.14'), 400)
  assert.equal(await create({ policies: ['soft-affinity'] }, '2.15'), 200)
  assert.equal(await create({ policies: ['affinity'] }, '2.64'), 400)
  assert.equal(await create({ policy: 'affinity' }, '2.63'), 400)
  assert.equal(await create({ policy: 'soft-anti-affinity' }, '2.64'), 200)
  for (const bad of [
    { policies: [] }, { policies: ['affinity', 'anti-affinity'] }, { policies: 'affinity' }, { policies: ['near'] }, {}, { policies: ['affinity'], name: '' },
    { policies: ['affinity'], color: 'red' },
  ]) assert.equal(await create(bad, '2.1'), 400, JSON.stringify(bad))
  assert.equal(await create({ policy: 'affinity', rules: { max_server_per_host: 2 } }, '2.64'), 400)
  assert.equal(await create({ policy: 'anti-affinity', rules: { max_server_per_host: 0 } }, '2.64'), 400)
})

test('a group shows its living servers, and goes without them', async (t) => {
  const cloud = await startCloud(t, ['keystone', 'placement', 'nova'])
  const demo = await cloud.login('demo')
  const plants = await garden(t, cloud)
  const { id } = (await demo.call('nova', 'POST', path, { server_group: { name: 'g', policies: ['affinity'] } })).body.server_group
  const [living, dying] = [await plants.server(demo), await plants.server(demo)]
  await plants.api.transaction(async (tx) => {
    const group = await tx.selectFrom('server_groups').select('id').where('uuid', '=', id).executeTakeFirstOrThrow()
    await tx.insertInto('server_group_members').values([living, dying].map((server) => ({ group_id: group.id, instance_uuid: server }))).execute()
    await tx.updateTable('instance_mappings').set({ queued_for_delete: 1 }).where('instance_uuid', '=', dying).execute()
  })
  assert.deepEqual((await demo.call('nova', 'GET', `${path}/${id}`)).body.server_group.members, [living])
  assert.deepEqual((await demo.call('nova', 'GET', path)).body.server_groups[0].members, [living])
  assert.equal((await demo.call('nova', 'DELETE', `${path}/${id}`)).status, 204)
})

test('groups are listed in parts, and end at the quota, also when asked for at once', async (t) => {
  const cloud = await startCloud(t, ['keystone', 'placement', 'nova'], { config: { nova: { quota_server_groups: 3 } } })
  const demo = await cloud.login('demo')
  const made = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => demo.call('nova', 'POST', path, { server_group: { name, policies: ['affinity'] } })))
  assert.deepEqual(made.map(({ status }) => status).sort((a, b) => a - b), [200, 200, 200, 403, 403])
  assert.equal(made.find(({ status }) => status === 403)?.body.forbidden.message, 'Quota exceeded, too many server groups.')
  const names = async (query: string) => {
    const { status, body } = await demo.call('nova', 'GET', path + query, undefined, at('2.75'))
    return status === 200 ? body.server_groups.length : status
  }
  assert.deepEqual([await names('?limit=2'), await names('?limit=2&offset=2'), await names('?limit=0'), await names('?offset=-1'), await names('?limit=x'), await names('?a=b')], [2, 1, 3, 400, 400, 400])
})
