// What a host's network engine can be told by the agents of neutron. Every call states how a thing shall be, in plain
// data, and may be repeated; removing what is gone succeeds.
import type { Server } from 'node:net'
import type { CallContext } from '#core/context'
import { errorClass } from '#core/errors'

export interface NetworkDriver {
  readonly can: Readonly<{ vxlan: boolean; vlan: boolean; ipv6: boolean }>

  /** The cloud's own network namespace on this host, and its one link to the host. @throws FabricConflict */
  ensureFabric(call: CallContext, spec: FabricSpec): Promise<void>
  /** Remove everything that this cloud has in the kernel of this host, and put the host back as it was. */
  removeFabric(call: CallContext): Promise<void>

  /** The segment of a network on this host. @throws UnknownPhysicalNetwork */
  ensureNetwork(call: CallContext, spec: NetworkSpec): Promise<void>
  /** @param networkId or its first 11 characters, as an inventory has it */
  removeNetwork(call: CallContext, networkId: string): Promise<void>

  /** Wire a port: its device, its filter, its place in the segment. @throws NetworkAbsent before ensureNetwork */
  plugPort(call: CallContext, spec: PortSpec): Promise<PluggedPort>
  /** Its device and its filter. @param portId or its first 11 characters, as an inventory has it */
  unplugPort(call: CallContext, portId: string): Promise<void>

  /** Rules that cannot be understood are left out, so that nothing passes by them, and are reported. */
  ensureSecurityGroup(call: CallContext, spec: SecurityGroupSpec): Promise<Report>
  removeSecurityGroup(call: CallContext, securityGroupId: string): Promise<void>
  /** The addresses behind a remote group or an address group; rules name it by id, before or after it is told. */
  ensureAddressSet(call: CallContext, spec: AddressSetSpec): Promise<Report>
  removeAddressSet(call: CallContext, id: string): Promise<void>

  ensureDhcp(call: CallContext, spec: DhcpSpec): Promise<Report>
  removeDhcp(call: CallContext, networkId: string): Promise<void>
  /** Networks whose DHCP should run and does not: its server was killed from outside. Cheap enough to be asked every few seconds. */
  deadDhcp(call: CallContext): Promise<readonly string[]>

  ensureRouter(call: CallContext, spec: RouterSpec): Promise<void>
  removeRouter(call: CallContext, routerId: string): Promise<void>

  /**
   * A server on 169.254.169.254:80 as the ports of a network, or of the networks behind a router, see it. A connection's
   * remoteAddress is the port's fixed address. The network's DHCP, or the router, must be there.
   */
  listenMetadata(call: CallContext, owner: MetadataOwner): Promise<Server>

  /** What exists, for comparison with what should. */
  inventory(call: CallContext): Promise<Inventory>
  /** The same, and whether it is whole, and as it is specified: what was put there may have been changed since. */
  examine(call: CallContext, specified: Specified): Promise<Examination>
  /** The part of the inventory that is known without a look into the fabric. */
  served(call: CallContext): Promise<Pick<Inventory, 'dhcp' | 'routers'>>

  /**
   * The same engine, for one kind of agent on this host. Whoever asks for it takes over from a former agent of the kind,
   * which may only be held up: its calls are refused from then on, also those that had begun to wait. @throws Superseded then
   */
  hold(agent: string): Promise<HeldDriver>

  /** Let go of what it holds in this process; what it made stays. */
  close(): Promise<void>
}

export interface HeldDriver extends NetworkDriver {
  /** @throws Superseded once another agent of the kind has taken over */
  confirm(): Promise<void>
}

export type MetadataOwner = { readonly networkId: string } | { readonly routerId: string }

export interface FabricSpec {
  /** Physical networks that the fabric itself carries; flat networks name them. */
  readonly externalNetworks: readonly ExternalNetworkSpec[]
  /** This host's end of VXLAN tunnels; none are possible without it. */
  readonly tunnel?: TunnelSpec
}

export interface ExternalNetworkSpec {
  /** At most 11 letters and digits. */
  readonly physicalNetwork: string
  readonly cidr: string
  /** Lives on the external segment, inside the fabric; the host routes `cidr` to it. */
  readonly gatewayAddress: string
}

export interface TunnelSpec {
  readonly localAddress: string
  /** Whether the tunnel's packets leave through the host's own network or through the fabric's link. */
  readonly underlay: 'host' | 'fabric'
}

export type SegmentSpec =
  | { readonly type: 'local' }
  | { readonly type: 'flat'; readonly physicalNetwork: string }
  | { readonly type: 'vxlan'; readonly vni: number }

export interface NetworkSpec {
  readonly id: string
  readonly segment: SegmentSpec
  readonly mtu: number
  /** Ports of the network on other hosts; all of them. Only for tunnels. */
  readonly remotePorts: readonly RemotePortSpec[]
}

export interface RemotePortSpec {
  readonly macAddress: string
  readonly addresses: readonly string[]
  /** The tunnel end of its host. */
  readonly tunnelAddress: string
}

export interface PortSpec {
  readonly id: string
  readonly networkId: string
  readonly macAddress: string
  readonly mtu: number
  readonly adminStateUp: boolean
  /** A tap made for QEMU's user, or a device of that name that its owner has put into the fabric (a container's). */
  readonly device: 'tap' | 'given'
  readonly fixedAddresses: readonly string[]
  /** Without it, nothing is filtered: neither spoofed addresses nor by security groups. */
  readonly portSecurityEnabled: boolean
  readonly allowedAddressPairs: readonly { readonly macAddress: string; readonly ipAddress: string }[]
  readonly securityGroupIds: readonly string[]
}

export interface PluggedPort extends Report {
  /** The name of the device, for QEMU to open. */
  readonly device: string
  /** The namespace that QEMU is to be started in. */
  readonly netns: string
}

export type EtherType = 'IPv4' | 'IPv6'

export interface SecurityGroupSpec {
  readonly id: string
  readonly stateful: boolean
  readonly rules: readonly SecurityGroupRuleSpec[]
}

export interface SecurityGroupRuleSpec {
  readonly id: string
  readonly direction: 'ingress' | 'egress'
  readonly etherType: EtherType
  /** A name or a number as neutron keeps it; null for any. */
  readonly protocol: string | null
  /** For ICMP the type. */
  readonly portRangeMin: number | null
  /** For ICMP the code. */
  readonly portRangeMax: number | null
  readonly remoteIpPrefix: string | null
  /** A security group or an address group whose addresses are told by ensureAddressSet. */
  readonly remoteAddressSetId: string | null
}

export interface AddressSetSpec {
  readonly id: string
  /** Addresses and prefixes, of both versions. */
  readonly addresses: readonly string[]
}

export interface DhcpSpec {
  readonly networkId: string
  readonly mtu: number
  /** The port with device owner network:dhcp on this host. */
  readonly port: { readonly id: string; readonly macAddress: string }
  readonly domain: string
  /** Resolvers that the network's own answers come from beyond its own names. */
  readonly dnsForwarders: readonly string[]
  /** Whether 169.254.169.254 is reached through this port; its route is then handed out. */
  readonly metadata: boolean
  readonly subnets: readonly DhcpSubnetSpec[]
  readonly hosts: readonly DhcpHostSpec[]
}

export interface DhcpSubnetSpec {
  readonly id: string
  readonly ipVersion: 4 | 6
  readonly cidr: string
  readonly enableDhcp: boolean
  /** The DHCP port's own address in the subnet. */
  readonly portAddress: string
  readonly gatewayAddress: string | null
  /** Empty: the DHCP port itself. */
  readonly dnsServers: readonly string[]
  readonly hostRoutes: readonly RouteSpec[]
  readonly leaseSeconds: number
}

export interface DhcpHostSpec {
  readonly portId: string
  readonly macAddress: string
  readonly hostName: string
  readonly addresses: readonly { readonly subnetId: string; readonly address: string }[]
  readonly options: readonly { readonly name: string; readonly value: string; readonly ipVersion: 4 | 6 }[]
}

export interface RouteSpec {
  readonly destination: string
  readonly nextHop: string
}

export interface RouterSpec {
  readonly id: string
  readonly adminStateUp: boolean
  readonly interfaces: readonly RouterPortSpec[]
  readonly gateway: (RouterPortSpec & { readonly nextHop: string | null; readonly enableSnat: boolean }) | null
  readonly floatingIps: readonly { readonly floatingAddress: string; readonly fixedAddress: string }[]
  readonly portForwardings: readonly PortForwardingSpec[]
  readonly routes: readonly RouteSpec[]
}

export interface RouterPortSpec {
  readonly portId: string
  readonly networkId: string
  readonly macAddress: string
  readonly mtu: number
  /** With prefix length: `10.0.0.1/24`. */
  readonly addresses: readonly string[]
}

export interface PortForwardingSpec {
  readonly protocol: 'tcp' | 'udp'
  readonly floatingAddress: string
  readonly externalPort: number
  readonly fixedAddress: string
  readonly internalPort: number
}

/** What was left out because it could not be understood or was refused; nothing passes by it. */
export interface Problem {
  /** The rule, port, option or address. */
  readonly subject: string
  readonly message: string
}

export interface Report {
  readonly problems: readonly Problem[]
}

export interface Inventory {
  readonly fabric: boolean
  /** The first 11 characters of their ids: more does not fit into the name of a device. */
  readonly networks: readonly string[]
  readonly ports: readonly InventoryPort[]
  readonly securityGroups: readonly string[]
  readonly addressSets: readonly string[]
  /** Networks with a DHCP namespace, and whether its server lives. */
  readonly dhcp: readonly { readonly networkId: string; readonly alive: boolean }[]
  readonly routers: readonly string[]
  /** Devices in the fabric that nothing above accounts for. */
  readonly strangers: readonly string[]
}

export interface InventoryPort {
  /** The first 11 characters of the port's id. */
  readonly id: string
  /** The network, by the first 11 characters of its id, or null when it hangs nowhere. */
  readonly network: string | null
  /** Whether a filter of the port is in force. */
  readonly filtered: boolean
}

/** What an examination compares with a specification. Nothing is said of what is not there at all: an inventory shows that. */
export interface Specified {
  readonly networks: readonly Pick<NetworkSpec, 'id' | 'segment'>[]
  readonly dhcp: readonly DhcpServerSpec[]
  readonly routers: readonly RouterSpec[]
}

/** The part of a DHCP server that its namespace shows. */
export interface DhcpServerSpec extends Pick<DhcpSpec, 'networkId' | 'port' | 'metadata'> {
  readonly subnets: readonly Pick<DhcpSubnetSpec, 'ipVersion' | 'cidr' | 'enableDhcp' | 'portAddress' | 'gatewayAddress'>[]
}

/** Something that is there and not as it should be. */
export interface Fault {
  /** `fabric`: what joins it to the host, and lets the external networks out; it has no id. */
  readonly of: 'fabric' | 'network' | 'dhcp' | 'router'
  readonly id: string
  /** Its namespace cannot be entered: it can only be made anew. */
  readonly isLost?: true
  /** For people: `the address 10.0.0.1/24 is missing`. */
  readonly wrong: readonly string[]
}

export interface Examination extends Inventory {
  /** Whether what leads packets to the filters of ports is in force. */
  readonly frame: boolean
  /** Those of the ports that have a device, and not a filter alone. */
  readonly devices: readonly string[]
  /** Filters by the whole id of their ports. */
  readonly filters: readonly { readonly portId: string; readonly intact: boolean }[]
  readonly groups: readonly { readonly id: string; readonly intact: boolean }[]
  /** What each address set holds: addresses, prefixes, and ranges as `first-last`. */
  readonly members: readonly { readonly id: string; readonly addresses: readonly string[] }[]
  /** Whom the DHCP of each network answers, and with which addresses. */
  readonly dhcpHosts: readonly { readonly networkId: string; readonly hosts: readonly { readonly macAddress: string; readonly address: string }[] }[]
  readonly faults: readonly Fault[]
  /** Also namespaces that carry the cloud's prefix and that nothing accounts for. */
  readonly strangers: readonly string[]
}

/** The part of an id that fits into the names of devices. */
export const shortId = (id: string) => id.slice(0, 11)

/** The network has no segment on this host yet. */
export const NetworkAbsent = errorClass('NetworkAbsent', 409, 'network_absent')
export const UnknownPhysicalNetwork = errorClass('UnknownPhysicalNetwork', 400, 'unknown_physical_network')
/** Something of the host's stands in the way, for instance a route to the same network. */
export const FabricConflict = errorClass('FabricConflict', 409, 'fabric_conflict')
/** A specification that cannot be carried out at all, for instance an id that is none. */
export const BadSpecification = errorClass('BadNetworkSpecification', 400, 'bad_network_specification')
/** Another agent of this kind has begun on this host. */
export const Superseded = errorClass('Superseded', 409, 'network_agent_superseded')
