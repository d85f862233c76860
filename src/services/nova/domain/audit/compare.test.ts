// Servers beside what hosts, placement, neutron and cinder have of them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Difference } from '#core/audit'
import type { Fate } from '../../db/audit.ts'
import type { AuditedServer, Books } from './books.ts'
import { compareAllocations, compareAttachments, compareDevices, compareHost, comparePorts, compareStates, type FoundOnHost, staleImages } from './compare.ts'

const server = (more: Partial<AuditedServer> = {}): AuditedServer => ({ id: 's', host: 'h', vmState: 'active', taskState: null, projectId: 'p', userId: 'u', imageId: 'i', ...more })
const books = (servers: readonly AuditedServer[], more: { atWork?: readonly string[]; fates?: Readonly<Record<string, Fate>> } = {}): Books => ({
  servers: new Map(servers.map((each) => [each.id, each])), atWork: new Set(more.atWork), fates: new Map(Object.entries(more.fates ?? {})),
})
const found = (guests: Readonly<Record<string, string>>, images: FoundOnHost['images'] = []): FoundOnHost =>
  ({ guests: Object.entries(guests).map(([serverId, powerState]) => ({ serverId, powerState })), images })
const short = (differences: readonly Difference[]) => differences.map(({ kind, resource }) => `${kind} ${resource}`)

test('guests that are as their servers say', () => {
  for (const [vmState, guest] of [['active', 'running'], ['paused', 'paused'], ['stopped', 'shutdown'], ['stopped', 'crashed'], ['error', 'crashed']] as const) {
    assert.deepEqual(short(compareHost('h', books([server({ vmState })]), found({ s: guest }))), [], vmState)
  }
  for (const vmState of ['error', 'building']) assert.deepEqual(short(compareHost('h', books([server({ vmState })]), found({}))), [])
  assert.deepEqual(short(compareHost('h', books([server({ host: 'other' })]), found({}))), [])
})

test('guests that are not', () => {
  for (const [vmState, guest] of [['active', 'crashed'], ['active', 'paused'], ['stopped', 'running'], ['paused', 'running'], ['paused', 'shutdown']] as const) {
    assert.deepEqual(short(compareHost('h', books([server({ vmState })]), found({ s: guest }))), ['server.power s'], `${vmState} ${guest}`)
  }
  assert.deepEqual(short(compareHost('h', books([server()]), found({}))), ['guest.missing s'])
  assert.deepEqual(short(compareHost('h', books([server({ host: 'other' })]), found({ s: 'running' }))), ['guest.elsewhere s'])
  const strangers = books([], { fates: { old: 'deleted', who: 'unknown', planned: 'lives' } })
  assert.deepEqual(short(compareHost('h', strangers, found({ old: 'running', who: 'running', planned: 'running' }))), ['guest.of-deleted-server old', 'guest.stray who'])
})

const guest = (volumeIds: readonly string[], portIds: readonly string[], powerState = 'running'): FoundOnHost => ({ guests: [{ serverId: 's', powerState, plugged: { volumeIds, portIds } }], images: [] })
const disk = (volumeId: string, more: { connected?: boolean; serverId?: string } = {}) => ({ instance_uuid: more.serverId ?? 's', volume_id: volumeId, connected: more.connected ?? true })
const devices = { volumes: [disk('v'), disk('coming', { connected: false }), disk('w', { serverId: 'other' })], ports: [{ portId: 'x', serverId: 's' }, { portId: 'y', serverId: 'other' }] }

test('what is plugged into a guest that runs is what its server has', () => {
  const compare = (there: FoundOnHost, change: Partial<AuditedServer> = {}) => short(compareDevices('h', books([server(change)]), there, devices))
  assert.deepEqual(compare(guest(['v'], ['x'])), [])
  assert.deepEqual(compare(guest(['v', 'coming'], ['x'])), [], 'one without a connection may be there, or not yet')
  assert.deepEqual(compare(guest([], [])), ['guest.volume-missing v', 'guest.port-missing x'])
  assert.deepEqual(compare(guest(['v', 'w'], ['y', 'x'])), ['guest.volume-stray w', 'guest.port-stray y'])
  assert.deepEqual(compare(guest([], ['x'], 'paused'), { vmState: 'paused' }), ['guest.volume-missing v'])
  assert.deepEqual(short(compareDevices('h', books([server()]), guest([], []), { volumes: [], ports: [] })), [], 'a server with local disks only')
  const [difference] = compareDevices('h', books([server()]), guest([], ['x']), devices)
  assert.deepEqual([difference?.host, difference?.about], ['h', { serverId: 's' }])
})

test('of a guest that is off, or does not answer, or is not what its server says, nothing is known', () => {
  const compare = (there: FoundOnHost, change: Partial<AuditedServer> = {}) => short(compareDevices('h', books([server(change)]), there, devices))
  assert.deepEqual(compare(found({ s: 'running' })), [])
  assert.deepEqual(compare(guest([], [], 'shutdown'), { vmState: 'stopped' }), [])
  for (const change of [{ vmState: 'stopped' }, { vmState: 'paused' }, { vmState: 'error' }, { vmState: 'building' }, { host: 'other' }, { taskState: 'rebooting' }]) {
    assert.deepEqual(compare(guest([], ['z']), change), [], JSON.stringify(change))
  }
  assert.deepEqual(short(compareDevices('h', books([]), guest(['w'], []), devices)), [], 'a stray guest goes with all that it has')
})

test('what an operation works on is left to it', () => {
  const busy = books([server({ taskState: 'powering-off' })], { atWork: ['s'], fates: {} })
  assert.deepEqual(compareHost('h', busy, found({ s: 'crashed' })), [])
  assert.deepEqual(compareStates(busy), [])
  assert.deepEqual(compareDevices('h', books([server()], { atWork: ['s'] }), guest([], ['z']), devices), [])
  assert.deepEqual(compareHost('h', books([], { atWork: ['s'], fates: { s: 'unknown' } }), found({ s: 'running' })), [])
  assert.deepEqual(compareAllocations(busy, [{ id: 'p', host: 'h', isHost: true, held: new Map() }], new Map()), [])
  assert.deepEqual(comparePorts(busy, [], [{ portId: 'x', serverId: 's' }]), [])
  assert.deepEqual(compareAttachments(busy, [{ id: 'a', volumeId: 'v', serverId: 's' }], [{ instance_uuid: 's', volume_id: 'w' }]), [])
  assert.deepEqual(short(compareStates(books([server({ taskState: 'powering-off' }), server({ id: 'b', vmState: 'building' })]))), ['server.unowned s', 'server.unowned b'])
})

test('an image leaves the cache when no guest, no server of the host and no glance wants it', () => {
  const there = found({}, [{ imageId: 'i', used: false }, { imageId: 'used', used: true }, { imageId: 'known', used: false }, { imageId: 'stale', used: false }])
  assert.deepEqual(short(staleImages('h', books([server()]), there, new Set(['i', 'used', 'stale']))), ['image-cache.stale stale'])
})

test('allocations', () => {
  const needs = new Map([['s', { VCPU: 1, MEMORY_MB: 64 }]])
  const at = (host: string, ...consumers: string[]) => ({ id: `p-${host}`, host, isHost: host !== 'pool', held: new Map(consumers.map((each) => [each, { MEMORY_MB: 64, VCPU: 1 }])) })
  const compare = (of: Books, providers: ReturnType<typeof at>[], needed: Parameters<typeof compareAllocations>[2] = needs) => short(compareAllocations(of, providers, needed))
  const known = books([server()], { fates: { old: 'deleted', who: 'unknown', planned: 'lives' } })
  assert.deepEqual(compare(known, [at('h', 's', 'planned')]), [])
  assert.deepEqual(compare(known, [at('h', 's', 'old', 'who')]), ['allocation.of-deleted-server old', 'allocation.stray who'])
  assert.deepEqual(compare(known, [at('h')]), ['allocation.missing s'])
  assert.deepEqual(compare(known, [at('h'), at('other', 's')]), ['allocation.elsewhere s'])
  assert.deepEqual(compare(known, [at('h', 's'), at('other', 's')]), ['allocation.double s'])
  assert.deepEqual(compare(known, [at('h', 's'), at('pool', 's', 'who')]), ['allocation.double s'], 'a provider of another service: what it holds for others is its own business')
  assert.deepEqual(compare(known, [at('h', 's')], new Map([['s', { VCPU: 2, MEMORY_MB: 64 }]])), ['allocation.amount s'])
  assert.deepEqual(compare(known, [at('h', 's')], new Map([['s', { VCPU: 1, MEMORY_MB: 64, DISK_GB: 1 }]])), ['allocation.amount s'])
  assert.deepEqual(compare(known, [at('h', 's')], new Map()), [], 'it is not known what it needs')
  assert.deepEqual(compare(books([server()], { atWork: ['s'] }), [at('h', 's'), at('other', 's')], new Map([['s', {}]])), [], 'an operation works on it')
  assert.deepEqual(compare(books([server({ vmState: 'building' }), server({ id: 't', host: null, vmState: 'error' })]), [at('h')]), [])
})

const port = (id: string, more: Partial<Parameters<typeof comparePorts>[1][number]> = {}) => ({ id, projectId: 'p', deviceId: 's', ofServer: true, host: 'h', unpluggable: false, ...more })

test('a port is bound to the host of its server, and both know of each other', () => {
  const own = [{ portId: 'x', serverId: 's' }]
  const kinds = (change: Partial<AuditedServer>, ...ports: ReturnType<typeof port>[]) => short(comparePorts(books([server(change)]), ports, own))
  assert.deepEqual(kinds({}, port('x')), [])
  assert.deepEqual(kinds({}, port('x', { host: 'other' })), ['port.elsewhere x'])
  assert.deepEqual(kinds({ vmState: 'stopped' }, port('x', { host: '', ofServer: false })), ['port.elsewhere x'], 'whatever its owner calls it')
  assert.deepEqual(kinds({}, port('x', { unpluggable: true })), ['port.binding-failed x'])
  assert.deepEqual(kinds({}, port('x'), port('y')), ['port.untold y'])
  assert.deepEqual(kinds({}, port('x'), port('y', { projectId: 'another' }), port('z', { ofServer: false })), [], 'anybody may name a server')
  for (const change of [{ vmState: 'building' }, { vmState: 'error' }, { taskState: 'deleting' }, { host: null }]) assert.deepEqual(kinds(change, port('x', { host: 'other' }), port('y')), [], JSON.stringify(change))
  assert.deepEqual(comparePorts(books([server()], { atWork: ['s'] }), [port('x', { unpluggable: true }), port('y')], own), [], 'an operation works on the server')
})

test('ports and attachments', () => {
  const known = books([server()], { fates: { old: 'deleted', who: 'unknown', planned: 'lives' } })
  const ports = ['s', 'old', 'who', 'planned'].map((deviceId) => port(`port-${deviceId}`, { deviceId }))
  assert.deepEqual(short(comparePorts(known, ports, [{ portId: 'port-s', serverId: 's' }, { portId: 'lost', serverId: 's' }])), ['port.stray port-old', 'port.stray port-who', 'port.missing lost'])
  const renamed = [port('mine', { ofServer: false }), port('given-away', { deviceId: 'planned' }), port('box', { deviceId: 'who', ofServer: false })]
  assert.deepEqual(short(comparePorts(known, renamed, [{ portId: 'mine', serverId: 's' }, { portId: 'given-away', serverId: 's' }])), ['port.missing given-away'])
  const attachments = ['s', 'old', 'who', 'planned'].map((serverId) => ({ id: `a-${serverId}`, volumeId: 'v', serverId }))
  assert.deepEqual(short(compareAttachments(known, attachments, [{ instance_uuid: 's', volume_id: 'v' }])), ['attachment.of-deleted-server a-old', 'attachment.stray a-who'])
  assert.deepEqual(short(compareAttachments(known, attachments.slice(0, 1), [{ instance_uuid: 's', volume_id: 'w' }])), ['attachment.stray a-s', 'attachment.missing w'])
})
