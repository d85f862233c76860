// What people were told and is not so is seen, of each thing that they are told.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Aspect } from './changes.ts'
import { Ledger } from './ledger.ts'
import type { Noun } from './nouns.ts'
import { promisesAreKept } from './promises.ts'
import type { Row } from './rows.ts'
import { added, changed, quietCloud, removed, type Spoiling } from './tests/quiet-cloud.ts'

const { rest, ledger, row } = await quietCloud()

const named = (name: string) => (row: Row) => row['display_name'] === name || row['name'] === name
const web = await row('nova_cell1', 'instances', named('web'))
const gone = await row('nova_cell1', 'instances', named('gone'))
const volume = await row('cinder', 'volumes', named('data'))
const port = await row('neutron', 'ports', (each) => each['device_id'] === web['uuid'])
const router = await row('neutron', 'routers', named('way out'))
const floating = await row('neutron', 'floating_ips', () => true)
const image = await row('glance', 'images', named('own'))
const other = await row('keystone', 'users', named('other'))
const project = await row('keystone', 'projects', named('other'))
const member = await row('keystone', 'roles', named('member'))
const friends = await row('neutron', 'security_groups', named('friends'))
const address = await row('neutron', 'ip_allocations', (each) => each['port_id'] === port['id'])

async function said(told: Ledger, spoiling: Spoiling = (same) => same): Promise<readonly string[]> {
  const sentences: string[] = []
  await promisesAreKept(spoiling(rest), told, (sentence) => void sentences.push(sentence))
  return sentences
}

test('to the people of a quiet cloud all is as they were told', async () => assert.deepEqual(await said(ledger), []))

test('what was acknowledged and is gone, of every noun', async () => {
  const nouns: readonly Noun[] = ['server', 'volume', 'network', 'subnet', 'port', 'router', 'floatingip', 'security-group', 'security-group-rule', 'image', 'project', 'user', 'role', 'server-group']
  const told = new Ledger()
  for (const noun of nouns) told.add(noun, `a ${noun}`, 'demo')
  assert.deepEqual(await said(told), nouns.map((noun) => `${noun} a ${noun} was acknowledged, nobody removed it, and it is gone`))
})

test('what was acknowledged to go and is there', async () => {
  const told = new Ledger()
  for (const [noun, id] of [['server', web['uuid']], ['volume', volume['id']], ['server', gone['uuid']]] as const) {
    told.add(noun, id, 'demo')
    told.removed(id, 204)
  }
  assert.deepEqual(await said(told), [`server ${web['uuid']} was acknowledged to go, and it is there`, `volume ${volume['id']} was acknowledged to go, and it is there`])
})

test('one of two servers that were asked for together is missing', async () => {
  const told = new Ledger()
  told.add('server', web['uuid'], 'demo').together = 2
  assert.deepEqual(await said(told), [`server ${web['uuid']} was acknowledged as one of 2, and of the others 0 are there`])
  assert.deepEqual(await said(told, added('nova_cell1', 'instances', { ...web, uuid: 'twin' })), [])
})

const changes: readonly (readonly [what: string, aspect: Aspect, is: string])[] = [
  ['the name of a server', { noun: 'server', id: web['uuid'], of: 'name' }, 'web'],
  ['the name of a volume', { noun: 'volume', id: volume['id'], of: 'name' }, 'data'],
  ['the name of a port', { noun: 'port', id: port['id'], of: 'name' }, ''],
  ['the groups of a port', { noun: 'port', id: port['id'], of: 'groups' }, friends['id']],
  ['the gateway of a router', { noun: 'router', id: router['id'], of: 'gateway' }, router['gateway_network_id']],
  ['an interface of a router', { noun: 'router', id: router['id'], of: `interface ${address['subnet_id']}` }, 'there'],
  ['the port of a floating address', { noun: 'floatingip', id: floating['id'], of: 'port' }, port['id']],
  ['the role of a user', { noun: 'user', id: other['id'], of: `role ${member['id']} in ${project['id']}` }, 'there'],
  ['the group of a server', { noun: 'server', id: web['uuid'], of: 'group' }, 'none'],
  ['the addresses of a port', { noun: 'port', id: port['id'], of: 'addresses' }, address['ip_address']],
  ['the resolvers of a subnet', { noun: 'subnet', id: address['subnet_id'], of: 'resolvers' }, '192.0.2.53'],
  ['the routes of a subnet', { noun: 'subnet', id: address['subnet_id'], of: 'routes' }, '10.78.0.0/24 by 10.9.0.200'],
  ['the gateway of a subnet', { noun: 'subnet', id: address['subnet_id'], of: 'gateway' }, '10.9.0.1'],
  ['the bytes of an image', { noun: 'image', id: image['id'], of: 'bytes' }, `the bytes of ${image['id']}`],
]
for (const [what, aspect, is] of changes) {
  test(`${what} is another one than was acknowledged`, async () => {
    const told = new Ledger()
    told.add(aspect.noun, aspect.id, 'demo')
    const answered = { status: 200, repeated: false }
    told.changes.ask(aspect, 'something else')(answered)
    assert.deepEqual(await said(told), [`${aspect.noun} ${aspect.id} was acknowledged to have as ${aspect.of} something else, and has ${is}`])
    told.changes.ask(aspect, is)(answered)
    assert.deepEqual(await said(told), [])
  })
}

test('an image that was put and is not there for use', async () => {
  const told = new Ledger()
  told.add('image', image['id'], 'demo')
  told.changes.ask({ noun: 'image', id: image['id'], of: 'bytes' }, `the bytes of ${image['id']}`)({ status: 204, repeated: false })
  assert.deepEqual(await said(told, changed('glance', 'images', named('own'), { status: 'queued' })), [`image ${image['id']} was acknowledged to have as bytes the bytes of ${image['id']}, and has nothing, and is queued`])
})

test('a floating address may lose a port that somebody removed', async () => {
  const told = new Ledger()
  told.add('floatingip', floating['id'], 'demo')
  told.add('port', 'removed', 'demo')
  told.changes.ask({ noun: 'floatingip', id: floating['id'], of: 'port' }, 'removed')({ status: 200, repeated: false })
  told.removed('removed', 204)
  assert.deepEqual(await said(told), [])
})

test('a server is in no group any more when somebody removed that, and a user has no role that is gone', async () => {
  const told = new Ledger()
  for (const [noun, id] of [['server', web['uuid']], ['user', other['id']], ['server-group', 'g'], ['role', 'r']] as const) told.add(noun, id, 'demo')
  const answered = { status: 200, repeated: false }
  told.changes.ask({ noun: 'server', id: web['uuid'], of: 'group' }, 'g')(answered)
  told.changes.ask({ noun: 'user', id: other['id'], of: `role r in ${project['id']}` }, 'there')(answered)
  for (const id of ['g', 'r']) told.removed(id, 204)
  assert.deepEqual(await said(told), [])
})

test('a volume that grew and is as small as before, or that did not and is larger', async () => {
  const created = await row('cinder', 'operations', (each) => each['kind'] === 'volume.create' && each['resource_id'] === volume['id'])
  const growth = (status: string, fromGiB: number, toGiB: number) => added('cinder', 'operations', { ...created, id: `to ${toGiB}`, kind: 'volume.extend', status, input: JSON.stringify({ volumeId: volume['id'], fromGiB, toGiB }) })
  assert.deepEqual(await said(new Ledger(), growth('done', 1, 2)), [`volume ${volume['id']} grew to 2 GiB, and has 1`])
  assert.deepEqual(await said(new Ledger(), growth('failed', 1, 2)), [])
  const larger = changed('cinder', 'volumes', named('data'), { size: 2 })
  assert.deepEqual(await said(new Ledger(), (spoilt) => larger(growth('failed', 1, 2)(spoilt))), [`volume ${volume['id']} grew to 1 GiB, and has 2`])
})

test('something that was accepted and that nobody knows', async () => {
  const told = new Ledger()
  told.accepted.add('lost')
  assert.deepEqual(await said(told), ['operation lost was accepted, and nobody knows it'])
})

test('a volume that was given to a server which does not have it, or taken and still there', async () => {
  const attach = await row('nova_cell1', 'operations', (each) => each['kind'] === 'server.attach-volume')
  const ofVolume = (each: Row) => each['volume_id'] === volume['id']
  assert.deepEqual(await said(new Ledger(), removed('nova_cell1', 'block_device_mappings', ofVolume)), [`server ${web['uuid']} was given volume ${volume['id']}, and does not have it`])
  const detach = { ...attach, id: 'later', kind: 'server.detach-volume', finished_at: '2020-01-01T00:00:00.000Z' } // its clock was moved
  assert.deepEqual(await said(new Ledger(), added('nova_cell1', 'operations', detach)), [`server ${web['uuid']} was rid of volume ${volume['id']}, and has it`])
})

test('a port that was given to a server which does not have it, or taken and still there', async () => {
  const input = (portId: string) => JSON.stringify({ serverId: web['uuid'], portId })
  const operation = { id: 'o', kind: 'server.attach-interface', status: 'done', resource_id: web['uuid'], finished_at: '2027-01-01T00:00:00.000Z' }
  const spare = await row('neutron', 'ports', (each) => each['id'] !== port['id'])
  assert.deepEqual(await said(new Ledger(), added('nova_cell1', 'operations', { ...operation, input: input(spare['id']) })), [`server ${web['uuid']} was given port ${spare['id']}, and does not have it`])
  const detach = { ...operation, kind: 'server.detach-interface', input: input(port['id']) }
  assert.deepEqual(await said(new Ledger(), added('nova_cell1', 'operations', detach)), [`server ${web['uuid']} was rid of port ${port['id']}, and has it`])
})
