// The fabric: the one namespace that holds a cloud's bridges and taps, its link to the host, and what the host needs to
// reach the external networks.
import type { Engine } from './engine.ts'
import { type ExternalNetworkSpec, FabricConflict, type FabricSpec } from '../interface.ts'
import { ipv4, network4, prefix } from './addresses.ts'
import { devicesIn, prunedAddressLines, removeLeftEnds } from './devices.ts'
import { closeHost, openHost } from './host-rules.ts'
import { externalGateway, externalSegment, table, uplink } from './names.ts'

export async function ensureFabric(engine: Engine, spec: FabricSpec): Promise<void> {
  const { privileged, names, link } = engine
  const networks = spec.externalNetworks.map(checked)
  const routes = await hostRoutes(engine)
  refuseConflicts(engine, networks, routes)
  await Promise.all([privileged.netnsAdd(names.fabric), privileged.allowTaps(true)])
  const present = await devicesIn(privileged, names.fabric)
  if (!present.some(({ ifname }) => ifname === uplink)) await removeLeftEnds(privileged, [names.hostLink], {})
  await Promise.all([
    privileged.sysctl({
      'net/ipv4/ip_forward': '1',
      // Bridges have no addresses, and must get none by themselves.
      'net/ipv6/conf/all/disable_ipv6': '1', 'net/ipv6/conf/default/disable_ipv6': '1',
      'net/bridge/bridge-nf-call-iptables': '1', 'net/bridge/bridge-nf-call-ip6tables': '1', 'net/bridge/bridge-nf-call-arptables': '0',
    }, { netns: names.fabric }),
    privileged.nft(fabricRules(networks), { netns: names.fabric }),
    // Two clouds may have the same link addresses, as long as neither has tunnels: then only one gets the last route.
    privileged.ip([
      `link add ${names.hostLink} type veth peer name ${uplink} netns ${names.fabric}`, `addr replace ${link.host}/32 dev ${names.hostLink}`, `link set ${names.hostLink} up`,
      ...networks.map(({ cidr }) => `route replace ${cidr} via ${link.fabric} dev ${names.hostLink} onlink`),
      `route add ${link.fabric}/32 dev ${names.hostLink}`,
    ], { tolerate: ['exists'] }),
  ])
  const own = Object.fromEntries([[uplink, [`${link.fabric}/32`]], ...networks.map((spec) => [externalGateway(spec.physicalNetwork), [gatewayPrefix(spec)]])])
  const former = prunedAddressLines(present, own)
  await Promise.all([
    privileged.ip([
      'link set lo up', ...former, `addr replace ${link.fabric}/32 dev ${uplink}`, `link set ${uplink} up`,
      `route replace ${link.host}/32 dev ${uplink}`, `route replace default via ${link.host} dev ${uplink} onlink`,
      ...networks.flatMap(externalNetworkLines),
    ], { netns: names.fabric, tolerate: ['exists'] }),
    openHost(engine, networks, routes),
  ])
}

export async function removeFabric(engine: Engine): Promise<void> {
  const { privileged, names } = engine
  const servers = [...(await privileged.daemons('dnsmasq')).keys()]
  await Promise.all(servers.map((id) => privileged.signalDaemon('dnsmasq', id, 'SIGKILL')))
  await privileged.ip([`link del ${names.hostLink}`], { tolerate: ['absent'] })
  for (const name of await privileged.netnsList()) {
    if (name === names.fabric || name.startsWith(names.dhcpNamespace(nobody).slice(0, -36)) || name.startsWith(names.routerNamespace(nobody).slice(0, -36))) {
      await privileged.netnsDelete(name)
    }
  }
  await closeHost(engine)
  await privileged.allowTaps(false)
  engine.portNumbers.forget()
  engine.zones.forget()
}

const nobody = '00000000-0000-0000-0000-000000000000'

export function checked(spec: ExternalNetworkSpec): ExternalNetworkSpec {
  const { base, length } = network4(prefix(spec.cidr, 4))
  return { physicalNetwork: spec.physicalNetwork, cidr: `${base}/${length}`, gatewayAddress: ipv4(spec.gatewayAddress) }
}

const gatewayPrefix = (spec: ExternalNetworkSpec) => `${spec.gatewayAddress}/${network4(spec.cidr).length}`

/** The gateway hangs on the segment by a veth pair, so that to the bridge it is a port like any other. */
function externalNetworkLines(spec: ExternalNetworkSpec): string[] {
  const gateway = externalGateway(spec.physicalNetwork)
  const segment = externalSegment(spec.physicalNetwork)
  return [
    `link add ${gateway} type veth peer name ${segment}`,
    `addr replace ${gatewayPrefix(spec)} dev ${gateway}`,
    `link set ${gateway} up`, `link set ${segment} up`,
  ]
}

/**
 * The frame of all filters. Bridge family: where a frame comes from and goes to, written into its mark. Inet family,
 * which bridged packets reach through br_netfilter: the security groups. Ports add chains and elements of their own.
 */
function fabricRules(networks: readonly ExternalNetworkSpec[]): string {
  const routed = [uplink, ...networks.map(({ physicalNetwork }) => externalGateway(physicalNetwork))]
  return `
table bridge ${table} {
  map port_sources { type ifname : verdict; }
  map port_targets { type ifname : verdict; }
  chain prerouting { type filter hook prerouting priority -300; policy accept; }
  chain forward { type filter hook forward priority -10; policy accept; }
  chain input { type filter hook input priority -200; policy drop; }
}
table inet ${table} {
  map egress { type mark : verdict; }
  map ingress { type mark : verdict; }
  map zones { typeof iifname : ct zone; }
  chain to-port { }
  chain prerouting { type filter hook prerouting priority -300; policy accept; }
  chain forward { type filter hook forward priority 0; policy accept; }
}
flush chain bridge ${table} prerouting
flush chain bridge ${table} forward
flush chain inet ${table} to-port
flush chain inet ${table} prerouting
flush chain inet ${table} forward
add rule bridge ${table} prerouting meta mark set 0
add rule bridge ${table} prerouting iifname vmap @port_sources
add rule bridge ${table} forward oifname vmap @port_targets
add rule inet ${table} prerouting ct zone set iifname map @zones
add rule inet ${table} forward iifname { ${routed.map((name) => `"${name}"`).join(', ')} } accept
add rule inet ${table} forward meta mark and 0x0000ffff vmap @egress
add rule inet ${table} forward goto to-port
add rule inet ${table} to-port meta mark and 0xffff0000 vmap @ingress
add rule inet ${table} to-port accept
`
}

export interface HostRoute {
  readonly dst: string
  readonly dev?: string
  readonly gateway?: string
}

const hostRoutes = async ({ privileged }: Engine) => await privileged.ipQuery(['-4', 'route', 'show'], {}) as HostRoute[]

function refuseConflicts({ names }: Engine, networks: readonly ExternalNetworkSpec[], routes: readonly HostRoute[]): void {
  for (const { cidr } of networks) {
    const other = routes.find((route) => route.dst === cidr && route.dev !== names.hostLink)
    if (other) throw new FabricConflict(`The host already has a route to ${cidr}, over ${other.dev ?? 'another device'}. Choose another range with --public-cidr, or remove what has it.`, { cidr, device: other.dev })
  }
}
