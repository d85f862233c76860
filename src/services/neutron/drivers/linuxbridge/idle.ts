// What of a host nobody needs while its agents are away: all but the devices that living guests hold, and what serves them.
import type { CallContext } from '#core/context'
import { type NetworkDriver, shortId } from '../interface.ts'
import { devicesIn } from './devices.ts'
import type { Engine } from './engine.ts'
import { table } from './names.ts'
import { groupChains } from './security-groups.ts'

interface Link {
  readonly ifname: string
  readonly master?: string
  readonly flags: readonly string[]
}

/** A router or a DHCP server, with its ports by the first part of their ids. */
interface Server {
  readonly id: string
  readonly ports: readonly string[]
  /** Those of them that networks of projects hang on. */
  readonly inner: readonly string[]
}

/**
 * Take away what no living guest needs. A guest holds its tap; it needs the tap's network with its DHCP, the routers there,
 * and the networks that those lead to. The agents make the rest again when they start.
 */
export async function removeIdle(engine: Engine, driver: NetworkDriver, call: CallContext): Promise<void> {
  const { privileged, names } = engine
  const there = await driver.inventory(call)
  if (!there.fabric) return
  const [links, routers, dhcp] = await Promise.all([
    privileged.ipQuery(['link', 'show'], { netns: names.fabric }) as Promise<Link[]>,
    Promise.all(there.routers.map((id) => serverIn(engine, id, names.routerNamespace(id)))),
    Promise.all(there.dhcp.map(({ networkId }) => serverIn(engine, networkId, names.dhcpNamespace(networkId)))),
  ])
  const networkOf = new Map(links.flatMap(({ ifname, master }) => (ifname.startsWith('tap') && master?.startsWith('brq') ? [[ifname.slice(3), master.slice(3)] as const] : [])))
  const networksOf = (ports: readonly string[]) => ports.flatMap((port) => networkOf.get(port) ?? [])
  const servers = new Set([...routers, ...dhcp].flatMap(({ ports }) => ports))
  const held = new Set(links.filter(isHeld).map(({ ifname }) => ifname.slice(3)))
  const guests = there.ports.filter(({ id }) => held.has(id) && !servers.has(id)).map(({ id }) => id)

  const homes = new Set(networksOf(guests))
  const needed = routers.filter(({ inner }) => networksOf(inner).some((network) => homes.has(network)))
  const networks = new Set([...homes, ...needed.flatMap(({ ports }) => networksOf(ports))])
  await each(routers.filter((router) => !needed.includes(router)), ({ id }) => driver.removeRouter(call, id))
  await each(dhcp.filter(({ id }) => !homes.has(shortId(id))), ({ id }) => driver.removeDhcp(call, id))
  await each(there.ports.filter(({ id }) => !guests.includes(id) && !servers.has(id)), ({ id }) => driver.unplugPort(call, id))
  await each(there.networks.filter((id) => !networks.has(id)), (id) => driver.removeNetwork(call, id))

  const groups = new Set((await Promise.all(guests.map((id) => groupsOf(engine, id)))).flat())
  await each(there.securityGroups.filter((id) => !groups.has(id)), (id) => driver.removeSecurityGroup(call, id))
  const sets = new Set((await Promise.all([...groups].map((id) => setsOf(engine, id)))).flat())
  await each(there.addressSets.filter((id) => !sets.has(id)), (id) => driver.removeAddressSet(call, id))
}

async function each<T>(things: readonly T[], remove: (thing: T) => Promise<unknown>): Promise<void> {
  for (const thing of things) await remove(thing)
}

/** Somebody has the other end open. Of a device that is switched off the kernel does not say; it is left alone. (NO-CARRIER comes up to a second late.) */
function isHeld({ ifname, flags }: Link): boolean {
  return ifname.startsWith('tap') && (!flags.includes('UP') || flags.includes('LOWER_UP'))
}

async function serverIn({ privileged }: Engine, id: string, netns: string): Promise<Server> {
  const devices = (await devicesIn(privileged, netns)).map(({ ifname }) => ifname).filter((name) => /^(ns|q[rg])-/.test(name))
  return { id, ports: devices.map((name) => name.slice(3)), inner: devices.filter((name) => name.startsWith('qr-')).map((name) => name.slice(3)) }
}

/** The groups whose chains a port's own chain jumps to. */
async function groupsOf(engine: Engine, port: string): Promise<string[]> {
  const [id] = await engine.portNumbers.starting(port)
  return id === undefined ? [] : namedIn(engine, `in-${id}`, /"i-([0-9a-f-]{36})"/g)
}

/** The sets of addresses that a group's rules name. */
async function setsOf(engine: Engine, group: string): Promise<string[]> {
  const { ingress, egress } = groupChains(group)
  return (await Promise.all([ingress, egress].map((chain) => namedIn(engine, chain, /"@m[46]-([0-9a-f-]{36})"/g)))).flat()
}

async function namedIn({ privileged, names }: Engine, chain: string, pattern: RegExp): Promise<string[]> {
  const rules = JSON.stringify(await privileged.nftQuery(['chain', 'inet', table, chain], { netns: names.fabric }))
  return [...rules.matchAll(pattern)].flatMap(([, id]) => id ?? [])
}
