// What a subnet may look like: its block, gateway, pools, modes, resolvers and routes, checked strictly.
import { addressKey, contains, formatIp, formatPrefix, type Ip, parseIp, parsePrefix, type Prefix } from '../model/addresses.ts'
import {
  badRequest, GatewayInPool, HostRoutesExhausted, InvalidAllocationPool, invalidAttribute, InvalidInput, NameserversExhausted, OverlappingPools, PoolOutOfBounds,
} from '../model/errors.ts'
import type { Pool } from './ipam.ts'

export interface Block extends Prefix {
  readonly text: string
}

export function wantedPrefix(body: { readonly cidr?: string | null; readonly ip_version: number | string }): Block {
  if (Number(body.ip_version) !== 4 && Number(body.ip_version) !== 6) throw invalidAttribute('ip_version', `${body.ip_version} is not in valid_values`)
  if (body.cidr === undefined || body.cidr === null) throw badRequest('subnets', 'a subnetpool must be specified in the absence of a cidr')
  const prefix = parsePrefix(body.cidr)
  if (!prefix) throw new InvalidInput(`Invalid input for operation: ${body.cidr} is not in a CIDR format.`)
  if (!body.cidr.includes('/')) throw invalidAttribute('cidr', `'${body.cidr}' is not a valid IP subnet`)
  if (Number(body.ip_version) !== prefix.version) throw new InvalidInput(`Invalid input for operation: cidr '${body.cidr}' does not match the ip_version '${body.ip_version}'.`)
  if (prefix.length === 0) throw new InvalidInput("Invalid input for operation: 0 is not allowed as CIDR prefix length.")
  return { ...prefix, text: formatPrefix(prefix) }
}

/** @throws InvalidInput for modes that contradict each other, the version or DHCP */
export function checkModes(body: { readonly ipv6_address_mode?: string | null; readonly ipv6_ra_mode?: string | null }, prefix: Prefix, enableDhcp: boolean): void {
  const [address, announced] = [body.ipv6_address_mode ?? null, body.ipv6_ra_mode ?? null]
  if (prefix.version === 4) {
    if (address !== null || announced !== null) throw new InvalidInput('Invalid input for operation: ipv6_address_mode or ipv6_ra_mode cannot be set when ip_version is 4.')
    if (enableDhcp && (prefix.length > 30 || isSpecial(prefix))) throw new InvalidInput('Invalid input for operation: Subnet has a prefix length that is incompatible with DHCP service enabled.')
    return
  }
  if (address === null && announced === null) return
  if (!enableDhcp) throw new InvalidInput('Invalid input for operation: ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False.')
  if (address !== null && announced !== null && address !== announced) {
    throw new InvalidInput(`Invalid input for operation: ipv6_ra_mode set to '${announced}' with ipv6_address_mode set to '${address}' is not valid. If both attributes are set, they must be the same value.`)
  }
  if ([address, announced].some((mode) => mode === 'slaac' || mode === 'dhcpv6-stateless') && prefix.length !== 64) {
    throw new InvalidInput('Invalid input for operation: Invalid CIDR for IPv6 address mode. OpenStack uses the EUI-64 address format, which requires the prefix to be /64.')
  }
}

/** Loopback and multicast. */
function isSpecial({ first }: Prefix): boolean {
  const top = Number(first >> 24n)
  return top === 127 || top >= 224
}

/** The gateway that is asked for, or the first address; null for none. */
export function gatewayOf(wanted: string | null | undefined, prefix: Block): string | null {
  if (wanted === null) return null
  if (wanted === undefined || wanted === '') {
    const first: Ip = { version: prefix.version, value: prefix.first + (prefix.last - prefix.first > 1n ? 1n : 0n) }
    return formatIp(first)
  }
  const gateway = parseIp(wanted)
  if (!gateway) throw invalidAttribute('gateway_ip', `'${wanted.slice(0, 64)}' is not a valid IP address`)
  if (gateway.version !== prefix.version) throw new InvalidInput(`Invalid input for operation: gateway_ip '${wanted}' does not match the ip_version '${prefix.version}'.`)
  const edge = prefix.last - prefix.first > 1n && (gateway.value === prefix.first || (prefix.version === 4 && gateway.value === prefix.last))
  // IPv6 gateways may be the subnet's anycast address or link-local; IPv4 ones may lie outside.
  if (edge && prefix.version === 4) throw new InvalidInput('Invalid input for operation: Gateway is not valid on subnet.')
  return formatIp(gateway)
}

/** Pools that are asked for, or everything but the gateway. */
export function poolsOf(wanted: readonly Pool[] | undefined, prefix: Block, gatewayText: string | null): Pool[] {
  const gateway = gatewayText === null ? undefined : parseIp(gatewayText)
  const small = prefix.last - prefix.first < 2n
  const first = small ? prefix.first : prefix.first + 1n
  const last = small || prefix.version === 6 ? prefix.last : prefix.last - 1n
  const text = (value: bigint) => formatIp({ version: prefix.version, value })
  if (!wanted) {
    if (!gateway || !contains(prefix, gateway) || gateway.value < first || gateway.value > last) return [{ start: text(first), end: text(last) }]
    const pools: Pool[] = []
    if (gateway.value > first) pools.push({ start: text(first), end: text(gateway.value - 1n) })
    if (gateway.value < last) pools.push({ start: text(gateway.value + 1n), end: text(last) })
    return pools
  }
  const ranges = wanted.map((pool) => readRange(pool, prefix, first, last)).sort((a, b) => (a.start < b.start ? -1 : 1))
  ranges.forEach((range, at) => {
    const before = ranges[at - 1]
    if (before && range.start <= before.end) throw new OverlappingPools(`Found overlapping allocation pools: ${text(before.start)}-${text(before.end)}, ${text(range.start)}-${text(range.end)} for subnet ${prefix.text}.`)
    if (gateway && gateway.version === prefix.version && gateway.value >= range.start && gateway.value <= range.end) {
      throw new GatewayInPool(`Gateway ip ${gatewayText} conflicts with allocation pool ${text(range.start)}-${text(range.end)}.`)
    }
  })
  return wanted.map(({ start, end }) => ({ start: canonical(start), end: canonical(end) }))
}

const canonical = (address: string): string => {
  const ip = parseIp(address)
  return ip ? formatIp(ip) : address
}

function readRange({ start, end }: Pool, prefix: Block, first: bigint, last: bigint): { start: bigint; end: bigint } {
  const [from, to] = [parseIp(start), parseIp(end)]
  if (!from || !to || from.version !== prefix.version || to.version !== prefix.version || addressKey(from) > addressKey(to)) {
    throw new InvalidAllocationPool(`The allocation pool ${start}-${end} is not valid.`)
  }
  if (from.value < first || to.value > last) throw new PoolOutOfBounds(`The allocation pool ${start}-${end} spans beyond the subnet cidr ${prefix.text}.`)
  return { start: from.value, end: to.value }
}

/** `subnet` is the id of one that is there, for faults. @throws NameserversExhausted, BadRequest for one that is no address or is there twice (CVE-2014-7821) */
export function readNameservers(servers: readonly string[], most: number, subnet: string): string[] {
  if (servers.length > most) throw new NameserversExhausted(`Unable to complete operation for ${subnet}. The number of DNS nameservers exceeds the limit ${most}.`)
  const read = servers.map((server) => {
    const ip = parseIp(server)
    if (!ip) throw invalidAttribute('dns_nameservers', `'${server.slice(0, 64)}' is not a valid nameserver`)
    return formatIp(ip)
  })
  if (new Set(read).size !== read.length) throw invalidAttribute('dns_nameservers', 'Duplicate nameserver')
  return read
}

export function readRoutes(routes: readonly { readonly destination: string; readonly nexthop: string }[], most: number, subnet: string): { destination: string; nexthop: string }[] {
  if (routes.length > most) throw new HostRoutesExhausted(`Unable to complete operation for ${subnet}. The number of host routes exceeds the limit ${most}.`)
  const read = routes.map(({ destination, nexthop }) => {
    const [prefix, hop] = [destination.includes('/') ? parsePrefix(destination) : undefined, parseIp(nexthop)]
    if (!prefix) throw invalidAttribute('host_routes', `'${destination.slice(0, 64)}' is not a valid IP subnet`)
    if (!hop || hop.version !== prefix.version) throw invalidAttribute('host_routes', `'${nexthop.slice(0, 64)}' is not a valid next hop`)
    return { destination: formatPrefix(prefix), nexthop: formatIp(hop) }
  })
  if (new Set(read.map((route) => `${route.destination} ${route.nexthop}`)).size !== read.length) throw invalidAttribute('host_routes', 'Duplicate hostroute')
  return read
}
