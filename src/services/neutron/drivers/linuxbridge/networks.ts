// The segment of a network: one bridge, and what joins it to other hosts (a tunnel) or to the world (a physical network).
import { BadSpecification, type FabricSpec, type NetworkSpec, type RemotePortSpec, UnknownPhysicalNetwork } from '../interface.ts'
import { ipv4, mac, versionOf } from './addresses.ts'
import type { Engine } from './engine.ts'
import { bridgeOf, externalSegment, table, tunnelOf, uuid } from './names.ts'

const tunnelPort = 4789
const everyone = '00:00:00:00:00:00'

export async function ensureNetwork(engine: Engine, fabric: FabricSpec, spec: NetworkSpec): Promise<void> {
  const { privileged, names } = engine
  const where = { netns: names.fabric, tolerate: ['exists'] as const }
  const bridge = bridgeOf(uuid(spec.id))
  const mtu = checkMtu(spec.mtu)
  const lines = [`link add ${bridge} type bridge forward_delay 0 stp_state 0 mcast_snooping 0`, `link set ${bridge} mtu ${mtu} up`]
  if (spec.segment.type === 'flat') {
    const { physicalNetwork } = spec.segment
    if (!fabric.externalNetworks.some((network) => network.physicalNetwork === physicalNetwork)) {
      throw new UnknownPhysicalNetwork(`This host has no physical network ${JSON.stringify(physicalNetwork)}.`, { physicalNetwork })
    }
    lines.push(`link set ${externalSegment(physicalNetwork)} mtu ${mtu} master ${bridge}`)
  }
  if (spec.segment.type === 'vxlan' && fabric.tunnel) {
    await ensureTunnel(engine, fabric.tunnel, spec, spec.segment.vni)
    lines.push(`link set ${tunnelOf(spec.id)} mtu ${mtu} master ${bridge}`, `link set ${tunnelOf(spec.id)} up`)
  }
  await privileged.ip(lines, where)
  if ((await engine.zones.find(bridge)) === undefined) {
    const zone = await engine.zones.of(bridge)
    await privileged.nft(`add element inet ${table} zones { "${bridge}" : ${zone} }\n`, { netns: names.fabric })
  }
  if (spec.segment.type === 'vxlan' && fabric.tunnel) await ensureRemotePorts(engine, spec)
}

export async function removeNetwork(engine: Engine, networkId: string): Promise<void> {
  const { privileged, names } = engine
  const bridge = bridgeOf(networkId)
  const zone = await engine.zones.find(bridge)
  if (zone !== undefined) {
    const element = `element inet ${table} zones { "${bridge}" : ${zone} }`
    await privileged.nft(`add ${element}\ndelete ${element}\n`, { netns: names.fabric })
    engine.zones.free(bridge)
  }
  await privileged.ip([`link del ${tunnelOf(networkId)}`, `link del ${bridge}`], { netns: names.fabric, tolerate: ['absent'] })
}

export function checkMtu(mtu: number): number {
  if (!Number.isInteger(mtu) || mtu < 68 || mtu > 65535) throw new BadSpecification(`Not an MTU: ${mtu}`)
  return mtu
}

/** Made where its packets leave, and living in the fabric: the kernel keeps the two apart. */
async function ensureTunnel({ privileged, names }: Engine, tunnel: NonNullable<FabricSpec['tunnel']>, spec: NetworkSpec, vni: number) {
  if (!Number.isInteger(vni) || vni < 1 || vni > 0xffffff) throw new BadSpecification(`Not a VXLAN network identifier: ${vni}`)
  const device = tunnelOf(spec.id)
  const kind = `type vxlan id ${vni} local ${ipv4(tunnel.localAddress)} dstport ${tunnelPort} nolearning proxy`
  if (tunnel.underlay === 'fabric') {
    await privileged.ip([`link add ${device} ${kind}`], { netns: names.fabric, tolerate: ['exists'] })
  } else {
    await privileged.ip([`link add ${device} netns ${names.fabric} ${kind}`], { tolerate: ['exists'] })
  }
}

interface ForwardingEntry {
  readonly mac: string
  readonly dst?: string
}
interface Neighbour {
  readonly dst: string
  readonly lladdr?: string
}

/** Which MAC address is behind which host, and which address has which MAC address, for the ARP proxy. */
async function ensureRemotePorts({ privileged, names }: Engine, spec: NetworkSpec): Promise<void> {
  const device = tunnelOf(spec.id)
  const where = { netns: names.fabric }
  const [entries, neighbours] = await Promise.all([
    privileged.bridgeQuery(['fdb', 'show', 'dev', device], where) as Promise<ForwardingEntry[]>,
    privileged.ipQuery(['neigh', 'show', 'dev', device], where) as Promise<Neighbour[]>,
  ])
  const has = new Set(entries.flatMap((entry) => (entry.dst ? [`${entry.mac} dev ${device} dst ${entry.dst}`] : [])))
  const wanted = new Set(spec.remotePorts.flatMap((port) => {
    const end = ipv4(port.tunnelAddress)
    return [`${mac(port.macAddress)} dev ${device} dst ${end}`, `${everyone} dev ${device} dst ${end}`]
  }))
  const known = new Map(neighbours.map((one) => [one.dst, one.lladdr ?? '']))
  const wantedNeighbours = new Map(spec.remotePorts.flatMap((port) => addresses4(port).map((address) => [address, mac(port.macAddress)] as const)))
  const bridgeLines = [
    ...[...has].filter((line) => !wanted.has(line)).map((line) => `fdb del ${line}`),
    ...[...wanted].filter((line) => !has.has(line)).map((line) => `fdb append ${line}`),
  ]
  const ipLines = [
    ...[...known.keys()].filter((address) => !wantedNeighbours.has(address)).map((address) => `neigh del ${address} dev ${device}`),
    ...[...wantedNeighbours].filter(([address, at]) => known.get(address) !== at)
      .map(([address, at]) => `neigh replace ${address} lladdr ${at} dev ${device} nud permanent`),
  ]
  if (bridgeLines.length > 0) await privileged.bridge(bridgeLines, { ...where, tolerate: ['exists', 'absent'] })
  if (ipLines.length > 0) await privileged.ip(ipLines, { ...where, tolerate: ['absent'] })
}

const addresses4 = (port: RemotePortSpec) => port.addresses.filter((address) => versionOf(address) === 4 && !address.includes('/'))
