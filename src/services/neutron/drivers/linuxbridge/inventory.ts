// What the engine finds in the kernel, to be compared with what should be there.
import type { Inventory, InventoryPort } from '../interface.ts'
import type { Engine } from './engine.ts'
import { table, uplink } from './names.ts'

export interface Link {
  readonly ifname: string
  readonly master?: string
}

const nobody = '00000000-0000-0000-0000-000000000000'

/** What has a namespace of its own. */
export async function takeServed({ privileged, names }: Engine): Promise<Pick<Inventory, 'dhcp' | 'routers'>> {
  const [namespaces, living] = await Promise.all([privileged.netnsList(), privileged.daemons('dnsmasq')])
  const idsOf = (sample: string) => {
    const start = sample.slice(0, -nobody.length)
    return namespaces.filter((name) => name.startsWith(start)).map((name) => name.slice(start.length))
  }
  return {
    dhcp: idsOf(names.dhcpNamespace(nobody)).map((networkId) => ({ networkId, alive: living.has(networkId) })),
    routers: idsOf(names.routerNamespace(nobody)),
  }
}

export async function takeInventory(engine: Engine): Promise<Inventory> {
  const { privileged, names } = engine
  const served = await takeServed(engine)
  if (!(await privileged.netnsList()).includes(names.fabric)) {
    return { fabric: false, networks: [], ports: [], securityGroups: [], addressSets: [], ...served, strangers: [] }
  }
  const netns = names.fabric
  const [links, chains, sets, sources] = await Promise.all([
    privileged.ipQuery(['link', 'show'], { netns }) as Promise<Link[]>,
    // Without their rules: those of some hundred ports are megabytes.
    privileged.nftQuery(['chains', 'inet'], { netns }),
    privileged.nftQuery(['sets', 'inet'], { netns }),
    privileged.nftQuery(['map', 'bridge', table, 'port_sources'], { netns }),
  ])
  const named = (kind: 'chain' | 'set', start: string) => [...chains, ...sets]
    .map((entry) => (entry[kind] as { name?: string } | undefined)?.name ?? '')
    .filter((name) => name.startsWith(start)).map((name) => name.slice(start.length)).sort()
  const map = sources.map((entry) => entry['map'] as { elem?: [string, unknown][] } | undefined).find(Boolean)
  const filtered = new Set((map?.elem ?? []).map(([device]) => device))
  return {
    fabric: true,
    networks: links.flatMap(({ ifname }) => (ifname.startsWith('brq') ? [ifname.slice(3)] : [])).sort(),
    ports: portsAmong(links, filtered),
    securityGroups: named('chain', 'i-'),
    addressSets: named('set', 'm4-'),
    ...served,
    strangers: strangersAmong(links),
  }
}

const ownDevice = /^(lo|brq.*|tap.*|vx-.*|gw-.*|ph-.*)$/

export function strangersAmong(links: readonly Link[]): string[] {
  return links.map(({ ifname }) => ifname).filter((name) => name !== uplink && !ownDevice.test(name)).sort()
}

/** Devices, and filters that are left without one. */
export function portsAmong(links: readonly Link[], filtered: ReadonlySet<string>): InventoryPort[] {
  const devices = new Map(links.flatMap(({ ifname, master }) => (ifname.startsWith('tap') ? [[ifname, master] as const] : [])))
  return [...new Set([...devices.keys(), ...filtered])].sort().map((device) => ({
    id: device.slice(3),
    network: devices.get(device)?.startsWith('brq') ? (devices.get(device) ?? '').slice(3) : null,
    filtered: filtered.has(device),
  }))
}
