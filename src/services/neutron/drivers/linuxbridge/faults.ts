// Whether what is there is as it is specified: addresses, routes, rules and settings, in the fabric, in the namespaces of DHCP and
// routers, and on the host. An object is one word of it that is not.
import { isDeepStrictEqual } from 'node:util'
import { CommandFailed, type Privileged, readValues, type RulesWithValues } from '#core/process'
import { BadSpecification, type DhcpServerSpec, type FabricSpec, type Fault, type NetworkSpec, type RouterSpec, type Specified } from '../interface.ts'
import { coverage } from '../../model/addresses.ts'
import { mac, metadataAddress, network4 } from './addresses.ts'
import { addressesOf, type DeviceAddresses, devicesIn } from './devices.ts'
import { portAddresses } from './dnsmasq-config.ts'
import type { Engine } from './engine.ts'
import { checked, type HostRoute } from './fabric.ts'
import { forwarding, hostRules } from './host-rules.ts'
import { bridgeOf, dhcpDeviceOf, externalGateway, externalSegment, short, table, tunnelOf, uplink } from './names.ts'
import { compileRouter } from './router-rules.ts'
import { carriedOf, devicesOf, routesIn, routesOf, strayDevices } from './routers.ts'

/** What has been looked at already: the fabric's devices, and the bridges that have a zone of connection tracking. */
interface Seen {
  readonly devices: readonly DeviceAddresses[]
  readonly zones: ReadonlySet<string>
  readonly namespaces: readonly string[]
}

/** Four programs per router, two per DHCP server, and some for the host. One after the other: nobody waits for it. */
export async function faultsOf(engine: Engine, fabric: FabricSpec, specified: Specified, seen: Seen): Promise<Fault[]> {
  const { names } = engine
  const faults: Fault[] = []
  const note = async (of: Fault['of'], id: string, look: Promise<readonly string[]>) => {
    try {
      const wrong = await look
      if (wrong.length > 0) faults.push({ of, id, wrong })
    } catch (error) {
      // One thing that cannot be made as it is specified, or looked at, does not hide what is wrong with others.
      if (error instanceof BadSpecification) faults.push({ of, id, wrong: [`it cannot be made: ${error.message}`] })
      else if (!(error instanceof CommandFailed) || of === 'fabric') throw error
      else if (!error.timedOut) faults.push({ of, id, isLost: true, wrong: ['its namespace cannot be entered'] })
    }
  }
  await note('fabric', '', wrongWithFabric(engine, fabric, seen.devices))
  for (const network of specified.networks) await note('network', network.id, wrongWithNetwork(engine, fabric, network, seen))
  for (const spec of specified.dhcp) if (seen.namespaces.includes(names.dhcpNamespace(spec.networkId))) await note('dhcp', spec.networkId, wrongWithDhcp(engine, spec))
  for (const spec of specified.routers) if (seen.namespaces.includes(names.routerNamespace(spec.id))) await note('router', spec.id, wrongWithRouter(engine, carriedOf(spec)))
  return faults
}

async function wrongWithRouter({ privileged, names }: Engine, spec: RouterSpec): Promise<string[]> {
  const netns = names.routerNamespace(spec.id)
  const [devices, routes, rules, forwards] = await Promise.all([devicesIn(privileged, netns), routesIn(privileged, netns), privileged.nftTable('ip', table, { netns }), forwardsIn(privileged, netns)])
  const wanted = devicesOf(spec)
  const up = spec.adminStateUp
  return [
    ...wanted.flatMap(({ device, port, addresses }) => wrongWithDevice(devices, { name: device, macAddress: port.macAddress, addresses, up })),
    ...wrongWithDevice(devices, { name: 'lo', addresses: [`${metadataAddress}/32`], others: true, up: true }),
    ...strayDevices(devices, wanted).map((name) => `the device ${name} is not its own`),
    ...(up ? wrongWithRoutes(routes, routesOf(spec)) : []),
    ...wrongWithRules(readValues(compileRouter(spec)), rules),
    ...(forwards === up ? [] : [`it ${forwards ? 'forwards though it is to be down' : 'does not forward'}`]),
  ]
}

async function wrongWithDhcp({ privileged, names }: Engine, spec: DhcpServerSpec): Promise<string[]> {
  const netns = names.dhcpNamespace(spec.networkId)
  const name = dhcpDeviceOf(spec.port.id)
  const [devices, routes] = await Promise.all([devicesIn(privileged, netns), routesIn(privileged, netns)])
  const addresses = [...portAddresses(spec), ...(spec.metadata ? [`${metadataAddress}/32`] : [])]
  const gateway = spec.subnets.find((subnet) => subnet.enableDhcp && subnet.ipVersion === 4 && subnet.gatewayAddress !== null)?.gatewayAddress
  // A route that is left of a former gateway does no harm.
  const missing = gateway && !routes.some((route) => route.dst === 'default' && route.gateway === gateway)
  return [...wrongWithDevice(devices, { name, macAddress: spec.port.macAddress, addresses, up: true }), ...(missing ? [`the route by ${gateway} is missing`] : [])]
}

/** A network has a zone of connection tracking, and hangs on what joins it to the world or to other hosts. */
async function wrongWithNetwork(engine: Engine, fabric: FabricSpec, { id, segment }: Pick<NetworkSpec, 'id' | 'segment'>, { devices, zones }: Seen): Promise<string[]> {
  const bridge = bridgeOf(id)
  if (!devices.some(({ ifname }) => ifname === bridge)) return []
  const joint = segment.type === 'flat' ? externalSegment(segment.physicalNetwork) : segment.type === 'vxlan' && fabric.tunnel ? tunnelOf(id) : undefined
  const found = devices.find(({ ifname }) => ifname === joint)
  return [
    ...(joint === undefined || found?.master === bridge ? [] : [found ? `${joint} does not hang on it` : `the device ${joint} is missing`]),
    ...(zones.has(bridge) || !(await lostZone(engine, bridge, id)) ? [] : ['it has no zone of connection tracking']),
  ]
}

/** Looked at once more when nobody makes the network: what is lost is given anew then, and not remembered. */
async function lostZone(engine: Engine, bridge: string, id: string): Promise<boolean> {
  return engine.inTurn(`network ${short(id)}`, async () => {
    const listed = await engine.privileged.nftQuery(['map', 'inet', table, 'zones'], { netns: engine.names.fabric })
    const elements = listed.flatMap((entry) => (entry['map'] as { elem?: [unknown, unknown][] } | undefined)?.elem ?? [])
    if (elements.some(([name]) => name === bridge)) return false
    engine.zones.free(bridge)
    return true
  })
}

async function wrongWithFabric({ privileged, names, link, opened }: Engine, fabric: FabricSpec, devices: readonly DeviceAddresses[]): Promise<string[]> {
  const networks = fabric.externalNetworks.map(checked)
  const netns = names.fabric
  const [host, hostRoutes, routes, rules, settings, forwards] = await Promise.all([
    privileged.ipQuery(['addr', 'show', 'dev', names.hostLink], {}) as Promise<DeviceAddresses[]>, privileged.ipQuery(['-4', 'route', 'show', 'dev', names.hostLink], {}) as Promise<HostRoute[]>,
    routesIn(privileged, netns), privileged.nftTable('ip', names.hostTable, {}), privileged.sysctlQuery([forwarding(names.hostLink)]), forwardsIn(privileged, netns),
  ])
  return [
    ...wrongWithDevice(host, { name: names.hostLink, addresses: [`${link.host}/32`], others: true, up: true }),
    ...networks.filter(({ cidr }) => !hostRoutes.some((route) => route.dst === cidr && route.gateway === link.fabric)).map(({ cidr }) => `the host has no route to ${cidr}`),
    ...wrongWithDevice(devices, { name: uplink, addresses: [`${link.fabric}/32`], up: true }),
    ...(routes.some((route) => route.dst === 'default' && route.gateway === link.host) ? [] : [`the route by ${link.host} is missing`]),
    ...networks.flatMap(({ physicalNetwork, cidr, gatewayAddress }) => [
      ...wrongWithDevice(devices, { name: externalGateway(physicalNetwork), addresses: [`${gatewayAddress}/${network4(cidr).length}`], up: true }),
      ...wrongWithDevice(devices, { name: externalSegment(physicalNetwork), addresses: [], up: true }),
    ]),
    ...wrongWithRules(readValues(hostRules(names, networks, opened)), rules),
    ...(settings[forwarding(names.hostLink)] === '1' ? [] : [`the host does not forward what ${names.hostLink} brings`]),
    ...(forwards ? [] : ['it does not forward']),
  ]
}

async function forwardsIn(privileged: Privileged, netns: string): Promise<boolean> {
  const settings = await privileged.ipQuery(['netconf', 'show'], { netns }) as { family: string; interface: string; forwarding?: boolean }[]
  return settings.some((one) => one.family === 'inet' && one.interface === 'all' && one.forwarding === true)
}

interface WantedDevice {
  readonly name: string
  /** Any, when absent. */
  readonly macAddress?: string
  readonly addresses: readonly string[]
  /** It may have addresses besides. */
  readonly others?: true
  readonly up: boolean
}

function wrongWithDevice(devices: readonly DeviceAddresses[], { name, macAddress, addresses, others, up }: WantedDevice): string[] {
  const device = devices.find(({ ifname }) => ifname === name)
  if (!device) return [`the device ${name} is missing`]
  const has = addressesOf(device)
  return [
    ...(macAddress === undefined || device.address === mac(macAddress) ? [] : [`${name} has the MAC address ${device.address}`]),
    ...addresses.filter((address) => !has.includes(address)).map((address) => `${name} lacks the address ${address}`),
    ...(others ? [] : has.filter((address) => !addresses.includes(address)).map((address) => `${name} has the address ${address} besides`)),
    ...(device.flags.includes('UP') === up ? [] : [`${name} is ${up ? 'down' : 'up'}`]),
  ]
}

function wrongWithRoutes(routes: readonly { readonly dst: string; readonly gateway?: string }[], wanted: ReadonlyMap<string, string>): string[] {
  return [
    ...[...wanted].filter(([dst, via]) => !routes.some((route) => route.dst === dst && route.gateway === via)).map(([dst, via]) => `the route to ${dst} by ${via} is missing`),
    ...routes.filter(({ dst }) => !wanted.has(dst)).map(({ dst }) => `there is a route to ${dst}`),
  ]
}

/** By how many rules each chain has and what they name; the kernel joins what lies side by side in a set. */
function wrongWithRules(wanted: RulesWithValues, found: RulesWithValues): string[] {
  const last = (name: string) => name.split(' ').at(-1) ?? ''
  const chains = [...new Set([...Object.keys(wanted.chains), ...Object.keys(found.chains)])]
  const content = (elements: readonly string[] = []) => `${coverage(elements)} ${elements.filter((each) => each.startsWith('"')).sort().join(' ')}`
  return [
    ...chains.filter((chain) => wanted.chains[chain] !== found.chains[chain] || !isDeepStrictEqual(wanted.values[chain], found.values[chain])).map((chain) => `the rules of ${last(chain)} are not its own`),
    ...Object.keys(wanted.sets).filter((set) => found.sets[set] === undefined || content(wanted.sets[set]) !== content(found.sets[set])).map((set) => `the set ${last(set)} holds something else`),
  ]
}
