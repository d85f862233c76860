// What the network engines of the hosts must have, worked out from neutron's rows: wires, filters, groups, DHCP and routers.
import type { FakeNetworkDriver } from '../services/neutron/drivers/fake/index.ts'
import type { RouterPortSpec } from '../services/neutron/drivers/interface.ts'
import { hosts, tunnelAddresses } from './cloud.ts'
import type { AtRest, Row, Say } from './rows.ts'

type Engine = FakeNetworkDriver['state']

interface NetworkRows {
  readonly ports: readonly Row[]
  readonly allocations: readonly Row[]
  readonly memberships: readonly Row[]
  readonly pairs: readonly Row[]
  readonly groups: readonly Row[]
  readonly rules: readonly Row[]
  readonly networks: readonly Row[]
  readonly subnets: readonly Row[]
  readonly routers: readonly Row[]
  readonly floating: readonly Row[]
  readonly dhcpBindings: readonly Row[]
}

export async function networkHostsAreRight({ rows, kept }: AtRest, say: Say): Promise<void> {
  const of = (table: string) => rows.of('neutron', table)
  const all: NetworkRows = {
    ports: await of('ports'), allocations: await of('ip_allocations'), memberships: await of('port_security_groups'), pairs: await of('port_address_pairs'),
    groups: await of('security_groups'), rules: await of('security_group_rules'), networks: await of('networks'), subnets: await of('subnets'),
    routers: await of('routers'), floating: await of('floating_ips'), dhcpBindings: await of('dhcp_bindings'),
  }
  for (const host of hosts) {
    const engine = kept.get(`neutron ${host}`) as Engine | undefined
    if (!engine) continue
    wiresAreRight(host, engine, all, say)
    groupsAreRight(host, engine, all, say)
    dhcpIsRight(host, engine, all, say)
    routersAreRight(host, engine, all, say)
    networksAreRight(host, engine, all, say)
  }
}

const sorted = (values: Iterable<unknown>) => [...values].map(String).sort()
const same = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other)

const addressesOf = ({ allocations }: NetworkRows, portId: string) => sorted(allocations.filter((row) => row['port_id'] === portId).map((row) => row['ip_address']))
const groupsOf = ({ memberships }: NetworkRows, portId: string) => sorted(memberships.filter((row) => row['port_id'] === portId).map((row) => row['security_group_id']))

/** A port that could not be wired has no wire: it waits to be bound again. */
function isWired(port: Row): boolean {
  return port['host_id'] !== '' && port['vif_type'] === 'bridge' && !String(port['device_owner']).startsWith('network:')
}

function wiredPorts({ ports }: NetworkRows, host: string): readonly Row[] {
  return ports.filter((port) => port['host_id'] === host && isWired(port))
}

function wiresAreRight(host: string, engine: Engine, all: NetworkRows, say: Say): void {
  const wired = wiredPorts(all, host)
  const bound = new Map(all.ports.map((port) => [port['id'], port]))
  for (const id of engine.ports.keys()) {
    const port = bound.get(id)
    if (!wired.some((each) => each['id'] === id)) say(`${host} has a wire for port ${id}, which is ${port ? `bound to ${JSON.stringify(port['host_id'])} (${port['vif_type']})` : 'gone'}`)
  }
  for (const port of wired) {
    const { id } = port
    const made = engine.ports.get(id)
    if (!made) {
      say(`port ${id} is bound to ${host} and has no wire there`)
      continue
    }
    const asked = [port['mac_address'], port['admin_state_up'] === 1, port['port_security_enabled'] === 1, addressesOf(all, id), groupsOf(all, id), sorted(all.pairs.filter((row) => row['port_id'] === id).map((row) => row['ip_address']))]
    const there = [made.macAddress, made.adminStateUp, made.portSecurityEnabled, sorted(made.fixedAddresses), sorted(made.securityGroupIds), sorted(made.allowedAddressPairs.map((pair) => pair.ipAddress))]
    if (!same(asked, there)) say(`port ${id} is to be ${JSON.stringify(asked)} on ${host}, and is ${JSON.stringify(there)}`)
    if (!engine.networks.has(port['network_id'])) say(`port ${id} has a wire on ${host}, and its network is not there`)
    const status = port['admin_state_up'] === 1 ? 'ACTIVE' : 'DOWN'
    if (port['status'] !== status) say(`port ${id} has its wire on ${host} and is ${port['status']}`)
  }
}

/** Where a port is: that of a router where its router is. */
function placeOf({ routers }: NetworkRows, port: Row): string {
  if (port['host_id'] !== '') return port['host_id']
  return String(port['device_owner']).startsWith('network:router') ? (routers.find((row) => row['id'] === port['device_id'])?.['host'] ?? '') : ''
}

/** A host that has something of a network knows where the rest of it is. */
function networksAreRight(host: string, engine: Engine, all: NetworkRows, say: Say): void {
  for (const [id, made] of engine.networks) {
    if (!all.networks.some((row) => row['id'] === id)) {
      say(`${host} has network ${id}, which is gone`)
      continue
    }
    const ports = all.ports.filter((port) => port['network_id'] === id)
    if (made.segment.type !== 'vxlan' || !ports.some((port) => placeOf(all, port) === host)) continue
    const asked = sorted(ports.filter((port) => ![host, ''].includes(placeOf(all, port))).map((port) => `${port['mac_address']} ${addressesOf(all, port['id']).join(' ')} at ${tunnelAddresses[placeOf(all, port)]}`))
    const told = sorted(made.remotePorts.map((port) => `${port.macAddress} ${sorted(port.addresses).join(' ')} at ${port.tunnelAddress}`))
    if (!same(asked, told)) say(`network ${id} on ${host} is to have elsewhere ${asked.join(', ') || 'nothing'}, and has ${told.join(', ') || 'nothing'}`)
  }
}

function groupsAreRight(host: string, engine: Engine, all: NetworkRows, say: Say): void {
  const used = new Set(wiredPorts(all, host).flatMap((port) => groupsOf(all, port['id'])))
  const rules = all.rules.filter((row) => used.has(row['security_group_id']))
  for (const id of engine.securityGroups.keys()) if (!used.has(id)) say(`${host} has the rules of group ${id}, which no port there is in`)
  for (const id of used) {
    const asked = sorted(rules.filter((row) => row['security_group_id'] === id).map((row) => row['id']))
    const made = engine.securityGroups.get(id)
    if (!made) say(`the rules of group ${id} are not on ${host}`)
    else if (!same(asked, sorted(made.rules.map((rule) => rule.id)))) say(`group ${id} has the rules ${asked.join(' ')}, and on ${host} ${sorted(made.rules.map((rule) => rule.id)).join(' ')}`)
  }
  const named = new Set(rules.flatMap((row) => row['remote_group_id'] ?? []))
  for (const id of engine.addressSets.keys()) if (!named.has(id)) say(`${host} has the addresses of group ${id}, which no rule there names`)
  for (const id of named) {
    const members = all.memberships.filter((row) => row['security_group_id'] === id).map((row) => row['port_id'])
    const asked = sorted(new Set([...members.flatMap((port) => addressesOf(all, port)), ...all.pairs.filter((row) => members.includes(row['port_id'])).map((row) => String(row['ip_address']))]))
    const made = engine.addressSets.get(id)
    if (!made) say(`the addresses of group ${id} are not on ${host}`)
    else if (!same(asked, sorted(made.addresses))) say(`group ${id} has the addresses ${asked.join(' ')}, and on ${host} ${sorted(made.addresses).join(' ')}`)
  }
}

const inOrder = (values: object) => JSON.stringify(Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1))))

const routesOf = (row: Row, column: string) => (JSON.parse(row[column]) as { destination: string; nexthop: string }[]).map(({ destination, nexthop }) => ({ destination, nextHop: nexthop }))

/** What DHCP tells guests of a subnet. */
const subnetOf = (row: Row, portAddress: string) => ({
  ipVersion: row['ip_version'], cidr: row['cidr'], enableDhcp: row['enable_dhcp'] === 1, portAddress, gatewayAddress: row['gateway_ip'],
  dnsServers: JSON.parse(row['dns_nameservers']) as unknown, hostRoutes: routesOf(row, 'host_routes'),
})

function dhcpIsRight(host: string, engine: Engine, all: NetworkRows, say: Say): void {
  const here = new Set(all.dhcpBindings.filter((row) => row['host'] === host).map((row) => row['network_id']))
  for (const id of engine.dhcp.keys()) if (!here.has(id)) say(`${host} serves DHCP on network ${id}, which is ${all.networks.some((row) => row['id'] === id) ? 'not its own' : 'gone'}`)
  for (const id of here) {
    const made = engine.dhcp.get(id)
    const own = all.ports.find((port) => port['network_id'] === id && port['device_owner'] === 'network:dhcp')
    // No address was left for it.
    if (!own) continue
    if (!made) {
      say(`network ${id} is to have DHCP on ${host} and has none`)
      continue
    }
    const subnets = sorted(all.allocations.filter((row) => row['port_id'] === own['id']).map((row) => row['subnet_id']))
    if (made.port.id !== own['id'] || !same(subnets, sorted(made.subnets.map((subnet) => subnet.id)))) say(`DHCP of network ${id} is to serve ${subnets.join(' ')} as port ${own['id']}, and serves ${sorted(made.subnets.map((subnet) => subnet.id)).join(' ')} as ${made.port.id}`)
    for (const subnet of made.subnets) {
      const row = all.subnets.find((each) => each['id'] === subnet.id)
      if (!row || !subnets.includes(subnet.id)) continue
      const wanted = subnetOf(row, all.allocations.find((each) => each['port_id'] === own['id'] && each['subnet_id'] === subnet.id)?.['ip_address'])
      const { id: _id, leaseSeconds: _lease, ...given } = subnet
      if (!same(inOrder(wanted), inOrder(given))) say(`DHCP of network ${id} on ${host} is to tell of subnet ${subnet.id} ${inOrder(wanted)}, and tells ${inOrder(given)}`)
    }
    const asked = sorted(all.ports.filter((port) => port['network_id'] === id && isWired(port)).map((port) => {
      const addresses = all.allocations.filter((row) => row['port_id'] === port['id'] && subnets.includes(row['subnet_id']))
      return `${port['id']} ${port['mac_address']} ${sorted(addresses.map((row) => row['ip_address'])).join(' ')}`
    }))
    const told = sorted(made.hosts.map((each) => `${each.portId} ${each.macAddress} ${sorted(each.addresses.map(({ address }) => address)).join(' ')}`))
    if (!same(asked, told)) say(`DHCP of network ${id} on ${host} is to know ${asked.join(', ') || 'nobody'}, and knows ${told.join(', ') || 'nobody'}`)
  }
}

/** A router's port, with its addresses and how large their subnets are. */
function portOf(all: NetworkRows, port: Row): string {
  const addresses = all.allocations.filter((row) => row['port_id'] === port['id'])
  const lengthOf = (row: Row) => String(all.subnets.find((subnet) => subnet['id'] === row['subnet_id'])?.['cidr']).split('/')[1]
  return `${port['id']} ${port['mac_address']} ${sorted(addresses.map((row) => `${row['ip_address']}/${lengthOf(row)}`)).join(' ')}`
}

function nextHopOf(all: NetworkRows, gateway: Row): string | null {
  const own = all.allocations.filter((row) => row['port_id'] === gateway['id']).map((row) => row['subnet_id'])
  return all.subnets.find((subnet) => own.includes(subnet['id']) && subnet['ip_version'] === 4 && subnet['gateway_ip'] !== null)?.['gateway_ip'] ?? null
}

function routersAreRight(host: string, engine: Engine, all: NetworkRows, say: Say): void {
  for (const id of engine.routers.keys()) if (!all.routers.some((row) => row['id'] === id && row['host'] === host)) say(`${host} has router ${id}, which is not its own`)
  for (const router of all.routers.filter((row) => row['host'] === host)) {
    const { id } = router
    const made = engine.routers.get(id)
    if (!made) {
      say(`router ${id} is to be on ${host} and is not`)
      continue
    }
    const interfaces = all.ports.filter((port) => port['device_id'] === id && port['device_owner'] === 'network:router_interface')
    const gateway = all.ports.find((port) => port['id'] === router['gateway_port_id'])
    const floating = all.floating.filter((row) => row['router_id'] === id)
    const asked = {
      up: router['admin_state_up'] === 1, interfaces: sorted(interfaces.map((port) => portOf(all, port))),
      gateway: gateway ? `${portOf(all, gateway)} by ${nextHopOf(all, gateway)}${router['enable_snat'] === 1 ? ', translating' : ''}` : 'none',
      floating: sorted(floating.map((row) => `${row['floating_ip_address']} ${row['fixed_ip_address']}`)), routes: routesOf(router, 'routes'),
    }
    const seen = ({ portId, macAddress, addresses }: RouterPortSpec) => `${portId} ${macAddress} ${sorted(addresses).join(' ')}`
    const there = {
      up: made.adminStateUp, interfaces: sorted(made.interfaces.map(seen)),
      gateway: made.gateway ? `${seen(made.gateway)} by ${made.gateway.nextHop}${made.gateway.enableSnat ? ', translating' : ''}` : 'none',
      floating: sorted(made.floatingIps.map((each) => `${each.floatingAddress} ${each.fixedAddress}`)), routes: made.routes,
    }
    if (!same(asked, there)) say(`router ${id} on ${host} is to have ${JSON.stringify(asked)}, and has ${JSON.stringify(there)}`)
    for (const row of floating) if (row['status'] !== 'ACTIVE') say(`floating address ${row['id']} is translated by router ${id} and is ${row['status']}`)
  }
}
