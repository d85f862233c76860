// Rows beside an examination of a network host.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareNetworkHost, type ExaminedHost, type ExpectedHost } from './compare.ts'

const id = (number: number) => `${String(number).padStart(8, '0')}-0000-4000-8000-000000000000`
const short = (number: number) => id(number).slice(0, 11)
const [net, port, dhcpPort, group, set, router, routerPort] = [1, 2, 3, 4, 5, 6, 7]

const told = (...hosts: readonly string[]) => ({ networkId: id(net), hosts: hosts.map((each) => ({ macAddress: each.split(' ')[0] ?? '', address: each.split(' ')[1] ?? '' })) })

const expected: ExpectedHost = {
  ports: [{ id: id(port), networkId: id(net), filtered: true, status: 'ACTIVE' }], groupIds: [id(group)], addressSets: new Map([[id(set), ['10.0.0.1', '10.0.0.2']]]),
  dhcp: [{ networkId: id(net), portIds: [id(dhcpPort)], answers: true, clients: [{ portId: id(port), macAddress: 'fa:16:3e:00:00:01', address: '10.0.0.1' }] }],
  routers: [{ id: id(router), ports: [{ id: id(routerPort), networkId: id(net) }] }], atWork: new Set(),
}
const whole: ExaminedHost = {
  fabric: true, frame: true, networks: [short(net)], ports: [port, dhcpPort, routerPort].map((number) => ({ id: short(number), network: short(net) })), members: [{ id: id(set), addresses: ['10.0.0.1-10.0.0.2'] }],
  devices: [port, dhcpPort, routerPort].map(short), filters: [{ portId: id(port), intact: true }], groups: [{ id: id(group), intact: true }], dhcp: [{ networkId: id(net), alive: true }],
  dhcpHosts: [told('FA:16:3E:00:00:01 10.0.0.1')], routers: [id(router)], faults: [], strangers: [],
}
const nothing: ExpectedHost = { ports: [], groupIds: [], addressSets: new Map(), dhcp: [], routers: [], atWork: new Set() }
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
  assert.deepEqual(kinds({ members: [] }), [`address-set.missing ${id(set)}`])
  assert.deepEqual(kinds({ dhcp: [] }), [`dhcp.missing ${id(net)}`])
  assert.deepEqual(kinds({ dhcp: [{ networkId: id(net), alive: false }] }), [`dhcp.missing ${id(net)}`])
  assert.deepEqual(kinds({ ports: without(dhcpPort) }), [`dhcp.missing ${id(net)}`])
  assert.deepEqual(kinds({ dhcpHosts: [] }), [`dhcp.incomplete ${id(net)}`])
  assert.deepEqual(kinds({ routers: [] }), [`router.missing ${id(router)}`])
  assert.deepEqual(kinds({ ports: loose(routerPort) }), [`router.missing ${id(router)}`])
  assert.deepEqual(kinds({}, { ...expected, ports: [{ id: id(port), networkId: id(net), filtered: true, status: 'BUILD' }] }), [`port.unowned ${id(port)}`])
})

test('addresses that are not those of the ports: behind a group, and given by DHCP', () => {
  for (const addresses of [[], ['10.0.0.1'], ['10.0.0.1-10.0.0.3'], ['10.0.0.1', '10.0.0.2', 'fd00::1']]) assert.deepEqual(kinds({ members: [{ id: id(set), addresses }] }), [`address-set.broken ${id(set)}`], addresses.join())
  for (const addresses of [['10.0.0.2', '10.0.0.1'], ['10.0.0.1', '10.0.0.2/32']]) assert.deepEqual(kinds({ members: [{ id: id(set), addresses }] }), [], addresses.join())
  assert.deepEqual(kinds({ dhcpHosts: [told('fa:16:3e:00:00:01 10.0.0.7')] }), [`dhcp.outdated ${id(net)}`], 'another address')
  assert.deepEqual(kinds({ dhcpHosts: [told('fa:16:3e:00:00:01 10.0.0.1', 'fa:16:3e:00:00:02 10.0.0.2')] }), [`dhcp.outdated ${id(net)}`], 'a port that is gone')
  assert.deepEqual(kinds({ dhcpHosts: [told('fa:16:3e:00:00:02 10.0.0.2')] }), [`dhcp.incomplete ${id(net)}`, `dhcp.outdated ${id(net)}`])
  const busy = { ...expected, atWork: new Set([id(port), id(set)]) }
  assert.deepEqual(kinds({ members: [], dhcpHosts: [told('fa:16:3e:00:00:01 10.0.0.7')] }, busy), [], 'an operation works on them')
})

test('each thing that may be there for nothing', () => {
  assert.deepEqual(kinds({ strangers: ['veth0'] }, nothing), [
    `wire.stray ${short(port)}`, `wire.stray ${short(dhcpPort)}`, `wire.stray ${short(routerPort)}`, `network.stray ${short(net)}`, `group.stray ${id(group)}`,
    `address-set.stray ${id(set)}`, `dhcp.stray ${id(net)}`, `router.stray ${id(router)}`, 'network.stranger veth0',
  ])
})

test('what is there and not as it is specified is told in the words of the host, once', () => {
  const faults = (['fabric', 'network', 'dhcp', 'router'] as const).map((of) => ({ of, id: { fabric: '', network: id(net), dhcp: id(net), router: id(router) }[of], wrong: ['one thing', 'another'] }))
  assert.deepEqual(kinds({ faults }), ['fabric.broken h', `network.broken ${id(net)}`, `dhcp.broken ${id(net)}`, `router.broken ${id(router)}`])
  const [said] = compareNetworkHost('h', expected, { ...whole, faults: faults.slice(3) })
  assert.equal(said?.message, `The router ${id(router)} on h is not as it should be: one thing, another.`)
  assert.deepEqual(kinds({ faults: faults.slice(3), ports: loose(routerPort) }), [`router.missing ${id(router)}`], 'it is made anew anyhow')
  assert.deepEqual(kinds({ faults: faults.slice(2).map((each) => ({ ...each, isLost: true as const })) }), [`dhcp.missing ${id(net)}`, `router.missing ${id(router)}`], 'what cannot be entered is made anew')
  for (const busy of [router, routerPort]) assert.deepEqual(kinds({ faults: faults.slice(3) }, { ...expected, atWork: new Set([id(busy)]) }), [], 'an operation works on it')
})

test('what an operation works on is left to it', () => {
  const atWork = new Set([net, port, dhcpPort, group, set, router, routerPort].map(id))
  const empty: Partial<ExaminedHost> = { networks: [], ports: [], filters: [], groups: [], members: [], dhcp: [], dhcpHosts: [], routers: [] }
  assert.deepEqual(kinds(empty, { ...expected, atWork }), [])
  assert.deepEqual(kinds({}, { ...nothing, atWork }), [])
})

test('a filter is not missed where there is to be none, nor an answer where there is nothing to answer', () => {
  const open = { ...expected, ports: [{ id: id(port), networkId: id(net), filtered: false, status: 'ACTIVE' }] }
  assert.deepEqual(kinds({ filters: [] }, open), [])
  const silent = { ...expected, dhcp: [{ networkId: id(net), portIds: [id(dhcpPort)], answers: false, clients: [] }] }
  assert.deepEqual(kinds({ dhcp: [{ networkId: id(net), alive: false }] }, silent), [])
})
