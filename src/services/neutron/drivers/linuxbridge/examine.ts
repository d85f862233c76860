// A closer look at the host: what an inventory shows, whether it is whole, and whether it is as specified. Three commands, however many ports there
// are, and some for each namespace.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Examination, FabricSpec, Specified } from '../interface.ts'
import type { DeviceAddresses } from './devices.ts'
import { readHosts } from './dnsmasq-config.ts'
import type { Engine } from './engine.ts'
import { faultsOf } from './faults.ts'
import { portsAmong, strangersAmong, takeServed } from './inventory.ts'
import { table, tapOf } from './names.ts'
import { portChains } from './port-filter.ts'
import { groupChains } from './security-groups.ts'

/** An address set has a half for each version. */
const halves = [`inet ${table} m4-`, `inet ${table} m6-`] as const
const frame = ['bridge prerouting', 'bridge forward', 'inet prerouting', 'inet forward', 'inet to-port']

export async function examine(engine: Engine, fabric: FabricSpec, specified: Specified): Promise<Examination> {
  const { privileged, names } = engine
  const [served, namespaces] = await Promise.all([takeServed(engine), privileged.netnsList()])
  const dhcpHosts = await Promise.all(served.dhcp.map(async ({ networkId }) => ({ networkId, hosts: await hostsOf(engine, networkId) })))
  const own = new Set([names.fabric, ...served.dhcp.map(({ networkId }) => names.dhcpNamespace(networkId)), ...served.routers.map((id) => names.routerNamespace(id))])
  const strangeNamespaces = namespaces.filter((name) => !own.has(name))
  if (!namespaces.includes(names.fabric)) {
    return { fabric: false, frame: false, networks: [], ports: [], securityGroups: [], addressSets: [], members: [], devices: [], filters: [], groups: [], ...served, dhcpHosts, faults: [], strangers: strangeNamespaces }
  }
  const netns = names.fabric
  const look = engine.chains.look()
  const [links, rules, maps] = await Promise.all([
    privileged.ipQuery(['addr', 'show'], { netns }) as Promise<DeviceAddresses[]>, privileged.nftRules({ netns }), privileged.nftQuery(['maps'], { netns }),
  ])
  const chains = new Map(Object.entries(rules.chains).map(([chain, count]) => [chain.replace(` ${table} `, ' '), { count, words: rules.words[chain] }]))
  const isWhole = (chain: string) => look(chain, chains.get(chain)?.count, chains.get(chain)?.words)
  const { devices, reached, zones } = readMaps(maps)
  const starting = (start: string) => [...chains.keys()].filter((chain) => chain.startsWith(start)).map((chain) => chain.slice(start.length)).sort()
  const securityGroups = starting('inet i-')
  // The half that holds IPv4 stands for both.
  const addressSets = Object.keys(rules.sets).flatMap((name) => (name.startsWith(halves[0]) ? [name.slice(halves[0].length)] : [])).sort()
  return {
    fabric: true, frame: frame.every(isWhole),
    networks: links.flatMap(({ ifname }) => (ifname.startsWith('brq') ? [ifname.slice(3)] : [])).sort(),
    ports: portsAmong(links, devices), devices: portsAmong(links, new Set()).map(({ id }) => id),
    securityGroups, addressSets, members: addressSets.map((id) => ({ id, addresses: halves.flatMap((half) => rules.sets[`${half}${id}`] ?? []) })),
    filters: starting('bridge from-').map((portId) => ({ portId, intact: devices.has(tapOf(portId)) && chainsOfPort(portId).every((chain) => isWhole(chain) && reached.has(chain)) })),
    groups: securityGroups.map((id) => ({ id, intact: Object.values(groupChains(id)).every((chain) => isWhole(`inet ${chain}`)) })),
    ...served, dhcpHosts, faults: await faultsOf(engine, fabric, specified, { devices: links, zones, namespaces }), strangers: [...strangersAmong(links), ...strangeNamespaces],
  }
}

function chainsOfPort(portId: string): string[] {
  const { sources, targets, egress, ingress } = portChains(portId)
  return [`bridge ${sources}`, `bridge ${targets}`, `inet ${egress}`, `inet ${ingress}`]
}

/** The devices whose frames are filtered, the chains that packets are led to, and the bridges that have a zone. */
function readMaps(listed: readonly Record<string, unknown>[]) {
  const [devices, reached, zones] = [new Set<string>(), new Set<string>(), new Set<string>()]
  for (const entry of listed) {
    const map = entry['map'] as { family: string; name: string; elem?: [unknown, { goto?: { target: string } }][] } | undefined
    for (const [key, verdict] of map?.elem ?? []) {
      if (map?.name === 'port_sources') devices.add(String(key))
      if (map?.name === 'zones') zones.add(String(key))
      if (verdict.goto) reached.add(`${map?.family} ${verdict.goto.target}`)
    }
  }
  return { devices, reached, zones }
}

/** Whom a DHCP server answers, and with what. */
async function hostsOf({ options }: Engine, networkId: string): Promise<{ macAddress: string; address: string }[]> {
  return readHosts(await readFile(join(options.dataDirectory, 'dhcp', networkId, 'hosts'), 'utf8').catch(() => ''))
}
