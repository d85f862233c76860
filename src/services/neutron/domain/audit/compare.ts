// What is not as it should be on a network host: rows beside an examination of the host. A pure function.
import type { Difference } from '#core/audit'
import { coverage } from '../../model/addresses.ts'

export interface ExpectedPort {
  readonly id: string
  readonly networkId: string
  readonly filtered: boolean
  /** `BUILD` belongs to an operation. */
  readonly status: string
}

/** Whom DHCP gives an address. */
interface DhcpHost {
  readonly macAddress: string
  readonly address: string
}

export interface ExpectedHost {
  /** Wired for guests. */
  readonly ports: readonly ExpectedPort[]
  readonly groupIds: readonly string[]
  /** By the group that they stand for. */
  readonly addressSets: ReadonlyMap<string, readonly string[]>
  readonly dhcp: readonly { readonly networkId: string; readonly portIds: readonly string[]; readonly answers: boolean; readonly clients: readonly (DhcpHost & { readonly portId: string })[] }[]
  readonly routers: readonly { readonly id: string; readonly ports: readonly { readonly id: string; readonly networkId: string }[] }[]
  /** Ports, networks, routers and groups that operations work on. */
  readonly atWork: ReadonlySet<string>
}

/** What an agent says of its host, as far as it is compared. */
export interface ExaminedHost {
  readonly fabric: boolean
  readonly frame: boolean
  readonly networks: readonly string[]
  readonly ports: readonly { readonly id: string; readonly network: string | null }[]
  readonly devices: readonly string[]
  readonly members: readonly { readonly id: string; readonly addresses: readonly string[] }[]
  readonly filters: readonly { readonly portId: string; readonly intact: boolean }[]
  readonly groups: readonly { readonly id: string; readonly intact: boolean }[]
  readonly dhcp: readonly { readonly networkId: string; readonly alive: boolean }[]
  readonly dhcpHosts: readonly { readonly networkId: string; readonly hosts: readonly DhcpHost[] }[]
  readonly routers: readonly string[]
  readonly faults: readonly { readonly of: 'fabric' | 'network' | 'dhcp' | 'router'; readonly id: string; readonly isLost?: true; readonly wrong: readonly string[] }[]
  readonly strangers: readonly string[]
}

/** The part of an id that names devices. */
const short = (id: string) => id.slice(0, 11)

export function compareNetworkHost(host: string, expected: ExpectedHost, found: ExaminedHost): Difference[] {
  const differences: Difference[] = []
  const say = (kind: string, resource: string, message: string) => differences.push({ kind, resource, host, message })
  const joint = found.faults.find((fault) => fault.of === 'fabric')
  if (!found.fabric) say('fabric.broken', host, `The fabric of ${host} is not there.`)
  else if (!found.frame) say('fabric.broken', host, `The filters of ports on ${host} are not led to.`)
  else if (joint) say('fabric.broken', host, `The fabric of ${host} is not as it should be: ${joint.wrong.join(', ')}.`)
  if (found.fabric) compareFabric(host, expected, found, say)
  compareDhcp(host, expected, found, say)
  compareRouters(host, expected, found, say)
  compareFaults(host, expected, found, differences, say)
  for (const name of found.strangers) say('network.stranger', name, `${host} has a device or namespace ${name} that nothing accounts for.`)
  return differences
}

/** The segment that each device hangs on. */
function devicesOf({ ports, devices }: ExaminedHost): Map<string, string | null> {
  const real = new Set(devices)
  return new Map(ports.flatMap(({ id, network }) => (real.has(id) ? [[id, network] as const] : [])))
}

type Say = (kind: string, resource: string, message: string) => void

function compareFabric(host: string, { ports, groupIds, addressSets, dhcp, routers, atWork }: ExpectedHost, found: ExaminedHost, say: Say): void {
  const devices = devicesOf(found)
  const filters = new Map(found.filters.map(({ portId, intact }) => [portId, intact]))
  for (const { id, networkId, filtered, status } of ports) {
    if (atWork.has(id) || atWork.has(networkId)) continue
    const network = devices.get(short(id))
    if (network === undefined) say('wire.missing', id, `The port ${id} is bound to ${host}, and its device is not there.`)
    else if (network !== short(networkId)) say('wire.loose', id, `The device of the port ${id} on ${host} does not hang on its network.`)
    else if (filtered && filters.get(id) !== true) say('filter.broken', id, `The filter of the port ${id} on ${host} is ${filters.has(id) ? 'not whole' : 'not there'}.`)
    else if (status === 'BUILD') say('port.unowned', id, `The port ${id} is being built, and no operation works on it.`)
  }
  const other = [...dhcp.flatMap(({ portIds }) => portIds), ...routers.flatMap((router) => router.ports.map(({ id }) => id))]
  // Of a thing that is worked on the first part of the id may be all that the host knows.
  const owned = new Set([...ports.map(({ id }) => id), ...other, ...atWork].map(short))
  for (const { id } of found.ports) if (!owned.has(id)) say('wire.stray', id, `${host} has a device or filter of a port ${id}…, which is not bound to it.`)

  const networks = new Set([...ports.map(({ networkId }) => networkId), ...dhcp.map(({ networkId }) => networkId), ...routers.flatMap((router) => router.ports.map(({ networkId }) => networkId))])
  const bridges = new Set(found.networks)
  for (const id of networks) if (!atWork.has(id) && !bridges.has(short(id))) say('network.missing', id, `The segment of the network ${id} is not on ${host}.`)
  const wanted = new Set([...networks, ...atWork].map(short))
  for (const id of found.networks) if (!wanted.has(id)) say('network.stray', id, `${host} has a segment of a network ${id}…, of which no port is there.`)

  const groups = new Map(found.groups.map(({ id, intact }) => [id, intact]))
  for (const id of groupIds) if (!atWork.has(id) && groups.get(id) !== true) say('group.broken', id, `The rules of the security group ${id} on ${host} are ${groups.has(id) ? 'not whole' : 'not there'}.`)
  for (const { id } of found.groups) if (!atWork.has(id) && !groupIds.includes(id)) say('group.stray', id, `${host} has rules of the security group ${id}, which no port there is in.`)
  const members = new Map(found.members.map(({ id, addresses }) => [id, addresses]))
  for (const [id, addresses] of addressSets) {
    if (atWork.has(id)) continue
    const there = members.get(id)
    if (!there) say('address-set.missing', id, `The addresses of the security group ${id} are not on ${host}.`)
    // The kernel joins what lies side by side.
    else if (coverage(there) !== coverage(addresses)) say('address-set.broken', id, `${host} has other addresses for the security group ${id} than its ports have.`)
  }
  for (const id of members.keys()) if (!atWork.has(id) && !addressSets.has(id)) say('address-set.stray', id, `${host} has the addresses of the security group ${id}, which no rule there names.`)
}

function compareDhcp(host: string, { dhcp, atWork }: ExpectedHost, found: ExaminedHost, say: Say): void {
  const there = new Map(found.dhcp.map(({ networkId, alive }) => [networkId, alive]))
  const answered = new Map(found.dhcpHosts.map(({ networkId, hosts }) => [networkId, hosts]))
  const devices = devicesOf(found)
  for (const { networkId, portIds, answers, clients } of dhcp) {
    if (atWork.has(networkId) || portIds.some((id) => atWork.has(id))) continue
    const alive = there.get(networkId)
    if (alive === undefined) say('dhcp.missing', networkId, `${host} serves DHCP to the network ${networkId}, and its namespace is not there.`)
    else if (found.fabric && portIds.some((id) => devices.get(short(id)) !== short(networkId))) say('dhcp.missing', networkId, `The DHCP of the network ${networkId} on ${host} does not hang on it.`)
    else if (answers && !alive) say('dhcp.missing', networkId, `The DHCP server of the network ${networkId} on ${host} does not run.`)
    else if (answers) compareClients(`The DHCP of the network ${networkId} on ${host}`, clients, answered.get(networkId) ?? [], atWork, (kind, message) => say(kind, networkId, message))
  }
  const wanted = new Set([...dhcp.map(({ networkId }) => networkId), ...atWork])
  for (const { networkId } of found.dhcp) if (!wanted.has(networkId)) say('dhcp.stray', networkId, `${host} serves DHCP to the network ${networkId} and should not.`)
}

function compareClients(dhcp: string, clients: ExpectedHost['dhcp'][number]['clients'], hosts: readonly DhcpHost[], atWork: ReadonlySet<string>, say: (kind: string, message: string) => void): void {
  const byDevice = (all: readonly DhcpHost[]) => Map.groupBy(all, ({ macAddress }) => macAddress.toLowerCase())
  const [expected, told] = [byDevice(clients), byDevice(hosts)]
  const idle = (device: string) => !clients.some(({ portId, macAddress }) => atWork.has(portId) && macAddress.toLowerCase() === device)
  const lacking = [...expected.keys()].filter((device) => !told.has(device) && idle(device))
  if (lacking.length > 0) say('dhcp.incomplete', `${dhcp} does not know ${lacking.length === 1 ? `the port with ${lacking[0]}` : `${lacking.length} of its ports`}.`)
  const addresses = (all: readonly DhcpHost[] = []) => all.map(({ address }) => address).sort((a, b) => a.localeCompare(b)).join(' ')
  const outdated = [...told].filter(([device, all]) => addresses(all) !== addresses(expected.get(device)) && idle(device))
  if (outdated.length > 0) say('dhcp.outdated', `${dhcp} gives other addresses than the ports have to ${outdated.length === 1 ? outdated[0]?.[0] : `${outdated.length} devices`}.`)
}

function compareRouters(host: string, { routers, atWork }: ExpectedHost, found: ExaminedHost, say: Say): void {
  const devices = devicesOf(found)
  for (const { id, ports } of routers) {
    if (atWork.has(id) || ports.some((port) => atWork.has(port.id))) continue
    if (!found.routers.includes(id)) say('router.missing', id, `${host} carries the router ${id}, and its namespace is not there.`)
    else if (found.fabric && ports.some((port) => devices.get(short(port.id)) !== short(port.networkId))) say('router.missing', id, `The router ${id} on ${host} does not hang on all of its networks.`)
  }
  const wanted = new Set([...routers.map(({ id }) => id), ...atWork])
  for (const id of found.routers) if (!wanted.has(id)) say('router.stray', id, `${host} carries the router ${id} and should not.`)
}

/** What is said of a thing already is not said again in other words: it is made anew. */
function compareFaults(host: string, { ports, dhcp, routers, atWork }: ExpectedHost, { faults }: ExaminedHost, said: readonly Difference[], say: Say): void {
  const partsOf = {
    fabric: () => [],
    network: (id: string) => ports.flatMap((port) => (port.networkId === id ? [port.id] : [])),
    dhcp: (id: string) => dhcp.find(({ networkId }) => networkId === id)?.portIds ?? [],
    router: (id: string) => routers.find((router) => router.id === id)?.ports.map((port) => port.id) ?? [],
  }
  const names = { fabric: '', network: 'The segment of the network', dhcp: 'The DHCP of the network', router: 'The router' }
  const known = new Set(said.map(({ resource }) => resource))
  for (const { of, id, isLost, wrong } of faults) {
    if (of === 'fabric' || known.has(id) || [id, ...partsOf[of](id)].some((each) => atWork.has(each))) continue
    say(`${of}.${isLost ? 'missing' : 'broken'}`, id, `${names[of]} ${id} on ${host} is not as it should be: ${wrong.join(', ')}.`)
  }
}
