// What a security group rule may say: protocol, ports and prefix must fit each other, or a host could not filter by them.
import { formatPrefix, parsePrefix } from '../model/addresses.ts'
import {
  RuleEtherTypeConflict, RuleInvalidEtherType, RuleInvalidIcmp, RuleInvalidPort, RuleInvalidPorts, RuleInvalidPrefix, RuleInvalidProtocol, RuleMissingIcmpType,
  RulePortsWithoutProtocol, RulePrefixConflict, RuleProtocolWithoutPorts, RuleSeveralRemotes,
} from '../model/errors.ts'

/** Names that upstream takes, with their numbers (neutron_lib/constants.py, IP_PROTOCOL_MAP). */
const protocols: Readonly<Record<string, number>> = {
  ah: 51, dccp: 33, egp: 8, esp: 50, gre: 47, hopopt: 0, icmp: 1, igmp: 2, ip: 0, ipip: 4, 'ipv6-encap': 41, 'ipv6-frag': 44, 'ipv6-icmp': 58, icmpv6: 58,
  'ipv6-nonxt': 59, 'ipv6-opts': 60, 'ipv6-route': 43, ospf: 89, pgm: 113, rsvp: 46, sctp: 132, tcp: 6, udp: 17, udplite: 136, vrrp: 112,
}
/** As Python writes them, for a fault. */
const supported = `(None, 'any', ${Object.keys(protocols).map((name) => `'${name}'`).join(', ')})`
const withPorts = new Set([6, 17, 33, 132, 136])
const ofVersion6 = new Set([41, 43, 44, 58, 59, 60])

export interface RuleBody {
  readonly direction: 'ingress' | 'egress'
  readonly ethertype?: string | null
  readonly protocol?: string | number | null
  readonly port_range_min?: number | string | null
  readonly port_range_max?: number | string | null
  readonly remote_ip_prefix?: string | null
  readonly remote_group_id?: string | null
}

export interface Rule {
  readonly direction: string
  readonly ethertype: 'IPv4' | 'IPv6'
  readonly protocol: string | null
  readonly port_range_min: number | null
  readonly port_range_max: number | null
  readonly remote_ip_prefix: string | null
  readonly remote_group_id: string | null
}

/** @throws the fault that upstream names for what does not fit */
export function readRule(body: RuleBody): Rule {
  const ethertype = body.ethertype === undefined ? 'IPv4' : readEtherType(body.ethertype)
  const given = readProtocol(body.protocol ?? null)
  const ports = { min: readPort(body.port_range_min ?? null), max: readPort(body.port_range_max ?? null) }
  const prefix = readPrefix(body.remote_ip_prefix ?? null)
  // Under IPv6 upstream keeps ICMP as ipv6-icmp.
  const protocol = ethertype === 'IPv6' && (given === 'icmp' || given === 'icmpv6') ? 'ipv6-icmp' : given
  checkPorts(ports, protocol)
  if (prefix !== null && `IPv${parsePrefix(prefix)?.version}` !== ethertype) throw new RulePrefixConflict(`Conflicting value ethertype ${ethertype} for CIDR ${prefix}`)
  if (ethertype === 'IPv4' && protocol !== null && ofVersion6.has(numberOf(protocol))) throw new RuleEtherTypeConflict(`Invalid ethertype ${ethertype} for protocol ${protocol}.`)
  if (prefix !== null && typeof body.remote_group_id === 'string') throw new RuleSeveralRemotes('Only one of remote_ip_prefix or remote_group_id or remote_address_group_id may be provided.')
  return {
    direction: body.direction, ethertype, protocol, port_range_min: ports.min, port_range_max: ports.max, remote_ip_prefix: prefix, remote_group_id: body.remote_group_id ?? null,
  }
}

export function readEtherType(value: string | null): 'IPv4' | 'IPv6' {
  const found = (['IPv4', 'IPv6'] as const).find((each) => each.toLowerCase() === value?.toLowerCase())
  if (!found) throw new RuleInvalidEtherType(`Security group rule for ethertype '${value ?? 'None'}' not supported. Allowed values are ['IPv4', 'IPv6'].`)
  return found
}

function numberOf(protocol: string): number {
  return protocols[protocol] ?? Number(protocol)
}

/** A name or number as it is kept; null for any. */
export function readProtocol(value: string | number | null): string | null {
  if (value === null || value === '') return null
  const text = String(value).toLowerCase()
  if (text === 'any' || text === '-1') return null
  if (Object.hasOwn(protocols, text) || (/^\d{1,3}$/.test(text) && Number(text) <= 255)) return text
  throw new RuleInvalidProtocol(`Security group rule protocol ${text} not supported. Only protocol values ${supported} and integer representations [0 to 255] are supported.`)
}

/** The one name of a protocol that rules are compared by, whether it is given by name or by number. */
export function protocolKey(protocol: string | null, ethertype: string): string {
  if (protocol === null) return ''
  const number = ethertype === 'IPv6' && numberOf(protocol) === 1 ? 58 : numberOf(protocol)
  return Object.keys(protocols).find((name) => protocols[name] === number) ?? protocol
}

export function readPort(value: number | string | null): number | null {
  if (value === null) return null
  const port = typeof value === 'number' || /^\d+$/.test(value) ? Number(value) : -1
  if (port < 0 || port > 65_535) throw new RuleInvalidPort(`Invalid value for port ${value}`)
  return port
}

function checkPorts({ min, max }: { readonly min: number | null; readonly max: number | null }, protocol: string | null): void {
  if (min === null && max === null) return
  if (protocol === null) throw new RulePortsWithoutProtocol('Must also specify protocol if port range is given.')
  const number = numberOf(protocol)
  if (number === 1 || number === 58) {
    for (const [name, attribute, value] of [['type', 'port_range_min', min], ['code', 'port_range_max', max]] as const) {
      if (value !== null && value > 255) throw new RuleInvalidIcmp(`Invalid value for ICMP ${name} (${attribute}) ${value}. It must be 0 to 255.`)
    }
    if (min === null) throw new RuleMissingIcmpType(`ICMP code (port-range-max) ${max} is provided but ICMP type (port-range-min) is missing.`)
    return
  }
  if (!withPorts.has(number)) throw new RuleProtocolWithoutPorts(`Ports cannot be specified for protocol ${number}. Ports are only supported for DCCP, SCTP, TCP, UDP, UDPLITE.`)
  if (min === 0 || max === 0) throw new RuleInvalidPort('Invalid value for port 0')
  if (min === null || max === null || min > max) throw new RuleInvalidPorts('For TCP/UDP protocols, port_range_min must be <= port_range_max')
}

/** A block as it is kept, host bits included; null for none. */
export function readPrefix(text: string | null): string | null {
  if (text === null || text === '') return null
  const prefix = parsePrefix(text)
  if (!prefix) throw new RuleInvalidPrefix(`Invalid CIDR ${text.slice(0, 64)} given as IP prefix.`)
  return text.includes('/') ? text : formatPrefix(prefix)
}

/** The block that a prefix means, with its host bits dropped. */
export function normalized(prefix: string | null): string | null {
  const parsed = prefix === null ? undefined : parsePrefix(prefix)
  return parsed ? formatPrefix(parsed) : null
}
