// Rows beside an examination of a network host.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareNetworkHost, type ExaminedHost, type ExpectedHost } from './compare.ts'

const id = (number: number) => `${String(number).padStart(8, '0')}-0000-4000-8000-000000000000`
const short = (number: number) => id(number).slice(0, 11)
const [net, port, dhcpPort, group, set, router, routerPort] = [1, 2, 3, 4, 5, 6, 7]

const expected: ExpectedHost = {
  ports: [{ id: id(port), networkId: id(net), filtered: true, status: 'ACTIVE' }], groupIds: [id(group)], addressSetIds: [id(set)],
  dhcp: [{ networkId: id(net), portIds: [id(dhcpPort)], answers: true, clients: [{ portId: id(port), macAddress: 'fa:16:3e:00:00:01' }] }],
  routers: [{ id: id(router), ports: [{ id: id(routerPort), networkId: id(net) }] }], atWork: new Set(),
}
const whole: ExaminedHost = {
  fabric: true, frame: true, networks: [short(net)], ports: [port, dhcpPort, routerPort].map((number) => ({ id: short(number), network: short(net) })), addressSets: [id(set)],
  devices: [port, dhcpPort, routerPort].map(short), filters: [{ portId: id(port), intact: true }], groups: [{ id: id(group), intact: true }], dhcp: [{ networkId: id(net), alive: true }],
  dhcpHosts: [{ networkId: id(net), macAddresses: ['FA:16:3E:00:00:01'] }], routers: [id(router)], strangers: [],
}
const nothing: ExpectedHost = { ports: [], groupIds: [], addressSetIds: [], dhcp: [], routers: [], atWork: new Set() }
const kinds = (more: Partial<ExaminedHost>, of: ExpectedHost = expected) => compareNetworkHost('h', of, { ...whole, ...more }).map(({ kind, resource }) => `${kind} ${resource}`)
const loose = (number: number) => whole.ports.map((each) => (each.id === short(number) ? { ...each, network: null } : each))
const without = (number: number) => whole.ports.filter((each) => each.id !== short(number))

test('a host that is as it should be', () => {
  assert.deepEqual(kinds({}), [])
})

test('each thing that may be missing or not whole', () => {
  assert.deepEqual(kinds({ frame: false }), ['fabric.broken h'])
  assert.deepEqual(kinds({ ports: without(port) }), [`wire.missing ${id(port)}`])
  assert.deepEqual(kinds({ ports: loose(port), devices: [dhcpPort, routerPort].map(short) }), [`wire.missing ${id(port)}`], 'the filter alone')
  assert.deepEqual(kinds({ ports: loose(port) }), [`wire.loose ${id(port)}`])
  assert.deepEqual(kinds({ filters: [] }), [`filter.broken ${id(port)}`])
  assert.deepEqual(kinds({ filters: [{ portId: id(port), intact: false }] }), [`filter.broken ${id(port)}`])
  assert.deepEqual(kinds({ networks: [] }), [`network.missing ${id(net)}`])
  assert.deepEqual(kinds({ groups: [] }), [`group.broken ${id(group)}`])
  assert.deepEqual(kinds({ groups: [{ id: id(group), intact: false }] }), [`group.broken ${id(group)}`])
  assert.deepEqual(kinds({ addressSets: [] }), [`address-set.missing ${id(set)}`])
  assert.deepEqual(kinds({ dhcp: [] }), [`dhcp.missing ${id(net)}`])
  assert.deepEqual(kinds({ dhcp: [{ networkId: id(net), alive: false }] }), [`dhcp.missing ${id(net)}`])
  assert.deepEqual(kinds({ ports: without(dhcpPort) }), [`dhcp.missing ${id(net)}`])
  assert.deepEqual(kinds({ dhcpHosts: [] }), [`dhcp.incomplete ${id(net)}`])
  assert.deepEqual(kinds({ routers: [] }), [`router.missing ${id(router)}`])
  assert.deepEqual(kinds({ ports: loose(routerPort) }), [`router.missing ${id(router)}`])
  assert.deepEqual(kinds({}, { ...expected, ports: [{ id: id(port), networkId: id(net), filtered: true, status: 'BUILD' }] }), [`port.unowned ${id(port)}`])
})

test('each thing that may be there for nothing', () => {
  assert.deepEqual(kinds({ strangers: ['veth0'] }, nothing), [
    `wire.stray ${short(port)}`, `wire.stray ${short(dhcpPort)}`, `wire.stray ${short(routerPort)}`, `network.stray ${short(net)}`, `group.stray ${id(group)}`,
    `address-set.stray ${id(set)}`, `dhcp.stray ${id(net)}`, `router.stray ${id(router)}`, 'network.stranger veth0',
  ])
})

test('what an operation works on is left to it', () => {
  const atWork = new Set([net, port, dhcpPort, group, set, router, routerPort].map(id))
  const empty: Partial<ExaminedHost> = { networks: [], ports: [], filters: [], groups: [], addressSets: [], dhcp: [], dhcpHosts: [], routers: [] }
  assert.deepEqual(kinds(empty, { ...expected, atWork }), [])
  assert.deepEqual(kinds({}, { ...nothing, atWork }), [])
})

test('a filter is not missed where there is to be none, nor an answer where there is nothing to answer', () => {
  const open = { ...expected, ports: [{ id: id(port), networkId: id(net), filtered: false, status: 'ACTIVE' }] }
  assert.deepEqual(kinds({ filters: [] }, open), [])
  const silent = { ...expected, dhcp: [{ networkId: id(net), portIds: [id(dhcpPort)], answers: false, clients: [] }] }
  assert.deepEqual(kinds({ dhcp: [{ networkId: id(net), alive: false }] }, silent), [])
})
