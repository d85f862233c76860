// Each demand on the network engines of the hosts can fail: one thing is spoilt in a quiet cloud, and that is what is seen.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FakeNetworkDriver } from '../services/neutron/drivers/fake/index.ts'
import { networkHostsAreRight } from './network-hosts.ts'
import { changed, engineChanged, quietCloud, removed, type Spoiling } from './tests/quiet-cloud.ts'

type Engine = FakeNetworkDriver['state']

const { rest, row } = await quietCloud()

const web = await row('nova_cell1', 'instances', (each) => each['display_name'] === 'web')
const port = await row('neutron', 'ports', (each) => each['device_id'] === web['uuid'])
const host = String(port['host_id'])
const elsewhere = host === 'host-1' ? 'host-2' : 'host-1'
const router = await row('neutron', 'routers', () => true)
const floating = await row('neutron', 'floating_ips', () => true)
const friends = await row('neutron', 'security_groups', (each) => each['name'] === 'friends')
const served = await row('neutron', 'dhcp_bindings', (each) => each['network_id'] === port['network_id'])
const engineOf = (name: string) => rest.kept.get(`neutron ${name}`) as Engine

const engine = (name: string, change: (world: Engine) => void): Spoiling => engineChanged<Engine>(`neutron ${name}`, change)
const set = <K extends 'ports' | 'networks' | 'dhcp' | 'routers' | 'securityGroups' | 'addressSets'>(name: string, kind: K, id: string, change: object): Spoiling =>
  engine(name, (world) => void (world[kind] as Map<string, object>).set(id, { ...world[kind].get(id), ...change }))
const gone = (name: string, kind: 'ports' | 'networks' | 'dhcp' | 'routers' | 'securityGroups' | 'addressSets', id: string): Spoiling => engine(name, (world) => void world[kind].delete(id))

/** @param seen exactly what is said */
function spoilt(what: string, spoiling: Spoiling, ...seen: readonly string[]): void {
  test(what, async () => {
    const said: string[] = []
    await networkHostsAreRight(spoiling(rest), (sentence) => void said.push(sentence))
    assert.deepEqual(said, seen)
  })
}

spoilt('the engines of a quiet cloud are as they should be', (same) => same)

// Wires.
const wire = engineOf(host).ports.get(port['id'])
assert.ok(wire)
spoilt('a wire of a port that is gone', engine(host, (world) => void world.ports.set('lost', wire)), `${host} has a wire for port lost, which is gone`)
spoilt('a wire on another host', engine(elsewhere, (world) => void world.ports.set(port['id'], wire)), `${elsewhere} has a wire for port ${port['id']}, which is bound to "${host}" (bridge)`)
spoilt('a port without its wire', gone(host, 'ports', port['id']), `port ${port['id']} is bound to ${host} and has no wire there`)
const asWired = (macAddress: string) => JSON.stringify([macAddress, true, true, wire.fixedAddresses, wire.securityGroupIds, []])
spoilt('a wire with another hardware address', set(host, 'ports', port['id'], { macAddress: 'fa:16:3e:00:00:00' }), `port ${port['id']} is to be ${asWired(wire.macAddress)} on ${host}, and is ${asWired('fa:16:3e:00:00:00')}`)
spoilt('a wire without its network', gone(elsewhere, 'networks', port['network_id']), `port ${(await row('neutron', 'ports', (each) => each['host_id'] === elsewhere))['id']} has a wire on ${elsewhere}, and its network is not there`)
spoilt('a wired port that is shown as down', changed('neutron', 'ports', (each) => each['id'] === port['id'], { status: 'DOWN' }), `port ${port['id']} has its wire on ${host} and is DOWN`)

// Networks.
const network = engineOf(elsewhere).networks.get(port['network_id'])
assert.ok(network)
spoilt('a network that is gone', engine(elsewhere, (world) => void world.networks.set('lost', network)), `${elsewhere} has network lost, which is gone`)
const remote = network.remotePorts.map((each) => `${each.macAddress} ${each.addresses.join(' ')} at ${each.tunnelAddress}`).sort()
assert.ok(remote.length > 0, 'something of the network is on another host')
spoilt('a host that does not know where the rest of a network is', set(elsewhere, 'networks', port['network_id'], { remotePorts: [] }), `network ${port['network_id']} on ${elsewhere} is to have elsewhere ${remote.join(', ')}, and has nothing`)

// Groups.
const group = engineOf(host).securityGroups.get(friends['id'])
const rules = group?.rules.map(({ id }) => id).sort() ?? []
assert.ok(group && rules.length > 0)
spoilt('rules of a group that nobody is in', engine(elsewhere, (world) => void world.securityGroups.set(friends['id'], group)), `${elsewhere} has the rules of group ${friends['id']}, which no port there is in`)
spoilt('a group without its rules on a host', gone(host, 'securityGroups', friends['id']), `the rules of group ${friends['id']} are not on ${host}`)
spoilt('a group with other rules on a host', set(host, 'securityGroups', friends['id'], { rules: [] }), `group ${friends['id']} has the rules ${rules.join(' ')}, and on ${host} `)
const members = engineOf(host).addressSets.get(friends['id'])
assert.ok(members)
spoilt('addresses of a group that no rule names', engine(elsewhere, (world) => void world.addressSets.set(friends['id'], members)), `${elsewhere} has the addresses of group ${friends['id']}, which no rule there names`)
spoilt('a rule without the addresses of the group that it names', gone(host, 'addressSets', friends['id']), `the addresses of group ${friends['id']} are not on ${host}`)
spoilt('a group whose member a host does not know', set(host, 'addressSets', friends['id'], { addresses: [] }), `group ${friends['id']} has the addresses ${members.addresses.join(' ')}, and on ${host} `)

// DHCP.
const dhcp = engineOf(served['host']).dhcp.get(served['network_id'])
assert.ok(dhcp)
spoilt('DHCP on a network that is gone', engine(elsewhere, (world) => void world.dhcp.set('lost', dhcp)), `${elsewhere} serves DHCP on network lost, which is gone`)
spoilt('DHCP on a network that another host serves', removed('neutron', 'dhcp_bindings', (each) => each['network_id'] === served['network_id']), `${served['host']} serves DHCP on network ${served['network_id']}, which is not its own`)
spoilt('a network without DHCP', gone(served['host'], 'dhcp', served['network_id']), `network ${served['network_id']} is to have DHCP on ${served['host']} and has none`)
const subnets = dhcp.subnets.map(({ id }) => id).join(' ')
spoilt('DHCP that does not know its subnet', set(served['host'], 'dhcp', served['network_id'], { subnets: [] }),
  `DHCP of network ${served['network_id']} is to serve ${subnets} as port ${dhcp.port.id}, and serves  as ${dhcp.port.id}`)
const known = dhcp.hosts.map((each) => `${each.portId} ${each.macAddress} ${each.addresses.map(({ address }) => address).join(' ')}`).sort()
spoilt('DHCP that knows nobody', set(served['host'], 'dhcp', served['network_id'], { hosts: [] }), `DHCP of network ${served['network_id']} on ${served['host']} is to know ${known.join(', ')}, and knows nobody`)
const [subnet] = dhcp.subnets
assert.ok(subnet && dhcp.subnets.length === 1)
for (const [what, change] of [['another gateway', { gatewayAddress: null }], ['other resolvers', { dnsServers: [] }], ['other routes', { hostRoutes: [] }], ['an address of its own that it has not', { portAddress: '10.9.0.200' }], ['that nobody is served there', { enableDhcp: false }]] as const) {
  const told = (of: Partial<typeof subnet>) => JSON.stringify(Object.fromEntries((['cidr', 'dnsServers', 'enableDhcp', 'gatewayAddress', 'hostRoutes', 'ipVersion', 'portAddress'] as const).map((key) => [key, of[key]])))
  spoilt(`DHCP that tells guests ${what}`, set(served['host'], 'dhcp', served['network_id'], { subnets: [{ ...subnet, ...change }] }),
    `DHCP of network ${served['network_id']} on ${served['host']} is to tell of subnet ${subnet.id} ${told(subnet)}, and tells ${told({ ...subnet, ...change })}`)
}

// Routers.
const made = engineOf(router['host']).routers.get(router['id'])
assert.ok(made)
spoilt('a router on another host', engine(elsewhere, (world) => void world.routers.set('lost', made)), `${elsewhere} has router lost, which is not its own`)
spoilt('a router that is not on its host', gone(router['host'], 'routers', router['id']), `router ${router['id']} is to be on ${router['host']} and is not`)
const { gateway } = made
assert.ok(gateway && made.interfaces.length === 1 && made.routes.length === 1)
const [inner] = made.interfaces
const portSeen = (each: typeof inner) => `${each?.portId} ${each?.macAddress} ${each?.addresses.join(' ')}`
const asRouted = (of: typeof made) => JSON.stringify({
  up: of.adminStateUp, interfaces: of.interfaces.map(portSeen), gateway: of.gateway ? `${portSeen(of.gateway)} by ${of.gateway.nextHop}${of.gateway.enableSnat ? ', translating' : ''}` : 'none',
  floating: of.floatingIps.map((each) => `${each.floatingAddress} ${each.fixedAddress}`), routes: of.routes,
})
const routerSpoilings: readonly (readonly [what: string, change: Partial<typeof made>])[] = [
  ['translates no floating address', { floatingIps: [] }],
  ['translates a floating address to another one', { floatingIps: [{ floatingAddress: floating['floating_ip_address'], fixedAddress: '10.9.0.200' }] }],
  ['has another address on an interface', { interfaces: made.interfaces.map((each) => ({ ...each, addresses: ['10.9.0.200/24'] })) }],
  ['has another hardware address on an interface', { interfaces: made.interfaces.map((each) => ({ ...each, macAddress: 'fa:16:3e:00:00:00' })) }],
  ['does not have an interface', { interfaces: [] }],
  ['has no gateway', { gateway: null }],
  ['has another address outside', { gateway: { ...gateway, addresses: ['203.0.113.200/24'] } }],
  ['leads to nobody outside', { gateway: { ...gateway, nextHop: null } }],
  ['does not translate', { gateway: { ...gateway, enableSnat: false } }],
  ['has another route', { routes: [{ destination: '10.77.0.0/24', nextHop: '10.9.0.201' }] }],
  ['is down', { adminStateUp: false }],
]
for (const [what, change] of routerSpoilings) {
  spoilt(`a router that ${what}`, set(router['host'], 'routers', router['id'], change), `router ${router['id']} on ${router['host']} is to have ${asRouted(made)}, and has ${asRouted({ ...made, ...change })}`)
}
spoilt('a floating address that is translated and shown as down', changed('neutron', 'floating_ips', () => true, { status: 'DOWN' }), `floating address ${floating['id']} is translated by router ${router['id']} and is DOWN`)
