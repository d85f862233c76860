// Routes of a router's own: their next hop must lie in a subnet of the router and be no address of the router itself.
import { inPython } from '#core/validation'
import { portsOfDevice } from '../db/ports.ts'
import type { Tx } from '../db/networks.ts'
import { subnetsOfNetworks } from '../db/subnets.ts'
import { contains, formatIp, formatPrefix, parseIp, parsePrefix, type Prefix } from '../model/addresses.ts'
import { invalidAttribute, InvalidRoutes, RoutesExhausted } from '../model/errors.ts'
import type { Neutron } from './neutron.ts'

export interface Route {
  readonly destination: string
  readonly nexthop: string
}

/** The blocks that a router reaches directly, and its own addresses. */
export async function reachOf(tx: Tx, routerId: string): Promise<{ prefixes: (Prefix & { subnetId: string })[]; own: Set<string> }> {
  const ports = await portsOfDevice(tx, routerId, ['network:router_interface', 'network:router_gateway'])
  const addresses = ports.flatMap((port) => port.addresses)
  const subnetIds = new Set(addresses.map((address) => address.subnet_id))
  const subnets = (await subnetsOfNetworks(tx, [...new Set(ports.map((port) => port.row.network_id))])).filter((subnet) => subnetIds.has(subnet.id))
  const prefixes = subnets.flatMap((subnet) => {
    const prefix = parsePrefix(subnet.cidr)
    return prefix ? [{ ...prefix, subnetId: subnet.id }] : []
  })
  return { prefixes, own: new Set(addresses.map((address) => address.ip_address)) }
}

/** @throws InvalidRoutes for a next hop that is not reached, InvalidInput for what is no route */
export async function checkRoutes(neutron: Neutron, tx: Tx, routerId: string, routes: readonly Route[]): Promise<Route[]> {
  if (routes.length > neutron.config.max_routes) throw new RoutesExhausted(`Unable to complete operation for ${routerId}. The number of routes exceeds the maximum ${neutron.config.max_routes}.`)
  const { prefixes, own } = await reachOf(tx, routerId)
  const read = routes.map(({ destination, nexthop }) => {
    const prefix = parsePrefix(destination)
    const hop = parseIp(nexthop)
    if (!prefix || !hop || hop.version !== prefix.version) throw invalidAttribute('routes', `'${destination.slice(0, 64)} via ${nexthop.slice(0, 64)}' is not a route`)
    const route = { destination: formatPrefix(prefix), nexthop: formatIp(hop) }
    if (!prefixes.some((each) => contains(each, hop))) throw new InvalidRoutes(`Invalid format for routes: ${inPython([route])}, the nexthop is not connected with router`)
    if (own.has(route.nexthop)) throw new InvalidRoutes(`Invalid format for routes: ${inPython([route])}, the nexthop is used by router`)
    return route
  })
  if (new Set(read.map((route) => `${route.destination} ${route.nexthop}`)).size !== read.length) throw invalidAttribute('routes', 'Duplicate route')
  return read
}
