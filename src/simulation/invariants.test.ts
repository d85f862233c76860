// Each invariant can fail: one thing is spoilt behind the back of a quiet cloud, and that is what is seen.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FakeVolumeWorld } from '../services/cinder/drivers/fake/index.ts'
import type { MemoryStoreWorld } from '../services/glance/drivers/memory/index.ts'
import type { FakeHost } from '../services/nova/drivers/fake/index.ts'
import { violations } from './invariants.ts'
import type { Row } from './rows.ts'
import { added, changed, engineChanged, quietCloud, removed, rowsChanged, type Spoiling } from './tests/quiet-cloud.ts'

const { rest, ledger, row } = await quietCloud()

const named = (name: string) => (row: Row) => row['display_name'] === name
const [web, asleep, far, gone, broken] = await Promise.all(['web', 'asleep', 'far', 'gone', 'broken'].map((name) => row('nova_cell1', 'instances', named(name)))) as [Row, Row, Row, Row, Row]
const volume = await row('cinder', 'volumes', named('data'))
const attachment = await row('cinder', 'volume_attachments', (each) => each['volume_id'] === volume['id'])
const port = await row('neutron', 'ports', (each) => each['device_id'] === web['uuid'])
const router = await row('neutron', 'routers', () => true)
const floating = await row('neutron', 'floating_ips', () => true)
const image = await row('glance', 'images', (each) => each['name'] === 'own')

const is = (row: Row, key: string) => (each: Row) => each[key] === row[key]
const server = (of: Row) => (each: Row) => each['instance_uuid'] === of['uuid']
const both = (...spoilings: readonly Spoiling[]): Spoiling => (spoilt) => spoilings.reduce((before, spoiling) => spoiling(before), spoilt)
const nova = (host: string, change: (world: FakeHost) => void) => engineChanged<FakeHost>(`nova ${host}`, change)
const cinder = (host: string, change: (world: FakeVolumeWorld) => void) => engineChanged<FakeVolumeWorld>(`cinder ${host}`, change)
const glance = (change: (world: MemoryStoreWorld) => void) => engineChanged<MemoryStoreWorld>('glance', change)
const guestOf = (of: Row, set: Partial<{ state: string; pid: number }>): Spoiling => nova(of['host'], ({ guests }) => {
  const guest = guests.get(of['uuid'])
  assert.ok(guest)
  guests.set(of['uuid'], { ...guest, ...set } as typeof guest)
})
const specOf = (of: Row, set: object): Spoiling => nova(of['host'], ({ guests }) => {
  const guest = guests.get(of['uuid'])
  assert.ok(guest)
  guests.set(of['uuid'], { ...guest, spec: { ...guest.spec, ...set } })
})
const otherHost = (of: Row) => (of['host'] === 'host-1' ? 'host-2' : 'host-1')

/** @param seen exactly what is said */
function spoilt(what: string, spoiling: Spoiling, ...seen: readonly string[]): void {
  test(what, async () => assert.deepEqual(await violations(spoiling(rest), ledger, true), seen))
}

spoilt('a quiet cloud is as it should be', (same) => same)

// Operations and the auditor.
const operation = await row('cinder', 'operations', (each) => each['kind'] === 'volume.create' && each['status'] === 'done')
spoilt('an operation that is still open', changed('cinder', 'operations', is(operation, 'id'), { finished_at: null, status: 'running', position: 1, attempt: 2 }),
  `operation volume.create ${operation['id']} of ${volume['id']} in cinder is running at position 1, attempt 2`)
spoilt('a finding of the auditor', added('nova_api', 'audit_findings', { kind: 'guest.missing', resource: 'r', host: 'host-1', state: 'open', message: 'It is gone.' }), 'the auditor finds guest.missing r on host-1: It is gone.')

// Identity.
const assignment = await row('keystone', 'assignments', (each) => each['actor_type'] === 'user' && each['target_type'] === 'project')
spoilt('a role of a user who is gone', added('keystone', 'assignments', { ...assignment, actor_id: 'nobody' }), 'user nobody is gone and has a role')
spoilt('a role in a project that is gone', added('keystone', 'assignments', { ...assignment, target_id: 'nowhere' }), 'project nowhere is gone and somebody has a role in it')
spoilt('a role that is gone', added('keystone', 'assignments', { ...assignment, role_id: 'nothing' }), `role nothing is gone and ${assignment['actor_id']} has it`)

// Servers.
spoilt('a server under way', changed('nova_cell1', 'instances', is(far, 'uuid'), { task_state: 'rebooting' }), `server ${far['uuid']} rests in task state rebooting`)
spoilt('a server that is neither here nor there', changed('nova_cell1', 'instances', is(far, 'uuid'), { vm_state: 'building' }), `server ${far['uuid']} rests in vm state building`)
spoilt('a request that nobody works on', added('nova_api', 'build_requests', { instance_uuid: 'asked' }), 'server asked is still only a request')
spoilt('a server that counts and is not there', added('nova_api', 'instance_mappings', { instance_uuid: 'ghost', queued_for_delete: 0 }), 'server ghost counts against the quota and is in no cell')
spoilt('a server that does not count', changed('nova_api', 'instance_mappings', server(far), { queued_for_delete: 1 }), `server ${far['uuid']} is there and counts against no quota`)
spoilt('a server without a mapping', removed('nova_api', 'instance_mappings', server(far)), `server ${far['uuid']} has no mapping`)
const action = await row('nova_cell1', 'instance_actions', server(asleep))
spoilt('an action without an end', changed('nova_cell1', 'instance_actions', is(action, 'id'), { finish_time: null }), `the action ${action['action']} of server ${asleep['uuid']} never ends`)
const event = await row('nova_cell1', 'instance_actions_events', (each) => each['action_id'] === action['id'] && each['details'] === null)
const toldOnce = `${event['event']} Success on ${event['host']}: null`
spoilt('an event that is told twice', rowsChanged('nova_cell1', 'instance_actions_events', (events) => [...events.filter((each) => each['action_id'] !== action['id']), event, { ...event, id: 999 }]),
  `the action ${action['action']} of server ${asleep['uuid']} tells the same twice: ${toldOnce}, ${toldOnce}`)

// Places on hosts.
const held = (of: Row, name: string) => (each: Row) => each['consumer_uuid'] === of['uuid'] && each['resource_class'] === name
const place = await row('placement', 'allocations', held(far, 'DISK_GB'))
const provider = await row('placement', 'resource_providers', (each) => each['name'] !== far['node'])
const asked = `1 DISK_GB on ${far['node']}, 1 VCPU on ${far['node']}, 512 MEMORY_MB on ${far['node']}`
const farHolds = (what: string) => `server ${far['uuid']} is to hold ${asked}, and holds ${what}`
spoilt('a server that holds more than it has', changed('placement', 'allocations', held(far, 'DISK_GB'), { used: 2 }), farHolds(asked.replace('1 DISK_GB', '2 DISK_GB').split(', ').sort().join(', ')))
spoilt('a server that holds a part of what it has', removed('placement', 'allocations', held(far, 'DISK_GB')), farHolds(asked.split(', ').slice(1).join(', ')))
spoilt('a server whose place is on another host', changed('placement', 'allocations', (each) => each['consumer_uuid'] === far['uuid'], { provider_uuid: provider['uuid'] }), farHolds(asked.replaceAll(far['node'], provider['name'])))
spoilt('a server that has a place on a second host too', added('placement', 'allocations', { ...place, provider_uuid: provider['uuid'] }), farHolds([...asked.split(', '), `1 DISK_GB on ${provider['name']}`].sort().join(', ')))
spoilt('a host that holds more than it has', changed('placement', 'inventories', (each) => each['provider_uuid'] === place['provider_uuid'] && each['resource_class'] === 'VCPU', { total: 0 }), `${far['node']} has room for 0 VCPU, and ${
  (await rest.rows.of('placement', 'allocations')).filter((each) => each['provider_uuid'] === place['provider_uuid'] && each['resource_class'] === 'VCPU').length} are held`)
spoilt('room that is held for nobody', added('placement', 'allocations', { ...(await row('placement', 'allocations', held(far, 'VCPU'))), consumer_uuid: gone['uuid'] }),
  `allocations are held by ${gone['uuid']}, which is no server on a host`)

// Groups of servers.
const grouped = (policy: string, servers: readonly Row[], most: number | null = null) =>
  both(added('nova_api', 'server_groups', { id: 99, uuid: 'g', policy, max_server_per_host: most }), ...servers.map((each) => added('nova_api', 'server_group_members', { group_id: 99, instance_uuid: each['uuid'] })))
const [near] = (await rest.rows.of('nova_cell1', 'instances')).filter((each) => each['host'] === far['host'] && each['uuid'] !== far['uuid'] && each['deleted'] === 0)
const neighbours: readonly Row[] = near ? [near, far] : [web, asleep]
spoilt('servers that are apart, as they shall be', grouped('anti-affinity', [web, far, gone, broken]))
spoilt('servers that are together, as they shall be', grouped('affinity', [...neighbours, gone, broken]))
spoilt('servers that shall be apart', grouped('anti-affinity', neighbours), `the servers ${neighbours.map((each) => String(each['uuid'])).sort().join(' ')} of group g shall be apart, and are on ${neighbours[0]?.['host']}`)
spoilt('servers of which two may share a host', grouped('anti-affinity', neighbours, 2))
spoilt('servers that shall be together', grouped('affinity', [web, far]), 'the servers of group g shall be together, and are on host-1 host-2')

// Guests.
spoilt('a disk of a server that is gone', added('nova_cell1', 'block_device_mappings', { instance_uuid: gone['uuid'], volume_id: null }), `a disk of server ${gone['uuid']}, which is gone, is still there`)
spoilt('an interface of a server that is gone', added('nova_cell1', 'virtual_interfaces', { instance_uuid: gone['uuid'], uuid: 'p' }), `an interface of server ${gone['uuid']}, which is gone, is still there`)
spoilt('a guest on another host than its server', nova(otherHost(asleep), ({ guests }) => void guests.set(asleep['uuid'], structuredClone((rest.kept.get(`nova ${asleep['host']}`) as FakeHost).guests.get(asleep['uuid'])) as never)),
  `guest ${asleep['uuid']} is on ${otherHost(asleep)}, its server on ${asleep['host']}`)
spoilt('a guest without a server', nova('host-2', ({ guests }) => void guests.set('stray', { spec: { disks: [], ports: [] }, state: 'running', pid: 1 } as never)), 'guest stray is on host-2, its server is gone')
spoilt('a guest that does not run', guestOf(far, { state: 'crashed', pid: 0 }), `server ${far['uuid']} is active and its guest is crashed`)
spoilt('a guest that runs', guestOf(asleep, { state: 'running', pid: 5 }), `server ${asleep['uuid']} is stopped and its guest runs`)
spoilt('a volume that the guest does not see', specOf(web, { disks: [] }), `server ${web['uuid']} has the volumes ${volume['id']}, its guest sees `)
spoilt('a port that the guest does not see', specOf(web, { ports: [] }), `server ${web['uuid']} has the ports ${port['id']}, its guest sees `)
spoilt('a server without a guest', nova(asleep['host'], ({ guests }) => void guests.delete(asleep['uuid'])), `server ${asleep['uuid']} is stopped on ${asleep['host']}, where it has no guest`)

// Networks.
const address = await row('neutron', 'ip_allocations', (each) => each['port_id'] === port['id'])
spoilt('an address that a port holds which is gone', added('neutron', 'ip_allocations', { ...address, ip_address: '10.9.0.250', port_id: 'lost' }), 'address 10.9.0.250 is held by port lost, which is gone')
const otherPort = await row('neutron', 'ports', (each) => each['device_owner'] === 'network:router_gateway')
const outside = await row('neutron', 'ports', (each) => each['device_owner'] === 'network:floatingip')
spoilt('an address on two ports', added('neutron', 'ip_allocations', { ...address, port_id: outside['id'] }), `address ${address['subnet_id']} ${address['ip_address']} is on two ports`)
spoilt('a port on a network that is gone', added('neutron', 'ports', { ...port, id: 'left', network_id: 'nowhere', device_owner: '', device_id: '', host_id: '', vif_type: 'unbound' }), 'port left is on network nowhere, which is gone')
spoilt('a port of a server that is gone', added('neutron', 'ports', { ...port, id: 'left', device_id: gone['uuid'], host_id: '', vif_type: 'unbound' }), `port left belongs to server ${gone['uuid']}, which is gone`)
spoilt('a port that its server does not know', added('neutron', 'ports', { ...port, id: 'left', host_id: '', vif_type: 'unbound' }), `port left says it is of server ${web['uuid']}, which does not know it`)
spoilt('a port that is still wired', both(added('neutron', 'ports', { ...port, id: 'left', host_id: '', vif_type: 'unbound', status: 'BUILD', device_id: broken['uuid'] }), added('nova_cell1', 'virtual_interfaces', { uuid: 'left', instance_uuid: broken['uuid'] })),
  'port left rests in BUILD')
spoilt('a port that two servers name', added('nova_cell1', 'virtual_interfaces', { uuid: port['id'], instance_uuid: broken['uuid'] }), `server ${broken['uuid']} has the port ${port['id']}, which belongs to "${web['uuid']}"`)
spoilt('a port that a server has and neutron has not', added('nova_cell1', 'virtual_interfaces', { uuid: 'lost', instance_uuid: broken['uuid'] }), `server ${broken['uuid']} has the port lost, which is gone`)
spoilt('a floating address without a port', changed('neutron', 'floating_ips', is(floating, 'id'), { floating_port_id: 'lost' }), `floating address ${floating['id']} has no port`)
spoilt('a floating address of a port that is gone', changed('neutron', 'floating_ips', is(floating, 'id'), { fixed_port_id: 'lost' }), `floating address ${floating['id']} leads to a port that is gone`)
spoilt('a floating address through a router that is gone', added('neutron', 'floating_ips', { ...floating, id: 'astray', router_id: 'lost' }), 'floating address astray leads through a router that is gone')
spoilt('a floating address that leads to an address which its port has no more', added('neutron', 'floating_ips', { ...floating, id: 'late', router_id: null, fixed_ip_address: '10.99.0.99' }), `floating address late leads to 10.99.0.99, which port ${floating['fixed_port_id']} does not have`)
spoilt('a router whose gateway is gone', added('neutron', 'routers', { ...router, id: 'closed', host: '', gateway_port_id: 'lost' }), 'router closed has a gateway port that is gone')
spoilt('a port of a router that is gone', added('neutron', 'ports', { ...otherPort, id: 'left', device_id: 'lost' }), 'port left belongs to router lost, which is gone')

// Volumes.
const withSpare = (set: Row) => added('cinder', 'volumes', { ...volume, id: 'spare', attach_status: 'detached', host: 'nowhere', ...set })
spoilt('a volume under way', withSpare({ status: 'creating' }), 'volume spare rests in creating')
spoilt('a volume in use by nobody', withSpare({ status: 'in-use' }), 'volume spare is in-use with the attachments none')
spoilt('a volume that is attached twice', added('cinder', 'volume_attachments', { ...attachment, id: 'second' }), `volume ${volume['id']} is attached 2 times`)
spoilt('a volume that counts more than it has', withSpare({ claimed_size: 9, status: 'available' }), 'volume spare has 1 GiB and counts 9 against the quota')
spoilt('a volume that says somebody uses it', withSpare({ attach_status: 'attached', status: 'available' }), 'volume spare says that it is attached, and nobody uses it')
spoilt('an attachment of a volume that is gone', both(added('cinder', 'volume_attachments', { ...attachment, id: 'second', volume_id: 'lost', instance_uuid: broken['uuid'] }), added('nova_cell1', 'block_device_mappings', { instance_uuid: broken['uuid'], volume_id: 'lost', attachment_id: 'second' })),
  'attachment second is of volume lost, which is gone')
spoilt('an attachment that its server does not know', both(withSpare({ status: 'in-use', attach_status: 'attached' }), added('cinder', 'volume_attachments', { ...attachment, id: 'second', volume_id: 'spare' })),
  `volume spare is attached to server ${web['uuid']}, which does not know it`)
spoilt('a disk that names another attachment', changed('nova_cell1', 'block_device_mappings', (each) => each['volume_id'] === volume['id'], { attachment_id: 'other' }),
  `server ${web['uuid']} names other as its attachment of volume ${volume['id']}, which is none`)
spoilt('a disk without an attachment', both(added('nova_cell1', 'block_device_mappings', { instance_uuid: broken['uuid'], volume_id: 'lost', attachment_id: null })), `server ${broken['uuid']} has the volume lost without an attachment`)
const backend = String(volume['host']).split('@')[0] ?? ''
const elsewhere = backend === 'host-1' ? 'host-2' : 'host-1'
spoilt('storage of a volume that is gone', cinder('host-2', ({ volumes }) => void volumes.set('lost', { sizeGiB: 1, exported: undefined })), 'host-2 has the storage of volume lost, which is gone')
spoilt('storage on another backend', cinder(elsewhere, ({ volumes }) => void volumes.set(volume['id'], { sizeGiB: 1, exported: undefined })), `${elsewhere} has the storage of volume ${volume['id']}, which is on ${volume['host']}`)
spoilt('a volume in use that is not exported', cinder(backend, ({ volumes }) => void volumes.set(volume['id'], { sizeGiB: 1, exported: undefined })), `volume ${volume['id']} is not exported and in-use`)
const exported = { readOnly: false }
spoilt('a volume that grew and has the storage of before', cinder(backend, ({ volumes }) => void volumes.set(volume['id'], { sizeGiB: 2, exported })), `volume ${volume['id']} is in-use with 1 GiB, and its storage has 2`)
const couldNotGrow = (size: number) => both(withSpare({ status: 'error_extending', size, claimed_size: size, host: volume['host'] }), cinder(backend, ({ volumes }) => void volumes.set('spare', { sizeGiB: 2, exported: undefined })), added('cinder', 'messages', { resource_uuid: 'spare', user_message: 'extend volume: The engine refuses.' }))
spoilt('a volume that could not grow and has more than it says', couldNotGrow(1))
spoilt('a volume that could not grow and has less than it says', couldNotGrow(3), 'volume spare is error_extending with 3 GiB, and its storage has 2')
spoilt('a volume without storage', cinder(backend, ({ volumes }) => void volumes.delete(volume['id'])), `volume ${volume['id']} is in-use and has no storage`)

// Images.
const ownBits = Buffer.from(`the bytes of ${image['id']}`)
spoilt('an image under way', changed('glance', 'images', is(image, 'id'), { status: 'saving' }), `image ${image['id']} rests in saving`)
spoilt('an image without data', glance(({ kept }) => void kept.delete(image['bits'])), `image ${image['id']} is active and has no data`, `image ${image['id']} says ${ownBits.length} bytes and has undefined`)
spoilt('an image with data of another size', glance(({ kept }) => void kept.set(image['bits'], Buffer.from('short'))), `image ${image['id']} says ${ownBits.length} bytes and has 5`)
spoilt('an image with other data', glance(({ kept }) => void kept.set(image['bits'], Buffer.alloc(ownBits.length))), `image ${image['id']} has other bytes than its hash is of`)
spoilt('data of no image', glance(({ kept }) => void kept.set('stray', Buffer.from('x'))), 'the store has the data stray, which belong to no image')
spoilt('data that are half there', glance(({ partial }) => void partial.set('stray', Buffer.from('x'))), 'the store has half of the data stray')
spoilt('an upload that nobody makes', added('glance', 'uploads', { image_id: 'i' }), 'an upload of image i is noted that nobody makes')

// What failed.
const failed = await row('cinder', 'operations', (each) => each['status'] === 'failed')
const silent = JSON.stringify({ ...JSON.parse(failed['fault']), step: '' })
const unexplained = JSON.stringify({ ...JSON.parse(failed['fault']), message: 'An unexpected error occurred.' })
const failedWith = (fault: string) => changed('cinder', 'operations', is(failed, 'id'), { fault })
const vague = `operation volume.create ${failed['id']} of ${failed['resource_id']} failed and does not say where and why: `
spoilt('an operation that failed and does not know where', failedWith(silent), vague + silent)
spoilt('an operation that failed and does not know why', failedWith(unexplained), vague + unexplained)
spoilt('a server in error that says nothing', removed('nova_cell1', 'instance_faults', server(broken)), `server ${broken['uuid']} is in error and says nothing of it`)
const fault = (message: string) => changed('nova_cell1', 'instance_faults', server(broken), { message })
for (const message of ['An unexpected error occurred.', 'The build of the server failed: The engine refuses.', 'The build of the server failed while its guest was started: ', 'The build of the server failed at the step spawn: undefined.']) {
  spoilt(`a fault that says only '${message}'`, fault(message), `the fault of server ${broken['uuid']} does not say where and why: ${JSON.stringify(message)}`)
}
const failedEvent = await row('nova_cell1', 'instance_actions_events', (each) => each['result'] === 'Error')
spoilt('an event that failed and does not say why', changed('nova_cell1', 'instance_actions_events', is(failedEvent, 'id'), { details: null }), `the event ${failedEvent['event']} of server ${broken['uuid']} does not say where and why it failed: null`)
spoilt('an action of which an event failed, and which does not say so', changed('nova_cell1', 'instance_actions', server(broken), { message: null }), `the action create of server ${broken['uuid']} says null, and 1 of its events failed`)
spoilt('an action of which an event failed, and which says no more than that', changed('nova_cell1', 'instance_actions', server(broken), { message: 'Error' }), `the action create of server ${broken['uuid']} says "Error", and 1 of its events failed`)
const stop = await row('nova_cell1', 'operations', (each) => each['kind'] === 'server.stop')
spoilt('an action whose operation failed, and which does not say so', changed('nova_cell1', 'operations', is(stop, 'id'), { status: 'failed', fault: failed['fault'] }), `operation server.stop of server ${asleep['uuid']} failed, and its action does not say so`)
const spoiltVolume = `volume ${failed['resource_id']}`
spoilt('a volume in error that says nothing', removed('cinder', 'messages', () => true), `${spoiltVolume} is in error and says nothing of it`, `operation volume.create of ${spoiltVolume} failed, and its owner was not told`)
spoilt('a message that says nothing', changed('cinder', 'messages', () => true, { user_message: 'create volume: ' }), `the message about ${spoiltVolume} does not say where and why: "create volume: "`)
