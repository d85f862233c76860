// Routers: a namespace with one veth on each segment, addresses, routes and a ruleset.
import type { RouterPortSpec, RouterSpec } from '../interface.ts'
import { ipv4, mac, metadataAddress, network4, prefix, versionOf } from './addresses.ts'
import { addressesOf, attach, type DeviceAddresses, devicesIn, removeNamespace } from './devices.ts'
import type { Engine } from './engine.ts'
import { gatewayDeviceOf, routerDeviceOf, tapOf, uuid } from './names.ts'
import { checkMtu } from './networks.ts'
import { compileRouter } from './router-rules.ts'

export interface Wanted {
  readonly device: string
  readonly port: RouterPortSpec
  readonly addresses: readonly string[]
}

/** What of a router this engine carries: IPv4. Subnets and routes of IPv6 may be on it and change nothing. */
export function carriedOf(spec: RouterSpec): RouterSpec {
  const is4 = (address: string) => versionOf(address) !== 6
  const portOf = <T extends RouterPortSpec>(port: T): T => ({ ...port, addresses: port.addresses.filter(is4) })
  return { ...spec, interfaces: spec.interfaces.map(portOf), gateway: spec.gateway && portOf(spec.gateway), routes: spec.routes.filter((route) => is4(route.destination)) }
}

export async function ensureRouter(engine: Engine, wholeSpec: RouterSpec): Promise<void> {
  const spec = carriedOf(wholeSpec)
  const { privileged, names } = engine
  const netns = names.routerNamespace(spec.id)
  const rules = compileRouter(spec)
  const wanted = devicesOf(spec)
  await privileged.netnsAdd(netns)
  const [present] = await Promise.all([
    devicesIn(privileged, netns),
    privileged.nft(rules, { netns }),
    privileged.sysctl({
      // Without a ruleset there is no forwarding: it is switched on last.
      'net/ipv4/conf/all/arp_ignore': '1', 'net/ipv4/conf/all/arp_announce': '2', 'net/ipv4/conf/all/send_redirects': '0',
      'net/ipv4/conf/all/arp_notify': '1', 'net/ipv4/conf/all/rp_filter': '0', 'net/ipv4/conf/default/rp_filter': '0',
      'net/ipv6/conf/all/disable_ipv6': '1', 'net/ipv6/conf/default/disable_ipv6': '1',
    }, { netns }),
  ])
  await attach(engine, netns, present, wanted.map(({ device, port }) => ({ tap: tapOf(port.portId), device, mtu: checkMtu(port.mtu), networkId: port.networkId })))
  await privileged.ip([
    'link set lo up', `addr replace ${metadataAddress}/32 dev lo`,
    ...strayDevices(present, wanted).map((device) => `link del ${device}`),
    ...wanted.flatMap((one) => deviceLines(one, present, spec.adminStateUp)),
  ], { netns, tolerate: ['absent'] })
  await setRoutes(engine, netns, spec)
  await privileged.sysctl({ 'net/ipv4/ip_forward': spec.adminStateUp ? '1' : '0' }, { netns })
}

export async function removeRouter({ privileged, names }: Engine, routerId: string): Promise<void> {
  await removeNamespace(privileged, names.routerNamespace(routerId))
}

export function devicesOf(spec: RouterSpec): Wanted[] {
  uuid(spec.id)
  const inner = spec.interfaces.map((port) => ({ device: routerDeviceOf(port.portId), port, addresses: port.addresses.map((one) => prefix(one, 4)) }))
  if (!spec.gateway) return inner
  const own = spec.gateway.addresses.map((address) => prefix(address, 4))
  const floating = [...spec.floatingIps, ...spec.portForwardings].map((one) => `${ipv4(one.floatingAddress)}/32`)
  return [...inner, { device: gatewayDeviceOf(spec.gateway.portId), port: spec.gateway, addresses: [...new Set([...own, ...floating])] }]
}

export const strayDevices = (present: readonly DeviceAddresses[], wanted: readonly Wanted[]) =>
  present.map(({ ifname }) => ifname).filter((name) => /^q[rg]-/.test(name) && !wanted.some(({ device }) => device === name))

function deviceLines({ device, port, addresses }: Wanted, present: readonly DeviceAddresses[], up: boolean): string[] {
  const before = present.find(({ ifname }) => ifname === device)
  const has = before ? addressesOf(before) : []
  const fresh = addresses.filter((address) => !has.includes(address))
  const macAddress = mac(port.macAddress)
  return [
    ...has.filter((address) => !addresses.includes(address)).map((address) => `addr del ${address} dev ${device}`),
    ...fresh.map((address) => `addr replace ${address} dev ${device}`),
    // Neighbours may still know a new address under the MAC address of another router. When its own is set, even to what it was,
    // a device with `arp_notify` tells them all its addresses; so it does when it comes up.
    ...(before?.address === macAddress && fresh.length === 0 ? [] : [`link set ${device} address ${macAddress}`]),
    `link set ${device} mtu ${checkMtu(port.mtu)} ${up ? 'up' : 'down'}`,
  ]
}

interface Route {
  readonly dst: string
  readonly gateway?: string
  readonly protocol?: string
}

/** The routes of a namespace without the kernel's own, to what is connected. */
export const routesIn = async (privileged: Engine['privileged'], netns: string) =>
  (await privileged.ipQuery(['-4', 'route', 'show'], { netns }) as Route[]).filter(({ protocol }) => protocol !== 'kernel')

/** Next hops by destination: the default route and those of the router's owner. */
export function routesOf(spec: RouterSpec): ReadonlyMap<string, string> {
  const wanted = new Map(spec.routes.map((route) => [destination(route.destination), ipv4(route.nextHop)]))
  if (spec.gateway?.nextHop) wanted.set('default', ipv4(spec.gateway.nextHop))
  return wanted
}

async function setRoutes({ privileged }: Engine, netns: string, spec: RouterSpec): Promise<void> {
  if (!spec.adminStateUp) return
  const wanted = routesOf(spec)
  const routes = await routesIn(privileged, netns)
  const gone = routes.filter(({ dst }) => !wanted.has(dst)).map(({ dst }) => `route del ${dst}`)
  const fresh = [...wanted].filter(([dst, via]) => !routes.some((route) => route.dst === dst && route.gateway === via))
  const outside = spec.gateway ? gatewayDeviceOf(spec.gateway.portId) : ''
  const lines = fresh.map(([dst, via]) => dst === 'default' && outside
    ? `route replace default via ${via} dev ${outside} onlink`
    : `route replace ${dst} via ${via}`)
  if (gone.length + lines.length > 0) await privileged.ip([...gone, ...lines], { netns, tolerate: ['absent'] })
}

function destination(cidr: string): string {
  const { base, length } = network4(prefix(cidr, 4))
  if (length === 0) return 'default'
  return length === 32 ? base : `${base}/${length}`
}
