// The auditor of a cloud whose guests, allocations, ports and attachments are broken by hand.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { systemIds } from '#core/context'
import { auditorOf, quickAudit } from '../../../app/testing/audit.ts'
import { type Bench, boot, must, show, startBench, until, untilGone, untilStatus } from './bench.ts'
import { garden } from './plant.ts'

async function startLab(t: TestContext) {
  const bench = await startBench(t, { config: { nova: quickAudit, cinder: quickAudit } })
  const id = await boot(bench)
  await untilStatus(bench.demo, id, 'ACTIVE')
  const { world } = bench.playground
  assert.ok(world)
  const auditor = auditorOf(bench.cloud, 'nova')
  assert.deepEqual(await auditor.history(), [], 'a cloud in order')
  return { ...bench, id, world, auditor, bench }
}

/** Another guest like the one that is there. */
function plantGuest({ world, id }: { world: NonNullable<Bench['playground']['world']>; id: string }, serverId: string): void {
  const guest = world.guests.get(id)
  assert.ok(guest)
  world.guests.set(serverId, { ...guest, spec: { ...guest.spec, serverId }, pid: world.nextPid++ })
}

test('a server whose guest stopped unheard is SHUTOFF, and a stopped one whose guest runs is stopped', async (t) => {
  const { demo, id, world, auditor } = await startLab(t)
  const guest = world.guests.get(id)
  assert.ok(guest)
  Object.assign(guest, { state: 'crashed', pid: 0 })
  assert.deepEqual(await auditor.history(), [`server.power ${id} repaired`])
  assert.equal((await show(demo, id)).status, 'SHUTOFF')
  Object.assign(guest, { state: 'running', pid: 4711 })
  await auditor.audit()
  await untilStatus(demo, id, 'SHUTOFF')
  await until('the guest is stopped', async () => guest.pid === 0)
  assert.deepEqual(await auditor.audit(), [])
})

test('a guest of a deleted server goes by itself, one that nova does not know when asked, and a lost one is told', async (t) => {
  const lab = await startLab(t)
  const { demo, id, world, auditor } = lab
  const gone = await boot(lab.bench)
  await untilStatus(demo, gone, 'ACTIVE')
  must(await demo.call('nova', 'DELETE', `/v2.1/servers/${gone}`), 204)
  await untilGone(demo, gone)
  // Until its last step is done the guest is the deletion's business.
  await until('its deletion is over', async () => must(await demo.call('nova', 'GET', `/v1/operations?resource=${gone}`), 200).operations.every(({ status }: { status: string }) => status === 'done'))
  const stray = systemIds.uuid()
  for (const serverId of [gone, stray]) plantGuest(lab, serverId)

  const open = await auditor.audit()
  assert.deepEqual([open.map(({ kind, resource, remedy }) => [kind, resource, remedy]), [...world.guests.keys()].sort()], [[['guest.stray', stray, 'when-asked']], [id, stray].sort()])
  assert.equal((await auditor.repair(open[0]?.id ?? '')).state, 'repaired')
  assert.deepEqual([...world.guests.keys()], [id])
  world.guests.delete(id)
  assert.deepEqual(await auditor.history(), [`guest.missing ${id} open`, `guest.of-deleted-server ${gone} repaired`, `guest.stray ${stray} repaired`])
})

test('an image that glance has no more leaves the cache when no guest stands on it', async (t) => {
  const { admin, demo, id, imageId, world, auditor } = await startLab(t)
  world.images.set(systemIds.uuid(), { virtualSizeBytes: 1, hash: 'x' })
  assert.equal(world.images.size, 2)
  must(await admin.call('glance', 'DELETE', `/v2/images/${imageId}`), 204)
  await auditor.audit()
  assert.deepEqual([...world.images.keys()], [imageId], 'a guest stands on the other')
  must(await demo.call('nova', 'DELETE', `/v2.1/servers/${id}`), 204)
  await untilGone(demo, id)
  await auditor.audit()
  assert.equal(world.images.size, 0)
})

test('room that is held for nobody, and a server for which none is held', async (t) => {
  const { admin, demo, id, auditor } = await startLab(t)
  const held = async (consumer: string) => must(await admin.call('placement', 'GET', `/allocations/${consumer}`, undefined, { 'openstack-api-version': 'placement 1.28' }), 200)
  const before = await held(id)
  const stray = systemIds.uuid()
  const [provider] = Object.keys(before.allocations)
  const body = { allocations: { [String(provider)]: { resources: { VCPU: 1 } } }, project_id: demo.projectId, user_id: demo.userId, consumer_generation: null }
  must(await admin.call('placement', 'PUT', `/allocations/${stray}`, body, { 'openstack-api-version': 'placement 1.28' }), 204)
  must(await admin.call('placement', 'DELETE', `/allocations/${id}`), 204)

  const open = await auditor.audit()
  assert.deepEqual(open.map(({ kind, resource }) => [kind, resource]), [['allocation.stray', stray]])
  const amounts = (all: any) => Object.values(all.allocations).map((each: any) => each.resources)
  assert.deepEqual([amounts(await held(id)), (await held(id)).project_id], [amounts(before), before.project_id])
  await auditor.repair(open[0]?.id ?? '')
  assert.deepEqual((await held(stray)).allocations, {})
  assert.deepEqual(await auditor.audit(), [])
})

test('room of another amount than the flavor’s is corrected, and room on a second provider is given back when asked', async (t) => {
  const { admin, demo, id, auditor } = await startLab(t)
  const placement = async (method: string, path: string, body?: unknown) => must(await admin.call('placement', method, path, body, { 'openstack-api-version': 'placement 1.28' }), 200, 204)
  const held = async (): Promise<any> => placement('GET', `/allocations/${id}`)
  const hold = async (allocations: object) => placement('PUT', `/allocations/${id}`, { allocations, project_id: demo.projectId, user_id: demo.userId, consumer_generation: (await held()).consumer_generation })
  const before = (await held()).allocations
  const [provider = ''] = Object.keys(before)
  await hold({ [provider]: { resources: { ...before[provider].resources, VCPU: before[provider].resources.VCPU + 1 } } })
  assert.deepEqual(await auditor.history(), [`allocation.amount ${id} repaired`])
  assert.deepEqual((await held()).allocations[provider].resources, before[provider].resources)

  const second = await placement('POST', '/resource_providers', { name: 'left-over' })
  await placement('PUT', `/resource_providers/${second.uuid}/inventories`, { resource_provider_generation: 0, inventories: { VCPU: { total: 4 } } })
  await hold({ [provider]: { resources: before[provider].resources }, [second.uuid]: { resources: { VCPU: 1 } } })
  const [double, ...more] = await auditor.audit()
  assert.deepEqual([double?.kind, double?.resource, double?.remedy, more], ['allocation.double', id, 'when-asked', []])
  assert.match(double?.message ?? '', /on left-over too/)
  await auditor.repair(double?.id ?? '')
  assert.deepEqual(Object.keys((await held()).allocations), [provider])

  await hold({ [second.uuid]: { resources: { VCPU: 1 } } })
  const [elsewhere] = await auditor.audit()
  assert.deepEqual([elsewhere?.kind, elsewhere?.remedy], ['allocation.elsewhere', 'when-asked'])
  await auditor.repair(elsewhere?.id ?? '')
  assert.deepEqual((await held()).allocations[provider].resources, before[provider].resources)
  assert.deepEqual(await auditor.audit(), [])
})

test('room that was taken late, for a server that was deleted before it came to a host, is given back by itself', async (t) => {
  const { cloud, admin, demo, id, auditor } = await startLab(t)
  const { api } = await garden(t, cloud)
  const placement = async (method: string, path: string, body?: unknown) => must(await admin.call('placement', method, path, body, { 'openstack-api-version': 'placement 1.28' }), 200, 204)
  const [provider] = Object.keys((await placement('GET', `/allocations/${id}`)).allocations)
  const late = systemIds.uuid()
  await api.transaction((tx) => tx.insertInto('operations').values({
    id: systemIds.uuid(), kind: 'server.delete', resource_id: late, project_id: demo.projectId, input: '{}', identity: '{}', request_id: 'r', trace_id: null, status: 'done', position: 7,
    attempt: 1, epoch: 1, lease_owner: null, lease_until: null, cancel_requested: 0, not_before: null, deadline_at: '2026-01-01T01:00:00.000Z', fault: null,
    created_at: '2026-01-01T00:00:00.000Z', finished_at: '2026-01-01T00:00:01.000Z',
  }).execute())
  await placement('PUT', `/allocations/${late}`, { allocations: { [String(provider)]: { resources: { VCPU: 1 } } }, project_id: demo.projectId, user_id: demo.userId, consumer_generation: null })
  assert.deepEqual(await auditor.history(), [`allocation.of-deleted-server ${late} repaired`])
  assert.deepEqual((await placement('GET', `/allocations/${late}`)).allocations, {})
})

test('ports and attachments of servers that are not there', async (t) => {
  const { admin, demo, id, networkId, auditor } = await startLab(t)
  const ghost = systemIds.uuid()
  const { port } = must(await admin.call('neutron', 'POST', '/v2.0/ports', { port: { network_id: networkId, project_id: demo.projectId, device_id: ghost, device_owner: 'compute:nova' } }), 201)
  const { volume } = must(await demo.call('cinder', 'POST', '/v3/volumes', { volume: { size: 1 } }), 202)
  await until('the volume is available', async () => must(await demo.call('cinder', 'GET', `/v3/volumes/${volume.id}`), 200).volume.status === 'available')
  const { attachment } = must(await demo.call('cinder', 'POST', '/v3/attachments', { attachment: { volume_uuid: volume.id, instance_uuid: id } }, { 'openstack-api-version': 'volume 3.54' }), 200)

  const open = await auditor.audit()
  assert.deepEqual(open.map(({ kind, resource, remedy }) => [kind, resource, remedy]).sort(([a = ''], [b = '']) => a.localeCompare(b)), [
    ['attachment.stray', attachment.id, 'when-asked'], ['port.stray', port.id, 'when-asked'],
  ])
  for (const finding of open) assert.equal((await auditor.repair(finding.id)).state, 'repaired')
  assert.equal((await admin.call('neutron', 'GET', `/v2.0/ports/${port.id}`)).status, 404)
  assert.equal(must(await demo.call('cinder', 'GET', `/v3/volumes/${volume.id}`), 200).volume.status, 'available')
})

test('a port that is bound elsewhere or could not be plugged in is bound to its server’s host, and one that the server does not have is told to it', async (t) => {
  const { admin, demo, id, networkId, world, auditor } = await startLab(t)
  const portsOf = async () => must(await admin.call('neutron', 'GET', `/v2.0/ports?device_id=${id}`), 200).ports as { 'id': string; 'binding:host_id': string; 'binding:vif_type': string }[]
  const [own] = await portsOf()
  assert.ok(own)
  must(await admin.call('neutron', 'PUT', `/v2.0/ports/${own.id}`, { port: { 'binding:host_id': 'nowhere' } }), 200)
  assert.equal((await portsOf())[0]?.['binding:vif_type'], 'binding_failed')
  const { port: untold } = must(await demo.call('neutron', 'POST', '/v2.0/ports', { port: { network_id: networkId, device_id: id, device_owner: 'compute:nova' } }), 201)

  assert.deepEqual(await auditor.history(), [`port.elsewhere ${own.id} repaired`, `port.untold ${untold.id} repaired`])
  // The server has the second one now, so that belongs to its host too.
  assert.deepEqual((await auditor.history()).filter((each) => each.includes(untold.id) && each.startsWith('port.')), [`port.elsewhere ${untold.id} repaired`, `port.untold ${untold.id} repaired`])
  assert.deepEqual((await portsOf()).map((port) => [port['binding:host_id'], port['binding:vif_type']]), [['host-1', 'bridge'], ['host-1', 'bridge']])
  const { interfaceAttachments } = must(await demo.call('nova', 'GET', `/v2.1/servers/${id}/os-interface`), 200)
  assert.deepEqual(new Set(interfaceAttachments.map((each: any) => each.port_id)), new Set([own.id, untold.id]))
  assert.deepEqual(await auditor.audit(), [])
  assert.deepEqual(world.guests.get(id)?.spec.ports.map(({ portId }) => portId), [own.id, untold.id], 'its guest has got a device for it')
})

/** A server with a volume, and what its guest has. */
async function startLabWithVolume(t: TestContext) {
  const lab = await startLab(t)
  const { demo, id, world } = lab
  const { volume } = must(await demo.call('cinder', 'POST', '/v3/volumes', { volume: { size: 1 } }), 202)
  const is = (status: string) => until(`the volume is ${status}`, async () => must(await demo.call('cinder', 'GET', `/v3/volumes/${volume.id}`), 200).volume.status === status)
  await is('available')
  must(await demo.call('nova', 'POST', `/v2.1/servers/${id}/os-volume_attachments`, { volumeAttachment: { volumeId: volume.id } }), 200)
  await is('in-use')
  const guest = world.guests.get(id)
  assert.ok(guest)
  await until('nothing is worked on', async () => must(await demo.call('nova', 'GET', `/v1/operations?resource=${id}`), 200).operations.every(({ status }: { status: string }) => status === 'done'))
  const [disk, port] = [guest.spec.disks.find(({ kind }) => kind === 'volume'), guest.spec.ports[0]]
  assert.ok(disk?.kind === 'volume' && port)
  const has = () => [guest.spec.disks.flatMap((each) => (each.kind === 'volume' ? [each.volumeId] : [])), guest.spec.ports.map(({ portId }) => portId)]
  return { ...lab, volumeId: String(volume.id), guest, disk, port, has }
}

test('a disk and an interface that were pulled out of a running guest are plugged in again', async (t) => {
  const { demo, id, volumeId, guest, disk, port, has, auditor } = await startLabWithVolume(t)
  assert.deepEqual(await auditor.history(), [], 'a server with a volume, in order')
  const pull = () => (guest.spec = { ...guest.spec, disks: guest.spec.disks.filter(({ kind }) => kind !== 'volume'), ports: [] })
  pull()
  assert.deepEqual(await auditor.history(), [`guest.port-missing ${port.portId} repaired`, `guest.volume-missing ${volumeId} repaired`])
  assert.deepEqual([has(), guest.spec.disks.find(({ kind }) => kind === 'volume'), guest.spec.ports[0]], [[[volumeId], [port.portId]], disk, port])
  must(await demo.call('nova', 'POST', `/v2.1/servers/${id}/action`, { 'os-stop': null }), 202)
  await untilStatus(demo, id, 'SHUTOFF')
  pull()
  assert.deepEqual([await auditor.audit(), has()], [[], [[], []]], 'a guest that is off is given all when it starts')
})

test('what a guest has and its server does not is told, and unplugged when asked', async (t) => {
  const { volumeId, guest, disk, port, has, auditor } = await startLabWithVolume(t)
  const [strange, odd] = [systemIds.uuid(), systemIds.uuid()]
  guest.spec = { ...guest.spec, disks: [...guest.spec.disks, { ...disk, volumeId: strange }], ports: [...guest.spec.ports, { ...port, portId: odd }] }
  const open = await auditor.audit()
  assert.deepEqual(open.map(({ kind, resource, remedy }) => `${kind} ${resource} ${remedy}`).sort(), [`guest.port-stray ${odd} when-asked`, `guest.volume-stray ${strange} when-asked`])
  assert.deepEqual(has(), [[volumeId, strange], [port.portId, odd]], 'nothing is done unasked')
  for (const { id } of open) assert.equal((await auditor.repair(id)).state, 'repaired')
  assert.deepEqual([has(), await auditor.audit()], [[[volumeId], [port.portId]], []])
})

test('a volume of whose attachment cinder does not know is not plugged in: it may be another server’s by now', async (t) => {
  const { cloud, volumeId, guest, port, has, auditor } = await startLabWithVolume(t)
  const { cell } = await garden(t, cloud)
  await cell.transaction((tx) => tx.updateTable('block_device_mappings').set({ attachment_id: systemIds.uuid() }).where('volume_id', '=', volumeId).execute())
  guest.spec = { ...guest.spec, disks: guest.spec.disks.filter(({ kind }) => kind !== 'volume') }
  const open = await auditor.audit()
  assert.deepEqual(open.map(({ kind, resource, done }) => [kind, resource, done]), [
    ['guest.volume-missing', volumeId, `The repair failed: The volume ${volumeId} is not attached to the server in cinder.`],
  ])
  assert.deepEqual(has(), [[], [port.portId]])
})

test('a port that is not bound to the host is not plugged into a guest there', async (t) => {
  const { admin, volumeId, guest, port, has, auditor } = await startLabWithVolume(t)
  must(await admin.call('neutron', 'PUT', `/v2.0/ports/${port.portId}`, { port: { 'binding:host_id': 'nowhere' } }), 200)
  guest.spec = { ...guest.spec, ports: [] }
  const open = await auditor.audit()
  assert.deepEqual(open.map(({ kind, resource, done }) => [kind, resource, done]), [
    ['guest.port-missing', port.portId, `The repair failed: The port ${port.portId} is not bound to host-1 for the server.`],
  ])
  // It has been bound to the host meanwhile.
  assert.deepEqual([await auditor.audit(), has()], [[], [[volumeId], [port.portId]]])
})

test('the port of a server whose guest is not where its row says is left where it works', async (t) => {
  const { admin, id, world, auditor } = await startLab(t)
  const [own] = must(await admin.call('neutron', 'GET', `/v2.0/ports?device_id=${id}`), 200).ports
  must(await admin.call('neutron', 'PUT', `/v2.0/ports/${own.id}`, { port: { 'binding:host_id': 'nowhere' } }), 200)
  world.guests.delete(id)
  const open = await auditor.audit()
  assert.deepEqual(open.map(({ kind, resource, done }) => [kind, resource, done]), [
    ['guest.missing', id, ''], ['port.elsewhere', own.id, 'The repair failed: The host host-1 has no guest of the server.'],
  ])
  assert.equal(must(await admin.call('neutron', 'GET', `/v2.0/ports/${own.id}`), 200).port['binding:host_id'], 'nowhere')
})

test('a server that nobody works on, a port that neutron lost, and a volume that cinder does not count', async (t) => {
  const { cloud, admin, demo, id, auditor } = await startLab(t)
  const { cell } = await garden(t, cloud)
  const [lostPort, volume] = [systemIds.uuid(), systemIds.uuid()]
  await cell.transaction(async (tx) => {
    await tx.updateTable('instances').set({ task_state: 'powering-off' }).where('uuid', '=', id).execute()
    await tx.insertInto('virtual_interfaces').values({
      uuid: lostPort, instance_uuid: id, network_id: 'n', network_name: 'n', address: 'fa:16:3e:00:00:01', addresses: '[]', security_groups: '[]', tap: null, mtu: 1450,
      tag: null, position: 9, preserve: 0, active: 1, created_at: '2026-01-01T00:00:00.000Z',
    }).execute()
    await tx.insertInto('block_device_mappings').values({
      uuid: systemIds.uuid(), instance_uuid: id, source_type: 'volume', destination_type: 'volume', guest_format: null, device_type: null, disk_bus: null, boot_index: null,
      image_id: null, snapshot_id: null, volume_id: volume, volume_size: 1, volume_type: null, device_name: '/dev/vdz', delete_on_termination: 0, tag: null, attachment_id: 'a',
      connection_info: null, made_volume: 0, detaching: 0, former_volume_id: null, created_at: '2026-01-01T00:00:00.000Z', updated_at: null,
    }).execute()
  })
  // The server loses the port by an operation; what that works on is looked at afterwards.
  await auditor.audit()
  await until('the server is without the port', async () => (await cell.read.selectFrom('virtual_interfaces').select('uuid').where('uuid', '=', lostPort).execute()).length === 0)
  await until('nothing is worked on', async () => must(await admin.call('nova', 'GET', '/v1/operations?open=true&all_projects=true'), 200).operations.length === 0)
  const open = await auditor.audit()
  assert.deepEqual(open.map(({ kind, resource, remedy }) => [kind, resource, remedy]).sort(([a = ''], [b = '']) => a.localeCompare(b)), [
    ['attachment.missing', volume, 'none'], ['server.unowned', id, 'when-asked'],
  ])
  await auditor.repair(open.find(({ kind }) => kind === 'server.unowned')?.id ?? '')
  assert.deepEqual([(await show(demo, id)).status, (await show(demo, id))['OS-EXT-STS:task_state']], ['ACTIVE', null])
})
