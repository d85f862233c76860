// Operations and events over all services, as a client that waits for a server sees them.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '#core/context'
import { type EventTables, openDatabase } from '#core/db'
import { silentLog } from '#core/observe'
import { type Session, startCloud, type TestCloud } from '../../src/app/testing/index.ts'
import { forgetEvents } from '../../src/core/events/log.ts'
import { cinderMigrations } from '../../src/services/cinder/db/migrations/index.ts'
import { watch } from '../../src/services/nimbo/tests/watching.ts'

const everything = ['placement', 'glance', 'neutron', 'cinder', 'nimbo', 'nova'] as const
const operationHeader = 'nimbo-operation-id'

async function must(session: Session, ...call: Parameters<Session['call']>): Promise<any> {
  const reply = await session.call(...call)
  assert.ok(reply.status < 300, `${call[1]} ${call[2]}: ${reply.status} ${JSON.stringify(reply.body)}`)
  return reply.body
}

interface Prepared {
  readonly cloud: TestCloud
  readonly admin: Session
  readonly demo: Session
  readonly network: string
  readonly server: object
}

async function prepare(t: TestContext, options: Parameters<typeof startCloud>[2] = {}): Promise<Prepared> {
  const cloud = await startCloud(t, everything, options)
  const [admin, demo] = [await cloud.login('admin'), await cloud.login('demo')]
  await must(admin, 'nova', 'POST', '/v2.1/flavors', { flavor: { id: '42', name: 'm1.nano', ram: 128, vcpus: 1, disk: 1 } })
  const image = await must(demo, 'glance', 'POST', '/v2/images', { name: 'disk', disk_format: 'raw', container_format: 'bare' })
  await must(demo, 'glance', 'PUT', `/v2/images/${image.id}/file`, '\0'.repeat(4096), { 'content-type': 'application/octet-stream' })
  const { network } = await must(demo, 'neutron', 'POST', '/v2.0/networks', { network: { name: 'private' } })
  await must(demo, 'neutron', 'POST', '/v2.0/subnets', { subnet: { network_id: network.id, ip_version: 4, cidr: '10.1.0.0/24' } })
  return { cloud, admin, demo, network: network.id, server: { name: 'web', imageRef: image.id, flavorRef: '42', networks: [{ uuid: network.id }] } }
}

async function until<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 1500; tries++) {
    const answer = await ask()
    if (answer !== undefined) return answer
    await sleep(10)
  }
  throw new Error('it did not come true within 15 s')
}

const hasStatus = (session: Session, id: string, status: string) =>
  until(async () => ((await session.call('nova', 'GET', `/v2.1/servers/${id}`)).body.server?.status === status ? true : undefined))

test('a stream tells a boot from its request to its end, in order, and ends with the states that the APIs show', async (t) => {
  const { cloud, demo, server } = await prepare(t, { sockets: true })
  const stream = await watch(cloud, demo.token)
  const reply = await demo.call('nova', 'POST', '/v2.1/servers', { server })
  const [operation, id] = [reply.headers[operationHeader], reply.body.server.id]
  await stream.until((event) => event.type === 'operation.ended' && event.operation_id === operation)

  const steps = stream.events.filter((event) => event.type === 'operation.step' && event.operation_id === operation)
  const started = steps.filter(({ after }) => after?.['status'] === 'started').map(({ after }) => after?.['step'])
  const done = steps.filter(({ after }) => after?.['status'] === 'done').map(({ after }) => after?.['step'])
  const shown = (await demo.call('nimbo', 'GET', `/v1/operations/${operation}`)).body.operation
  assert.equal(shown.status, 'done')
  assert.deepEqual([shown.kind, shown.resource], ['server.build', { type: 'server', id }])
  assert.ok(started.includes('spawn') && started.at(-1) === 'publish')
  assert.deepEqual([started, done], [shown.steps.map((step: { step: string }) => step.step), started])

  const states = stream.events.filter((event) => event.resource.type === 'server' && event.type.startsWith('server.'))
  assert.deepEqual(states.map(({ type, after }) => [type, after?.['status']]), [['server.created', 'BUILD'], ['server.state', 'ACTIVE']])
  assert.equal(states.at(-1)?.operation_id, operation)
  assert.equal(states.at(-1)?.request_id, reply.headers['x-openstack-request-id'])
  const { ports } = (await demo.call('neutron', 'GET', `/v2.0/ports?device_id=${id}`)).body
  const port = stream.events.filter((event) => event.type.startsWith('port.') && event.resource.id === ports[0].id)
  assert.deepEqual(port.map(({ after }) => after?.['status']), ['DOWN', 'BUILD', ports[0].status])
  const begun = stream.events.findIndex((event) => event.type === 'operation.begun' && event.operation_id === operation)
  const active = stream.events.findIndex((event) => event.after?.['status'] === 'ACTIVE' && event.resource.id === id)
  const ended = stream.events.findIndex((event) => event.type === 'operation.ended' && event.operation_id === operation)
  assert.ok(begun < active && active < ended, `${begun} ${active} ${ended}`)
  await stream.close()
})

test('a stream goes on where it broke off, without a gap or a repetition, also when the cloud was restarted meanwhile', async (t) => {
  const { cloud, demo, server } = await prepare(t, { sockets: true })
  const whole = await watch(cloud, demo.token)
  const first = await watch(cloud, demo.token)
  const { server: { id } } = await must(demo, 'nova', 'POST', '/v2.1/servers', { server })
  await first.until((event) => event.type === 'operation.step' && event.after?.['step'] === 'create-ports')
  await first.close()
  await whole.until((event) => event.type === 'operation.ended' && event.resource.id === id)
  const second = await watch(cloud, demo.token, '', { headers: { 'last-event-id': first.cursor } })
  await second.until((event) => event.type === 'operation.ended' && event.resource.id === id)
  await must(demo, 'nova', 'POST', `/v2.1/servers/${id}/action`, { 'os-stop': null })
  await second.close()
  await whole.until((event) => event.type === 'operation.ended' && event.after?.['kind'] === 'server.stop')
  await whole.close()

  const again = await cloud.restart()
  const later = await again.login('demo')
  const third = await watch(again, later.token, `cursor=${encodeURIComponent(second.cursor)}`)
  await must(later, 'nova', 'DELETE', `/v2.1/servers/${id}`)
  await third.until((event) => event.type === 'server.deleted' && event.resource.id === id)
  await third.until((event) => event.type === 'operation.ended' && event.after?.['kind'] === 'server.delete')
  const all = await watch(again, later.token, `cursor=${whole.events[0]?.cursor}`)
  await all.until((event) => event.type === 'operation.ended' && event.after?.['kind'] === 'server.delete')

  const ids = (...events: { id: string }[][]) => events.flat().map((event) => event.id)
  const pieces = () => ids(first.events, second.events, third.events)
  const seen = () => ids(whole.events.slice(0, 1), all.events.filter(({ id: each }) => each !== whole.events[0]?.id))
  // What came last has come to one stream and not yet to the other: until nothing is under way, and both have all.
  await until(async () => (await must(later, 'nimbo', 'GET', '/v1/operations?open=true')).operations.length === 0 && new Set(pieces()).size === new Set(seen()).size || undefined)
  assert.deepEqual(pieces().filter((each, at, every) => every.indexOf(each) !== at), [])
  const byLog = (list: string[]) => Object.groupBy(list, (each) => each.split('-')[0] ?? '')
  assert.deepEqual(byLog(pieces()), byLog(seen()))
  await third.close()
  await all.close()
})

type Begins = (kind: string | readonly string[], ...call: Parameters<Session['call']>) => Promise<any>

/** @returns what makes a request and sees that its answer names an operation of each kind, all of which can be looked at; their ids come into `seen` */
function namingOperations(session: Session, seen: string[]): Begins {
  return async (kinds, ...call) => {
    const reply = await session.call(...call)
    assert.ok(reply.status < 300, `${call[1]} ${call[2]}: ${reply.status} ${JSON.stringify(reply.body)}`)
    const ids = reply.headers[operationHeader]?.split(',') ?? []
    const shown = await Promise.all(ids.map(async (id) => (await session.call('nimbo', 'GET', `/v1/operations/${id}`)).body.operation?.kind as string))
    assert.deepEqual(shown.sort(), [kinds].flat(), `${call[1]} ${call[2]}`)
    seen.push(...ids)
    return reply.body
  }
}

test('every request that begins something names its operations, and the operation is there', async (t) => {
  const { demo, server, network, cloud } = await prepare(t)
  const seen: string[] = []
  const begins = namingOperations(demo, seen)
  const twice = await begins(['server.build', 'server.build'], 'nova', 'POST', '/v2.1/servers', { server: { ...server, min_count: 2, return_reservation_id: true } })
  assert.ok(twice.reservation_id)
  const { server: { id } } = await begins('server.build', 'nova', 'POST', '/v2.1/servers', { server })
  await hasStatus(demo, id, 'ACTIVE')
  const hasEnded = (kind: string) => until(async () => {
    const { operations } = (await demo.call('nimbo', 'GET', `/v1/operations?kind=${kind}&resource=${id}&open=false`)).body
    return operations.length > 0 ? true : undefined
  })
  const act = (kind: string, body: object) => begins(kind, 'nova', 'POST', `/v2.1/servers/${id}/action`, body)
  await act('server.stop', { 'os-stop': null })
  await hasStatus(demo, id, 'SHUTOFF')
  await act('server.start', { 'os-start': null })
  await hasStatus(demo, id, 'ACTIVE')
  await act('server.reboot', { reboot: { type: 'HARD' } })
  await hasStatus(demo, id, 'ACTIVE')
  const { volume } = await begins('volume.create', 'cinder', 'POST', '/v3/volumes', { volume: { size: 1 } })
  const volumeIs = (status: string) => until(async () => ((await demo.call('cinder', 'GET', `/v3/volumes/${volume.id}`)).body.volume.status === status ? true : undefined))
  await volumeIs('available')
  await begins('volume.extend', 'cinder', 'POST', `/v3/volumes/${volume.id}/action`, { 'os-extend': { new_size: 2 } })
  await volumeIs('available')
  await begins('server.attach-volume', 'nova', 'POST', `/v2.1/servers/${id}/os-volume_attachments`, { volumeAttachment: { volumeId: volume.id } })
  await volumeIs('in-use')
  await hasEnded('server.attach-volume')
  await begins('server.detach-volume', 'nova', 'DELETE', `/v2.1/servers/${id}/os-volume_attachments/${volume.id}`)
  await volumeIs('available')
  await begins('volume.delete', 'cinder', 'DELETE', `/v3/volumes/${volume.id}`)
  await hasEnded('server.detach-volume')
  const { interfaceAttachment } = await begins('server.attach-interface', 'nova', 'POST', `/v2.1/servers/${id}/os-interface`, { interfaceAttachment: { net_id: network } })
  await hasEnded('server.attach-interface')
  await begins('server.detach-interface', 'nova', 'DELETE', `/v2.1/servers/${id}/os-interface/${interfaceAttachment.port_id}`)
  await begins('server.delete', 'nova', 'DELETE', `/v2.1/servers/${id}`)
  const image = await begins([], 'glance', 'POST', '/v2/images', { name: 'other', disk_format: 'raw', container_format: 'bare' })
  await begins('image.upload', 'glance', 'PUT', `/v2/images/${image.id}/file`, '\0'.repeat(4096), { 'content-type': 'application/octet-stream' })
  await begins('image.remove-bits', 'glance', 'DELETE', `/v2/images/${image.id}`)
  await begins([], 'nova', 'GET', '/v2.1/servers')

  const stranger = await cloud.login('stranger')
  for (const operation of seen) assert.equal((await stranger.call('nimbo', 'GET', `/v1/operations/${operation}`)).status, 404)
})

test('requests to the network service name what hosts do for them', async (t) => {
  const { admin, demo, server } = await prepare(t)
  const asked = (session: Session) => {
    const begins = namingOperations(session, [])
    return (kinds: string | readonly string[], method: string, path: string, body?: object) => begins(kinds, 'neutron', method, `/v2.0/${path}`, body)
  }
  const [send, sendAsAdmin] = [asked(demo), asked(admin)]
  const { network: outside } = await sendAsAdmin([], 'POST', 'networks', { network: { name: 'outside', 'router:external': true } })
  await sendAsAdmin('network.sync', 'POST', 'subnets', { subnet: { network_id: outside.id, ip_version: 4, cidr: '203.0.113.0/24' } })
  const { network } = await send([], 'POST', 'networks', { network: { name: 'blue' } })
  const { subnet } = await send('network.sync', 'POST', 'subnets', { subnet: { network_id: network.id, ip_version: 4, cidr: '10.2.0.0/24' } })
  const { port } = await send('security-group.sync', 'POST', 'ports', { port: { network_id: network.id } })
  const { server: { id } } = await must(demo, 'nova', 'POST', '/v2.1/servers', { server: { ...server, networks: [{ port: port.id }] } })
  await hasStatus(demo, id, 'ACTIVE')
  await send(['port.announce', 'port.wire', 'security-group.sync'], 'PUT', `ports/${port.id}`, { port: { fixed_ips: [{ subnet_id: subnet.id, ip_address: '10.2.0.9' }] } })

  const { security_group: group } = await send([], 'POST', 'security-groups', { security_group: { name: 'web' } })
  const { security_group_rule: rule } = await send('security-group.sync', 'POST', 'security-group-rules', { security_group_rule: { security_group_id: group.id, direction: 'ingress', protocol: 'tcp' } })
  await send('security-group.sync', 'DELETE', `security-group-rules/${rule.id}`)
  const { router } = await send('router.sync', 'POST', 'routers', { router: { name: 'edge' } })
  await send('router.sync', 'PUT', `routers/${router.id}`, { router: { external_gateway_info: { network_id: outside.id } } })
  await send('router.sync', 'PUT', `routers/${router.id}/add_router_interface`, { subnet_id: subnet.id })
  const { floatingip } = await send([], 'POST', 'floatingips', { floatingip: { floating_network_id: outside.id } })
  await send(['port.announce', 'router.sync'], 'PUT', `floatingips/${floatingip.id}`, { floatingip: { port_id: port.id } })
  await send(['port.announce', 'router.sync'], 'DELETE', `floatingips/${floatingip.id}`)
  await send('router.sync', 'PUT', `routers/${router.id}/remove_router_interface`, { subnet_id: subnet.id })
  await send('router.sync', 'DELETE', `routers/${router.id}`)

  await send(['port.announce', 'port.unwire', 'security-group.sync'], 'DELETE', `ports/${port.id}`)
  await send('network.sync', 'PUT', `subnets/${subnet.id}`, { subnet: { dns_nameservers: ['9.9.9.9'] } })
  await send('network.sync', 'DELETE', `subnets/${subnet.id}`)
  await send('network.sync', 'DELETE', `networks/${network.id}`)
})

test('requests that connect a volume, and end that, name what the backend does for them', async (t) => {
  const { admin, demo } = await prepare(t)
  const at = { 'openstack-api-version': 'volume 3.54' }
  const begins = namingOperations(demo, [])
  const { volume: { id } } = await begins('volume.create', 'cinder', 'POST', '/v3/volumes', { volume: { size: 1 } })
  const isAvailable = () => until(async () => ((await demo.call('cinder', 'GET', `/v3/volumes/${id}`)).body.volume.status === 'available' ? true : undefined))
  await isAvailable()
  const { attachment: claimed } = await begins([], 'cinder', 'POST', '/v3/attachments', { attachment: { volume_uuid: id } }, at)
  await begins('attachment.connect', 'cinder', 'PUT', `/v3/attachments/${claimed.id}`, { attachment: { connector: { host: 'elsewhere' } } }, at)
  await begins('attachment.disconnect', 'cinder', 'DELETE', `/v3/attachments/${claimed.id}`, undefined, at)
  await isAvailable()
  const attach = () => begins('attachment.connect', 'cinder', 'POST', '/v3/attachments', { attachment: { volume_uuid: id, connector: { host: 'elsewhere' } } }, at)
  await attach()
  await begins('attachment.disconnect', 'cinder', 'POST', `/v3/volumes/${id}/action`, { 'os-detach': {} })
  await isAvailable()
  const { attachment } = await attach()
  await namingOperations(admin, [])('attachment.disconnect', 'cinder', 'POST', `/v3/volumes/${id}/action`, { 'os-force_detach': { connector: null, attachment_id: attachment.id } })
})

test('a cursor from before what is kept is answered with a reset, and the stream goes on from now', async (t) => {
  const cloud = await startCloud(t, ['cinder', 'nimbo'])
  const demo = await cloud.login('demo')
  const early = await watch(cloud, demo.token)
  await must(demo, 'cinder', 'POST', '/v3/volumes', { volume: { size: 1 } })
  await early.until((event) => event.type === 'operation.ended')
  const [first, last] = [early.events[0], early.events.at(-1)]
  await early.close()
  await forgetAll(cloud)

  const late = await watch(cloud, demo.token, `cursor=${first?.cursor}`)
  const current = await watch(cloud, demo.token, `cursor=${last?.cursor}`)
  await must(demo, 'cinder', 'POST', '/v3/volumes', { volume: { size: 1 } })
  for (const stream of [late, current]) await stream.until((event) => event.type === 'operation.ended')
  assert.deepEqual([late.others, current.others], [['reset'], []])
  assert.equal(late.events[0]?.type, 'volume.created')
  assert.deepEqual(late.events.map((event) => event.id), current.events.map((event) => event.id))
  await late.close()
  await current.close()

  /** As if a week had passed. */
  async function forgetAll({ dataDirectory }: TestCloud): Promise<void> {
    const database = await openDatabase<EventTables>({ name: 'cinder', file: `${dataDirectory}/db/cinder.db`, migrations: cinderMigrations, clock: systemClock, log: silentLog })
    await forgetEvents(database, { before: new Date(Date.now() + 1000), most: 1000 })
    assert.equal((await database.read.selectFrom('events').selectAll().execute()).length, 1)
    await database.close()
  }
})
