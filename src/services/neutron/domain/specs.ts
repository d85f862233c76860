// What agents are told: networks, ports, groups, DHCP and routers as they should be, in plain data built from rows.
import { dhcpHost } from '../db/agents.ts'
import { allocationsOfPort } from '../db/allocations.ts'
import { networkRow, networkRows, segmentOf, segmentsOf, type Tx } from '../db/networks.ts'
import { type PortRecord, portRecords, portsByOwner, portsOfDevices, portsOnNetwork } from '../db/ports.ts'
import { floatingIpsOfRouters, routerRow } from '../db/routers.ts'
import { memberAddresses, securityGroupRecords, type SecurityGroupRecord } from '../db/security-groups.ts'
import { subnetsOfNetwork, subnetsOfNetworks } from '../db/subnets.ts'
import type { NetworkRow, RouterRow, SegmentRow, SubnetRow } from '../db/tables.ts'
import { parsePrefix } from '../model/addresses.ts'
import { isWired } from './binding.ts'
import type { Neutron } from './neutron.ts'
import type { AddressPair, DhcpOption } from './ports/validate.ts'
import { dhcpOwner } from './sync-network.ts'

function segmentSpec(segment: SegmentRow | undefined) {
  if (segment?.network_type === 'flat') return { type: 'flat', physicalNetwork: segment.physical_network ?? '' } as const
  if (segment?.network_type === 'vxlan') return { type: 'vxlan', vni: segment.segmentation_id ?? 0 } as const
  return { type: 'local' } as const
}

/** A network as a host sees it, with the ports that are elsewhere when tunnels join the hosts. */
export async function networkSpec(neutron: Neutron, db: Tx, network: NetworkRow, host: string) {
  const segment = await segmentOf(db, network.id)
  const remotePorts = segment?.network_type === 'vxlan' && tunnelOf(neutron, host) !== '' ? await remotePortsOf(neutron, db, network.id, host) : []
  return { id: network.id, segment: segmentSpec(segment), mtu: network.mtu, remotePorts }
}

function tunnelOf(neutron: Neutron, host: string): string {
  const address = neutron.agents.find('l2', host)?.configurations['tunneling_ip']
  return typeof address === 'string' ? address : ''
}

async function remotePortsOf(neutron: Neutron, db: Tx, networkId: string, host: string) {
  const ports = await portsOnNetwork(db, networkId)
  const routers = new Map<string, string>()
  for (const { row } of ports) {
    if (row.host_id === '' && row.device_owner.startsWith('network:router') && !routers.has(row.device_id)) routers.set(row.device_id, (await routerRow(db, row.device_id))?.host ?? '')
  }
  return ports.flatMap(({ row, addresses }) => {
    const at = row.host_id === '' ? (routers.get(row.device_id) ?? '') : row.host_id
    const tunnelAddress = at === '' || at === host ? '' : tunnelOf(neutron, at)
    return tunnelAddress === '' ? [] : [{ macAddress: row.mac_address, addresses: addresses.map((address) => address.ip_address), tunnelAddress }]
  })
}

/** Of many networks, what a host can be examined for. */
export async function segmentSpecs(db: Tx, networkIds: readonly string[]) {
  const segments = new Map((await segmentsOf(db, networkIds)).map((segment) => [segment.network_id, segment]))
  return networkIds.map((id) => ({ id, segment: segmentSpec(segments.get(id)) }))
}

export function portSpec({ row, addresses, securityGroupIds }: PortRecord, mtu: number) {
  return {
    id: row.id, networkId: row.network_id, macAddress: row.mac_address, mtu, adminStateUp: row.admin_state_up === 1, device: 'tap' as const,
    fixedAddresses: addresses.map((address) => address.ip_address), portSecurityEnabled: row.port_security_enabled === 1,
    allowedAddressPairs: (JSON.parse(row.allowed_address_pairs) as AddressPair[]).map((pair) => ({ macAddress: pair.mac_address, ipAddress: pair.ip_address })),
    securityGroupIds: [...securityGroupIds],
  }
}

export function groupSpec({ row, rules }: SecurityGroupRecord) {
  return {
    id: row.id, stateful: row.stateful === 1,
    rules: rules.map((rule) => ({
      id: rule.id, direction: rule.direction, etherType: rule.ethertype, protocol: rule.protocol, portRangeMin: rule.port_range_min, portRangeMax: rule.port_range_max,
      remoteIpPrefix: rule.remote_ip_prefix, remoteAddressSetId: rule.remote_group_id,
    })),
  }
}

export async function addressSetSpec(db: Tx, groupId: string) {
  return { id: groupId, addresses: await memberAddresses(db, groupId) }
}

/** Groups by id with their rules, and the addresses behind the groups that are asked for. */
export async function groupSpecs(db: Tx, groupIds: readonly string[], addressSetIds: readonly string[]) {
  const records = await securityGroupRecords(db, groupIds)
  const addressSets = []
  for (const id of addressSetIds) addressSets.push(await addressSetSpec(db, id))
  return { groups: records.map((record) => ({ revision: record.row.revision_number, spec: groupSpec(record) })), addressSets }
}

/** Which groups a port needs on its host, at which revision, and whose addresses their rules name. */
export async function groupsOfPort(db: Tx, groupIds: readonly string[]) {
  const records = await securityGroupRecords(db, groupIds)
  const sets = new Set(records.flatMap((record) => record.rules.flatMap((rule) => rule.remote_group_id ?? [])))
  return { groups: records.map(({ row }) => ({ id: row.id, revision: row.revision_number })), addressSetIds: [...sets] }
}

export async function dhcpSpec(neutron: Neutron, db: Tx, networkId: string, host: string) {
  const network = await networkRow(db, networkId)
  if (!network || (await dhcpHost(db, networkId)) !== host) return {}
  const port = (await portsByOwner(db, networkId, dhcpOwner))[0]
  if (!port) return {}
  const own = await allocationsOfPort(db, port.id)
  const subnets = (await subnetsOfNetwork(db, networkId)).filter((subnet) => own.some((address) => address.subnet_id === subnet.id))
  const servedIds = new Set(subnets.map((subnet) => subnet.id))
  const { config } = neutron
  return {
    network: await networkSpec(neutron, db, network, host),
    dhcp: {
      networkId, mtu: network.mtu, port: { id: port.id, macAddress: port.mac_address }, domain: config.dns_domain.replace(/\.$/, ''), dnsForwarders: config.dns_forwarders, metadata: true,
      subnets: subnets.map((subnet) => subnetSpec(subnet, own.find((address) => address.subnet_id === subnet.id)?.ip_address ?? '', config.dhcp_lease_duration)),
      hosts: (await portsOnNetwork(db, networkId)).filter(({ row }) => isWired(row)).map((record) => hostSpec(record, servedIds)),
    },
  }
}

function subnetSpec(subnet: SubnetRow, portAddress: string, leaseSeconds: number) {
  return {
    id: subnet.id, ipVersion: subnet.ip_version, cidr: subnet.cidr, enableDhcp: subnet.enable_dhcp === 1, portAddress, gatewayAddress: subnet.gateway_ip,
    dnsServers: JSON.parse(subnet.dns_nameservers) as string[], leaseSeconds,
    hostRoutes: (JSON.parse(subnet.host_routes) as { destination: string; nexthop: string }[]).map((route) => ({ destination: route.destination, nextHop: route.nexthop })),
  }
}

function hostSpec({ row, addresses }: PortRecord, served: ReadonlySet<string>) {
  const here = addresses.filter((address) => served.has(address.subnet_id))
  return {
    portId: row.id, macAddress: row.mac_address, hostName: `host-${(here[0]?.ip_address ?? '').replaceAll(/[.:]+/g, '-')}`,
    addresses: here.map((address) => ({ subnetId: address.subnet_id, address: address.ip_address })),
    options: (JSON.parse(row.extra_dhcp_opts) as DhcpOption[]).map((option) => ({ name: option.opt_name, value: option.opt_value, ipVersion: option.ip_version })),
  }
}

/** What DHCP shall tell some ports of a network. Only who is plugged in can ask: each wiring and its end is said to DHCP, nothing else is. */
export async function dhcpHosts(db: Tx, networkId: string, portIds: readonly string[]) {
  const port = (await portsByOwner(db, networkId, dhcpOwner))[0]
  const served = new Set(port && (await allocationsOfPort(db, port.id)).map((address) => address.subnet_id))
  return (await portRecords(db, portIds)).filter(({ row }) => row.network_id === networkId && isWired(row)).map((record) => hostSpec(record, served))
}

/** A router as its L3 agent should make it, with the networks that it touches. */
export async function routerSpec(neutron: Neutron, db: Tx, routerId: string, host: string) {
  const row = await routerRow(db, routerId)
  if (!row || row.host !== host) return {}
  const { networks, routers: [router] } = await routerSpecs(db, [row])
  const specs = []
  for (const network of networks) specs.push(await networkSpec(neutron, db, network, host))
  return { networks: specs, router }
}

/** Routers without what networks are on a host; and those networks. In a handful of statements, however many there are. */
export async function routerSpecs(db: Tx, rows: readonly RouterRow[]) {
  const ids = rows.map(({ id }) => id)
  const ports = Map.groupBy(await portsOfDevices(db, ids, ['network:router_interface', 'network:router_gateway']), ({ row }) => row.device_id)
  const networks = new Map((await networkRows(db, [...new Set([...ports.values()].flat().map(({ row }) => row.network_id))])).map((network) => [network.id, network]))
  const subnets = new Map((await subnetsOfNetworks(db, [...networks.keys()])).map((subnet) => [subnet.id, subnet]))
  const floating = Map.groupBy(await floatingIpsOfRouters(db, ids), (ip) => ip.router_id)
  const portOf = (record: PortRecord) => routerPortSpec(record, networks.get(record.row.network_id)?.mtu ?? 1500, subnets)
  return {
    networks: [...networks.values()],
    routers: rows.map((row) => {
      const own = ports.get(row.id) ?? []
      const gateway = own.find((port) => port.row.id === row.gateway_port_id)
      return {
        id: row.id, adminStateUp: row.admin_state_up === 1, interfaces: own.filter((port) => port.row.device_owner === 'network:router_interface').map(portOf),
        gateway: gateway ? { ...portOf(gateway), nextHop: nextHopOf(gateway, subnets), enableSnat: row.enable_snat === 1 } : null,
        floatingIps: (floating.get(row.id) ?? []).flatMap((ip) => (ip.fixed_ip_address === null ? [] : [{ floatingAddress: ip.floating_ip_address, fixedAddress: ip.fixed_ip_address }])),
        portForwardings: [], routes: (JSON.parse(row.routes) as { destination: string; nexthop: string }[]).map((route) => ({ destination: route.destination, nextHop: route.nexthop })),
      }
    }),
  }
}

function routerPortSpec({ row, addresses }: PortRecord, mtu: number, subnets: ReadonlyMap<string, SubnetRow>) {
  return {
    portId: row.id, networkId: row.network_id, macAddress: row.mac_address, mtu,
    addresses: addresses.map((address) => `${address.ip_address}/${parsePrefix(subnets.get(address.subnet_id)?.cidr ?? '')?.length ?? 32}`),
  }
}

function nextHopOf({ addresses }: PortRecord, subnets: ReadonlyMap<string, SubnetRow>): string | null {
  for (const address of addresses) {
    const subnet = subnets.get(address.subnet_id)
    if (subnet?.ip_version === 4 && subnet.gateway_ip !== null) return subnet.gateway_ip
  }
  return null
}
