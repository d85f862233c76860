// From a port to its own chains: who it may claim to be (bridge family, before the bridge learns anything), and which
// security groups speak for it (inet family, with connection tracking). A pure function.
import type { PortSpec, Problem } from '../interface.ts'
import { linkLocal, mac, metadataAddress, prefix, versionOf } from './addresses.ts'
import { table, tapOf, uuid } from './names.ts'
import { type Compiled, groupChains, replaceChain } from './security-groups.ts'

/** Neighbour discovery and multicast listener reports; router advertisements are taken from routers only. */
const discoveryFromPort = 'icmpv6 type { 130, 131, 132, 133, 135, 136, 143 }'
const discoveryToPort = 'icmpv6 type { 130, 131, 132, 134, 135, 136, 143 }'

export const portChains = (id: string) => ({
  sources: `from-${uuid(id)}`, targets: `to-${uuid(id)}`, egress: `eg-${uuid(id)}`, ingress: `in-${uuid(id)}`,
})

/** Packets carry the port that they came from in the low half of their mark, the one that they go to in the high half. */
export const markFrom = (number: number) => `0x${number.toString(16).padStart(8, '0')}`
export const markTo = (number: number) => `0x${(number * 0x10000).toString(16).padStart(8, '0')}`

export function compilePort(spec: PortSpec, number: number): Compiled {
  const problems: Problem[] = []
  const chains = portChains(spec.id)
  const groups = spec.securityGroupIds.map(groupChains)
  const commands = [
    // A group that is not told yet lets nothing pass.
    ...groups.flatMap((group) => Object.values(group).map((chain) => `add chain inet ${table} ${chain}`)),
    ...replaceChain('bridge', chains.sources, sourceRules(spec, number, problems)),
    ...replaceChain('bridge', chains.targets, [`meta mark set meta mark and 0x0000ffff or ${markTo(number)}`]),
    ...replaceChain('inet', chains.egress, [
      'meta nfproto ipv4 udp sport 68 udp dport 67 goto to-port',
      `ip daddr ${metadataAddress} tcp dport 80 goto to-port`,
      `meta nfproto ipv6 ${discoveryFromPort} goto to-port`,
      'meta nfproto ipv6 udp sport 546 udp dport 547 goto to-port',
      'ct state related goto to-port',
      ...groups.flatMap((group) => [`jump ${group.ingressReplies}`, `jump ${group.egress}`]),
      'drop',
    ]),
    ...replaceChain('inet', chains.ingress, [
      'meta nfproto ipv4 udp sport 67 udp dport 68 accept',
      `ip saddr ${metadataAddress} tcp sport 80 ct direction reply accept`,
      `meta nfproto ipv6 ${discoveryToPort} accept`,
      'meta nfproto ipv6 udp sport 547 udp dport 546 accept',
      'ct state related accept',
      ...groups.flatMap((group) => [`jump ${group.egressReplies}`, `jump ${group.ingress}`]),
      'drop',
    ]),
    ...elements('add', spec.id, number),
  ]
  return { commands: `${commands.join('\n')}\n`, problems }
}

/** A port whose filter the kernel refused: it is wired, and nothing passes. */
export function compileClosedPort(portId: string, number: number): string {
  const chains = portChains(portId)
  const commands = [
    ...replaceChain('bridge', chains.sources, ['drop']),
    ...replaceChain('bridge', chains.targets, ['drop']),
    ...replaceChain('inet', chains.egress, ['drop']),
    ...replaceChain('inet', chains.ingress, ['drop']),
    ...elements('add', portId, number),
  ]
  return `${commands.join('\n')}\n`
}

/** Works whether the chains are there or not: what is added first can always be deleted. */
export function compilePortRemoval(portId: string, number: number): string {
  const chains = Object.entries(portChains(portId))
    .map(([part, chain]) => ({ family: part === 'sources' || part === 'targets' ? 'bridge' : 'inet', chain }))
  const commands = [
    ...chains.map(({ family, chain }) => `add chain ${family} ${table} ${chain}`),
    ...elements('add', portId, number),
    ...elements('delete', portId, number),
    ...chains.map(({ family, chain }) => `flush chain ${family} ${table} ${chain}`),
    ...chains.map(({ family, chain }) => `delete chain ${family} ${table} ${chain}`),
  ]
  return `${commands.join('\n')}\n`
}

function elements(action: 'add' | 'delete', portId: string, number: number): string[] {
  const chains = portChains(portId)
  const device = tapOf(portId)
  return [
    `${action} element bridge ${table} port_sources { "${device}" : goto ${chains.sources} }`,
    `${action} element bridge ${table} port_targets { "${device}" : goto ${chains.targets} }`,
    `${action} element inet ${table} egress { ${markFrom(number)} : goto ${chains.egress} }`,
    `${action} element inet ${table} ingress { ${markTo(number)} : goto ${chains.ingress} }`,
  ]
}

/** Who the port may be: pairs of MAC and IP address. Everything that is not named is dropped. */
function sourceRules(spec: PortSpec, number: number, problems: Problem[]): string[] {
  const own = mac(spec.macAddress)
  const allowed = new Map<string, { 4: string[]; 6: string[] }>()
  const allow = (macAddress: string, address: string) => {
    try {
      const version = versionOf(address)
      if (!version) throw new Error(`Neither an address nor a prefix: ${JSON.stringify(address)}.`)
      const of = allowed.get(mac(macAddress)) ?? { 4: [], 6: [] }
      allowed.set(mac(macAddress), of)
      of[version].push(prefix(address))
    } catch (error) {
      problems.push({ subject: spec.id, message: (error as Error).message })
    }
  }
  allowed.set(own, { 4: [], 6: [] })
  for (const address of spec.fixedAddresses) allow(own, address)
  for (const pair of spec.allowedAddressPairs) allow(pair.macAddress, pair.ipAddress)

  const pass = `meta mark set ${markFrom(number)} accept`
  const macs = `{ ${[...allowed.keys()].join(', ')} }`
  return [
    `ether saddr != ${macs} drop`,
    // A DHCP server, and a router of IPv6, are the network's business.
    'ether type ip udp sport 67 udp dport 68 drop',
    'ether type ip6 udp sport 547 udp dport 546 drop',
    'ether type ip6 icmpv6 type { 134, 137 } drop',
    // Asking whether an address is free, and asking for one, come from no address.
    `ether type arp arp saddr ether ${macs} arp saddr ip 0.0.0.0 ${pass}`,
    `ether type ip ip saddr 0.0.0.0 udp sport 68 udp dport 67 ${pass}`,
    `ether type ip6 ip6 saddr :: icmpv6 type { 131, 135, 143 } ${pass}`,
    ...[...allowed].flatMap(([macAddress, addresses]) => sourcesOf(macAddress, addresses, pass)),
    'drop',
  ]
}

function sourcesOf(macAddress: string, addresses: { 4: readonly string[]; 6: readonly string[] }, pass: string): string[] {
  const rules: string[] = []
  for (const address of new Set(addresses[4])) {
    const any = address.endsWith('/0')
    const claimed = any ? '' : ` arp saddr ip ${address}`
    rules.push(`ether saddr ${macAddress} ether type arp arp saddr ether ${macAddress}${claimed} ${pass}`)
    rules.push(`ether saddr ${macAddress} ether type ip${any ? '' : ` ip saddr ${address}`} ${pass}`)
  }
  for (const address of new Set([...addresses[6], linkLocal(macAddress)])) {
    const source = address.endsWith('/0') ? '' : ` ip6 saddr ${address}`
    const owned = address.includes('/') ? '' : ` @th,64,128 ${hex128(address)}`
    // An advertisement may speak only for an address of the port's own.
    if (owned) rules.push(`ether saddr ${macAddress} ether type ip6 icmpv6 type 136${owned} ${pass}`)
    rules.push(`ether saddr ${macAddress} ether type ip6${source} icmpv6 type != 136 ${pass}`)
    rules.push(`ether saddr ${macAddress} ether type ip6${source} meta l4proto != 58 ${pass}`)
    if (!owned) rules.push(`ether saddr ${macAddress} ether type ip6${source} icmpv6 type 136 ${pass}`)
  }
  return rules
}

/** An IPv6 address as one number, as nft compares raw bytes. */
function hex128(address: string): string {
  const [left = '', right] = address.split('::')
  const dotted = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/
  const expand = (text: string) => text.replace(dotted, (_all, a: string, b: string, c: string, d: string) =>
    `${(Number(a) * 256 + Number(b)).toString(16)}:${(Number(c) * 256 + Number(d)).toString(16)}`)
  const head = expand(left).split(':').filter(Boolean)
  const tail = right === undefined ? [] : expand(right).split(':').filter(Boolean)
  const middle = Array.from({ length: 8 - head.length - tail.length }, () => '0')
  return `0x${[...head, ...middle, ...tail].map((group) => group.padStart(4, '0')).join('')}`
}
