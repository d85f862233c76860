// From security groups to chains of nftables: a pure function. Each group has one chain per direction that its ports
// share, and one for the replies, with source and destination changed over. A running flow is therefore asked about its
// rule again with every packet, and a rule that is taken away cuts it at once, in both directions.
import type { AddressSetSpec, EtherType, Problem, SecurityGroupRuleSpec, SecurityGroupSpec } from '../interface.ts'
import { prefix, versionOf } from './addresses.ts'
import { table, uuid } from './names.ts'

export interface Compiled {
  readonly commands: string
  readonly problems: readonly Problem[]
}

/** The chains of a group: packets to and from its ports, and the replies to them, which travel the other way. */
export const groupChains = (id: string) => ({
  ingress: `i-${uuid(id)}`, egressReplies: `er-${uuid(id)}`, egress: `e-${uuid(id)}`, ingressReplies: `ir-${uuid(id)}`,
})
export const setNames = (id: string) => ({ 4: `m4-${uuid(id)}`, 6: `m6-${uuid(id)}` }) as const

/** Egress is not the last word: the receiving port's own rules follow. */
const passedEgress = 'goto to-port'

export function compileSecurityGroup(group: SecurityGroupSpec): Compiled {
  const chains = groupChains(group.id)
  const problems: Problem[] = []
  const sets = new Set<string>()
  const lines: Record<keyof typeof chains, string[]> = { ingress: [], egressReplies: [], egress: [], ingressReplies: [] }
  if (group.stateful) {
    for (const chain of ['ingress', 'egress'] as const) lines[chain].push('ct state invalid,untracked return', 'ct direction reply return')
    for (const chain of ['ingressReplies', 'egressReplies'] as const) {
      lines[chain].push('ct state invalid,untracked,new return', 'ct direction original return')
    }
  }
  for (const rule of group.rules) {
    try {
      const ingress = rule.direction === 'ingress'
      for (const set of setsOf(rule)) sets.add(set)
      lines[ingress ? 'ingress' : 'egress'].push(`${ruleMatch(rule, 'forward')} ${ingress ? 'accept' : passedEgress}`)
      if (!group.stateful) continue
      const replies = ingress ? 'ingressReplies' : 'egressReplies'
      lines[replies].push(`${ruleMatch(rule, 'reply')} ${ingress ? passedEgress : 'accept'}`)
    } catch (error) {
      problems.push({ subject: rule.id, message: (error as Error).message })
    }
  }
  const commands = [...sets].sort()
  for (const key of Object.keys(chains) as (keyof typeof chains)[]) commands.push(...replaceChain('inet', chains[key], lines[key]))
  return { commands: `${commands.join('\n')}\n`, problems }
}

/** A group whose rules the kernel refused: its chains exist and let nothing pass. */
export function compileClosedGroup(id: string): string {
  return `${Object.values(groupChains(id)).flatMap((chain) => replaceChain('inet', chain, [])).join('\n')}\n`
}

/** Only when no port jumps to them any more; the kernel refuses otherwise. */
export function compileGroupRemoval(id: string): string {
  const chains = Object.values(groupChains(id))
  const commands = [
    ...chains.flatMap((chain) => [`add chain inet ${table} ${chain}`, `flush chain inet ${table} ${chain}`]),
    ...chains.map((chain) => `delete chain inet ${table} ${chain}`),
  ]
  return `${commands.join('\n')}\n`
}

export function compileAddressSet(spec: AddressSetSpec): Compiled {
  const names = setNames(spec.id)
  const problems: Problem[] = []
  const members: Record<4 | 6, string[]> = { 4: [], 6: [] }
  for (const address of spec.addresses) {
    const version = versionOf(address)
    if (version) members[version].push(prefix(address))
    else problems.push({ subject: address.slice(0, 60), message: 'Neither an address nor a prefix.' })
  }
  const commands = ([4, 6] as const).flatMap((version) => [
    addSet(names[version], version),
    `flush set inet ${table} ${names[version]}`,
    ...(members[version].length > 0 ? [`add element inet ${table} ${names[version]} { ${[...new Set(members[version])].join(', ')} }`] : []),
  ])
  return { commands: `${commands.join('\n')}\n`, problems }
}

export function compileAddressSetRemoval(id: string): string {
  const names = setNames(id)
  const commands = ([4, 6] as const).flatMap((version) => [addSet(names[version], version), `delete set inet ${table} ${names[version]}`])
  return `${commands.join('\n')}\n`
}

const addSet = (name: string, version: 4 | 6) =>
  `add set inet ${table} ${name} { type ipv${version}_addr; flags interval; auto-merge; }`

export function replaceChain(family: 'inet' | 'bridge', chain: string, rules: readonly string[]): string[] {
  return [
    `add chain ${family} ${table} ${chain}`,
    `flush chain ${family} ${table} ${chain}`,
    ...rules.map((rule) => `add rule ${family} ${table} ${chain} ${rule}`),
  ]
}

function setsOf(rule: SecurityGroupRuleSpec): string[] {
  if (rule.remoteAddressSetId === null) return []
  const version = ipVersion(rule.etherType)
  return [addSet(setNames(rule.remoteAddressSetId)[version], version)]
}

function ipVersion(etherType: EtherType): 4 | 6 {
  if (etherType === 'IPv4') return 4
  if (etherType === 'IPv6') return 6
  throw new Error(`Unknown ethertype ${JSON.stringify(etherType)}.`)
}

/** Neutron's names of protocols; the ICMP of the other version is as in neutron an alias. */
const protocols: Readonly<Record<string, number>> = {
  ah: 51, dccp: 33, egp: 8, esp: 50, gre: 47, icmp: 1, icmpv6: 58, 'ipv6-icmp': 58, igmp: 2, ipip: 4, 'ipv6-encap': 41,
  'ipv6-frag': 44, 'ipv6-nonxt': 59, 'ipv6-opts': 60, 'ipv6-route': 43, ospf: 89, pgm: 113, rsvp: 46, sctp: 132, tcp: 6,
  udp: 17, udplite: 136, vrrp: 112,
}
/** Number 0 stands for all, as iptables reads it for upstream. */
const every: ReadonlySet<string> = new Set(['any', '0', 'ip', 'hopopt'])
const withPorts: Readonly<Record<number, string>> = { 6: 'tcp', 17: 'udp', 33: 'dccp', 132: 'sctp', 136: 'udplite' }

function protocolNumber(name: string, version: 4 | 6): number {
  const known = Object.hasOwn(protocols, name) ? protocols[name] : undefined
  const number = known ?? (/^\d{1,3}$/.test(name) ? Number(name) : Number.NaN)
  if (!(number >= 0 && number <= 255)) throw new Error(`Unknown protocol ${JSON.stringify(name)}.`)
  return version === 6 && number === 1 ? 58 : number
}

/** What a rule matches; for replies with the far end as destination and the ports as source. */
export function ruleMatch(rule: SecurityGroupRuleSpec, way: 'forward' | 'reply'): string {
  const version = ipVersion(rule.etherType)
  const family = version === 4 ? 'ip' : 'ip6'
  // The far end is the source of what comes in; of a reply to it, the destination.
  const far = (rule.direction === 'ingress') === (way === 'forward') ? 'saddr' : 'daddr'
  const parts = [`meta nfproto ipv${version}`]
  if (rule.remoteIpPrefix !== null) {
    if (versionOf(rule.remoteIpPrefix) !== version) throw new Error(`Not an ${rule.etherType} prefix: ${JSON.stringify(rule.remoteIpPrefix)}.`)
    if (!rule.remoteIpPrefix.endsWith('/0')) parts.push(`${family} ${far} ${prefix(rule.remoteIpPrefix)}`)
  }
  if (rule.remoteAddressSetId !== null) parts.push(`${family} ${far} @${setNames(rule.remoteAddressSetId)[version]}`)
  const { portRangeMin: least, portRangeMax: most } = rule
  if (rule.protocol === null || every.has(rule.protocol)) {
    if (least !== null || most !== null) throw new Error('Ports without a protocol.')
    return parts.join(' ')
  }
  const protocol = protocolNumber(rule.protocol, version)
  parts.push(`meta l4proto ${protocol}`)
  if (protocol === 1 || protocol === 58) {
    // A reply has another type than what it answers; that it is one, the state of the flow says.
    if (way === 'forward') parts.push(...icmpMatch(protocol === 1 ? 'icmp' : 'icmpv6', least, most))
  } else if (least !== null || most !== null) {
    const name = withPorts[protocol]
    if (!name) throw new Error(`Protocol ${protocol} has no ports.`)
    parts.push(portMatch(name, way === 'forward' ? 'dport' : 'sport', least, most))
  }
  return parts.join(' ')
}

function icmpMatch(name: 'icmp' | 'icmpv6', type: number | null, code: number | null): string[] {
  for (const value of [type, code]) {
    if (value !== null && !(Number.isInteger(value) && value >= 0 && value <= 255)) throw new Error(`Not a type or code of ICMP: ${value}.`)
  }
  if (type === null && code !== null) throw new Error('A code of ICMP without a type.')
  return [...(type === null ? [] : [`${name} type ${type}`]), ...(code === null ? [] : [`${name} code ${code}`])]
}

function portMatch(protocol: string, side: 'dport' | 'sport', least: number | null, most: number | null): string {
  const from = least ?? most ?? 0
  const to = most ?? least ?? 0
  for (const port of [from, to]) if (!(Number.isInteger(port) && port >= 0 && port <= 65535)) throw new Error(`Not a port: ${port}.`)
  if (from > to) throw new Error(`The ports ${from} to ${to} are no range.`)
  return `${protocol} ${side} ${from === to ? from : `${from}-${to}`}`
}
