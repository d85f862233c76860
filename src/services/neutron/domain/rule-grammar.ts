// What a security group rule may say: protocol, ports and prefix must fit each other, or a host could not filter by them.
import { formatPrefix, parsePrefix } from '../model/addresses.ts'
import { InvalidInput, RuleInvalidIcmp, RuleInvalidPort, RuleInvalidPorts, RuleInvalidPrefix, RuleInvalidProtocol } from '../model/errors.ts'

/** Names that upstream takes, with their numbers (neutron_lib/constants.py, IP_PROTOCOL_MAP). */
const protocols: Readonly<Record<string, number>> = {
  ah: 51, dccp: 33, egp: 8, esp: 50, gre: 47, hopopt: 0, icmp: 1, igmp: 2, ip: 0, ipip: 4, 'ipv6-encap': 41, 'ipv6-frag': 44, 'ipv6-icmp': 58, icmpv6: 58,
  'ipv6-nonxt': 59, 'ipv6-opts': 60, 'ipv6-route': 43, ospf: 89, pgm: 113, rsvp: 46, sctp: 132, tcp: 6, udp: 17, udplite: 136, vrrp: 112,
}
const withPorts = new Set([6, 17, 33, 132, 136])
const ofVersion6 = new Set([41, 43, 44, 58, 59, 60])

export interface RuleBody {
  readonly direction: string
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
  const direction = body.direction.toLowerCase()
  if (direction !== 'ingress' && direction !== 'egress') throw new InvalidInput(`Invalid input for direction. Reason: '${body.direction}' is not in ['ingress', 'egress'].`)
  const ethertype = readEtherType(body.ethertype)
  const protocol = readProtocol(body.protocol, ethertype)
  const number = protocol === null ? undefined : numberOf(protocol)
  const { min, max } = readPorts(body, protocol, number)
  if (typeof body.remote_ip_prefix === 'string' && typeof body.remote_group_id === 'string') {
    throw new InvalidInput('Only remote_ip_prefix or remote_group_id may be provided.')
  }
  return {
    direction, ethertype, protocol, port_range_min: min, port_range_max: max,
    remote_ip_prefix: readPrefix(body.remote_ip_prefix ?? null, ethertype), remote_group_id: body.remote_group_id ?? null,
  }
}

function readEtherType(value: string | null | undefined): 'IPv4' | 'IPv6' {
  if (value === undefined) return 'IPv4'
  const found = (['IPv4', 'IPv6'] as const).find((each) => each.toLowerCase() === value?.toLowerCase())
  if (!found) throw new InvalidInput(`Invalid input for ethertype. Reason: '${value}' is not in ['IPv4', 'IPv6'].`)
  return found
}

function numberOf(protocol: string): number {
  return protocols[protocol] ?? Number(protocol)
}

function readProtocol(value: string | number | null | undefined, ethertype: string): string | null {
  if (value === undefined || value === null || value === '') return null
  const text = String(value).toLowerCase()
  if (text === 'any' || text === '-1') return null
  const known = Object.hasOwn(protocols, text) || (/^\d{1,3}$/.test(text) && Number(text) <= 255)
  if (!known) throw new RuleInvalidProtocol(`Security group rule protocol ${text} not supported. Only protocol values [${Object.keys(protocols).join(', ')}] and integer representations [0 to 255] are supported.`)
  if (ethertype === 'IPv4' && ofVersion6.has(numberOf(text))) throw new RuleInvalidProtocol(`Invalid ethertype ${ethertype} for protocol ${text}.`)
  // Under IPv6 upstream keeps ICMP as ipv6-icmp.
  return ethertype === 'IPv6' && (text === 'icmp' || text === 'icmpv6') ? 'ipv6-icmp' : text
}

function readPorts(body: RuleBody, protocol: string | null, number: number | undefined): { min: number | null; max: number | null } {
  const read = (value: number | string | null | undefined) => (value === undefined || value === null || value === '' ? null : Number(value))
  const [min, max] = [read(body.port_range_min), read(body.port_range_max)]
  if (min === null && max === null) return { min, max }
  for (const value of [min, max]) if (value !== null && (value < 0 || value > 65_535)) throw new RuleInvalidPort(`Invalid value for port ${value}`)
  if (number === 1 || number === 58) {
    for (const [name, value] of [['type', min], ['code', max]] as const) {
      if (value !== null && (value < 0 || value > 255)) throw new RuleInvalidIcmp(`Invalid value for ICMP ${name} (${name === 'type' ? 'port_range_min' : 'port_range_max'}) ${value}. It must be 0 to 255.`)
    }
    if (min === null) throw new RuleInvalidIcmp(`ICMP code (port-range-max) ${max} is provided but ICMP type (port-range-min) is missing.`)
    return { min, max }
  }
  if (protocol === null) throw new RuleInvalidProtocol('Must also specify protocol if port range is given.')
  if (number === undefined || !withPorts.has(number)) throw new RuleInvalidProtocol(`Ports cannot be used with protocol ${protocol}.`)
  if (min === null || max === null || min > max) throw new RuleInvalidPorts('For TCP/UDP protocols, port_range_min must be <= port_range_max')
  if (min < 1) throw new RuleInvalidPort(`Invalid value for port ${min}`)
  return { min, max }
}

function readPrefix(text: string | null, ethertype: string): string | null {
  if (text === null || text === '') return null
  const prefix = parsePrefix(text)
  if (!prefix) throw new InvalidInput(`Invalid input for remote_ip_prefix. Reason: '${text.slice(0, 64)}' is not a valid IP subnet.`)
  if (`IPv${prefix.version}` !== ethertype) throw new RuleInvalidPrefix(`Conflicting value ethertype ${ethertype} for CIDR ${text}`)
  return text.includes('/') ? `${text}` : formatPrefix(prefix)
}

/** The block that a prefix means, with its host bits dropped. */
export function normalized(prefix: string | null): string | null {
  const parsed = prefix === null ? undefined : parsePrefix(prefix)
  return parsed ? formatPrefix(parsed) : null
}
