// A network engine in memory: complete as to what exists and what is refused, without packets.
import { createServer, Server } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import {
  type AddressSetSpec, BadSpecification, type DhcpSpec, type FabricSpec, type Fault, type HeldDriver, type Inventory, NetworkAbsent, type NetworkDriver, type NetworkSpec,
  type PortSpec, type Report, type RouterSpec, type SecurityGroupSpec, shortId, type Specified, Superseded, UnknownPhysicalNetwork,
} from '../interface.ts'

const nothing: Report = { problems: [] }

/** Tests may look at what was asked for last. */
export interface FakeNetworkDriver extends NetworkDriver {
  readonly state: {
    fabric: FabricSpec | undefined
    readonly networks: Map<string, NetworkSpec>
    readonly ports: Map<string, PortSpec>
    readonly securityGroups: Map<string, SecurityGroupSpec>
    readonly addressSets: Map<string, AddressSetSpec>
    readonly dhcp: Map<string, DhcpSpec>
    readonly routers: Map<string, RouterSpec>
    /** Networks whose DHCP server a test has killed. */
    readonly killedDhcp: Set<string>
    /** Ports and groups whose filters a test has broken; `frame` for what leads to all of them, `host` for what joins the fabric to it. */
    readonly brokenFilters: Set<string>
    /** Devices and namespaces of somebody else's. */
    readonly strangers: Set<string>
    /** Owners whose metadata is listened to. */
    readonly metadata: Map<string, Server>
    /** How many agents of each kind there have been; the last one holds the engine. */
    readonly holders: Map<string, number>
  }
}

export interface FakeNetworkOptions {
  /** What exists on the host: give the same world to the next driver to test a restart. */
  readonly world?: FakeNetworkDriver['state']
  /** Called before each method takes effect: wait in it, or throw, to play a slow or failing engine. */
  readonly before?: (method: string) => Promise<void> | void
  /** Asked after the effect: true when it happens once more before it is answered. */
  readonly again?: (method: string) => boolean
  /** Called after the effect, before the answer: throw to play an answer that was lost. */
  readonly after?: (method: string) => Promise<void> | void
  /** Whether metadata is listened to on real sockets; true when absent. */
  readonly sockets?: boolean
}

export function newWorld(): FakeNetworkDriver['state'] {
  return {
    fabric: undefined, networks: new Map(), ports: new Map(), securityGroups: new Map(), addressSets: new Map(), dhcp: new Map(), routers: new Map(),
    killedDhcp: new Set(), brokenFilters: new Set(), strangers: new Set(), metadata: new Map(), holders: new Map(),
  }
}

/** Listens as long as nobody closes it, to nothing: no packet comes in a simulation. */
function silentServer(): Server {
  const server = createServer()
  let open = true
  Object.defineProperty(server, 'listening', { get: () => open })
  server.close = () => {
    open = false
    server.emit('close')
    return server
  }
  return server
}

export function create(options: FakeNetworkOptions = {}): FakeNetworkDriver {
  const { before, after } = options
  const driver = engineOn(options.world ?? newWorld(), options.sockets !== false)
  driver.hold = async (agent) => {
    const { holders } = driver.state
    const number = (holders.get(agent) ?? 0) + 1
    holders.set(agent, number)
    const check = () => {
      if (holders.get(agent) !== number) throw new Superseded(`Another ${agent} agent has taken over.`)
    }
    return played(Object.assign(Object.create(driver) as FakeNetworkDriver, { confirm: async () => check() }), options, check)
  }
  return before || after ? played(driver, options, () => undefined) : driver
}

/** The same driver, with what may come between a call and its effect, and between that and the answer. */
function played<D extends NetworkDriver>(driver: D, { before, again, after }: FakeNetworkOptions, check: () => void): D {
  return new Proxy(driver, {
    get(target, name, receiver) {
      const value: unknown = Reflect.get(target, name, receiver)
      if (typeof value !== 'function' || unplayed.has(name)) return value
      return async (...given: readonly unknown[]) => {
        await before?.(String(name))
        check()
        let result: unknown = await Reflect.apply(value, target, given)
        if (again?.(String(name))) {
          if (result instanceof Server) result.close()
          result = await Reflect.apply(value, target, given)
        }
        try {
          await after?.(String(name))
        } catch (error) {
          // A socket that nobody got is closed.
          if (result instanceof Server) result.close()
          throw error
        }
        return result
      }
    },
  })
}

const unplayed = new Set<string | symbol>(['close', 'hold', 'confirm'])

function engineOn(state: FakeNetworkDriver['state'], sockets: boolean): FakeNetworkDriver {
  // Sockets end with the process that opened them, whatever else of the world outlives it.
  const servers = sockets ? state.metadata : new Map<string, Server>()
  const needNetwork = (id: string) => {
    if (!state.networks.has(id)) throw new NetworkAbsent(`The network ${id} is not on this host.`, { networkId: id })
  }
  return {
    state,
    can: { vxlan: true, vlan: false, ipv6: false },
    async ensureFabric(_call, spec) {
      state.fabric = spec
      state.brokenFilters.delete('frame')
      state.brokenFilters.delete('host')
    },
    async removeFabric() {
      state.fabric = undefined
      for (const map of [state.networks, state.ports, state.securityGroups, state.addressSets, state.dhcp, state.routers]) map.clear()
      for (const server of servers.values()) server.close()
    },
    async ensureNetwork(_call, spec) {
      const { segment } = spec
      if (segment.type === 'flat' && !state.fabric?.externalNetworks.some((one) => one.physicalNetwork === segment.physicalNetwork)) {
        throw new UnknownPhysicalNetwork(`This host has no physical network ${JSON.stringify(segment.physicalNetwork)}.`)
      }
      state.networks.set(uuid(spec.id), spec)
    },
    async removeNetwork(_call, id) {
      forget(state.networks, id)
    },
    async plugPort(_call, spec) {
      uuid(spec.id)
      if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(spec.macAddress)) throw new BadSpecification(`Not a MAC address: ${JSON.stringify(spec.macAddress)}`)
      needNetwork(spec.networkId)
      state.ports.set(spec.id, spec)
      state.brokenFilters.delete(spec.id)
      return { device: `tap${shortId(spec.id)}`, netns: 'fake-fabric', problems: [] }
    },
    async unplugPort(_call, id) {
      forget(state.ports, id)
    },
    async ensureSecurityGroup(_call, spec) {
      state.securityGroups.set(uuid(spec.id), spec)
      state.brokenFilters.delete(spec.id)
      return nothing
    },
    async removeSecurityGroup(_call, id) {
      state.securityGroups.delete(id)
    },
    async ensureAddressSet(_call, spec) {
      state.addressSets.set(uuid(spec.id), spec)
      return nothing
    },
    async removeAddressSet(_call, id) {
      state.addressSets.delete(id)
    },
    async ensureDhcp(_call, spec) {
      needNetwork(spec.networkId)
      state.dhcp.set(spec.networkId, spec)
      state.killedDhcp.delete(spec.networkId)
      return nothing
    },
    async removeDhcp(_call, id) {
      state.dhcp.delete(id)
      state.killedDhcp.delete(id)
    },
    async deadDhcp() {
      return [...state.killedDhcp]
    },
    async ensureRouter(_call, spec) {
      for (const port of [...spec.interfaces, ...(spec.gateway ? [spec.gateway] : [])]) needNetwork(port.networkId)
      state.routers.set(uuid(spec.id), spec)
    },
    async removeRouter(_call, id) {
      state.routers.delete(id)
    },
    async listenMetadata(_call, owner) {
      const exists = 'networkId' in owner ? state.dhcp.has(owner.networkId) : state.routers.has(owner.routerId)
      if (!exists) throw new NetworkAbsent('There is no namespace to listen in.', { ...owner })
      const key = JSON.stringify(owner)
      // As in the kernel: one address and port, one socket.
      if (servers.has(key)) throw new Error('listen EADDRINUSE: address already in use 169.254.169.254:80')
      const server = sockets ? createServer() : silentServer()
      servers.set(key, server)
      server.on('close', () => servers.delete(key))
      if (!sockets) return server
      return new Promise((resolve, reject) => server.on('error', reject).listen(0, '127.0.0.1', () => resolve(server)))
    },
    inventory: async () => inventoryOf(state),
    async examine(_call, specified) {
      const { ports, securityGroups, addressSets, dhcp, brokenFilters } = state
      return {
        ...inventoryOf(state), devices: inventoryOf(state).ports.map(({ id }) => id), frame: !brokenFilters.has('frame'),
        filters: [...ports.values()].flatMap(({ id, portSecurityEnabled }) => (portSecurityEnabled ? [{ portId: id, intact: !brokenFilters.has(id) }] : [])),
        groups: [...securityGroups.keys()].map((id) => ({ id, intact: !brokenFilters.has(id) })),
        members: [...addressSets.values()].map(({ id, addresses }) => ({ id, addresses: [...addresses] })),
        dhcpHosts: [...dhcp.values()].map((spec) => ({ networkId: spec.networkId, hosts: spec.hosts.flatMap((host) => answersTo(spec, host)) })),
        faults: faultsOf(state, specified),
      }
    },
    served: async () => servedBy(state),
    hold: (): Promise<HeldDriver> => Promise.reject(new Error('an engine is held by what makes it')),
    async close() {
      for (const server of servers.values()) server.close()
    },
  }
}

function faultsOf({ networks, dhcp, routers, brokenFilters }: FakeNetworkDriver['state'], specified: Specified): Fault[] {
  const fault = (of: Fault['of'], id: string): Fault => ({ of, id, wrong: ['it is not as it should be'] })
  const serverOf = ({ port, metadata, subnets }: Specified['dhcp'][number]) => [
    port.id, port.macAddress, metadata, subnets.map((one) => [one.ipVersion, one.cidr, one.enableDhcp, one.portAddress, one.gatewayAddress].join(' ')).sort(),
  ]
  const routerOf = (spec: RouterSpec) => ({ ...spec, interfaces: inOrder(spec.interfaces), floatingIps: inOrder(spec.floatingIps), portForwardings: inOrder(spec.portForwardings), routes: inOrder(spec.routes) })
  /** Nothing of what is not there. */
  const differs = <T>(there: T | undefined, wanted: T, view: (spec: T) => unknown) => there !== undefined && !isDeepStrictEqual(view(there), view(wanted))
  return [
    ...(brokenFilters.has('host') ? [fault('fabric', '')] : []),
    ...specified.networks.filter((spec) => differs<typeof spec>(networks.get(spec.id), spec, ({ segment }) => segment)).map(({ id }) => fault('network', id)),
    ...specified.dhcp.filter((spec) => differs<typeof spec>(dhcp.get(spec.networkId), spec, serverOf)).map(({ networkId }) => fault('dhcp', networkId)),
    ...specified.routers.filter((spec) => differs(routers.get(spec.id), spec, routerOf)).map(({ id }) => fault('router', id)),
  ]
}

const inOrder = <T>(things: readonly T[]) => things.map((thing) => JSON.stringify(thing)).sort()

/** Only subnets with DHCP, of IPv4, are served. */
function answersTo({ subnets }: DhcpSpec, { macAddress, addresses }: DhcpSpec['hosts'][number]) {
  const served = new Set(subnets.filter((subnet) => subnet.enableDhcp && subnet.ipVersion === 4).map(({ id }) => id))
  return addresses.filter(({ subnetId }) => served.has(subnetId)).map(({ address }) => ({ macAddress, address }))
}

function inventoryOf(state: FakeNetworkDriver['state']): Inventory {
  const deviceless = [...state.ports.values()].map((port) => ({
    id: shortId(port.id), network: state.networks.has(port.networkId) ? shortId(port.networkId) : null, filtered: port.portSecurityEnabled,
  }))
  const dhcpPorts = [...state.dhcp.values()].map((spec) => ({ id: shortId(spec.port.id), network: shortId(spec.networkId), filtered: false }))
  const routerPorts = [...state.routers.values()].flatMap((spec) => [...spec.interfaces, ...(spec.gateway ? [spec.gateway] : [])])
    .map((port) => ({ id: shortId(port.portId), network: shortId(port.networkId), filtered: false }))
  return {
    fabric: state.fabric !== undefined,
    networks: [...state.networks.keys()].map(shortId).sort(),
    ports: [...deviceless, ...dhcpPorts, ...routerPorts].sort((a, b) => (a.id < b.id ? -1 : 1)),
    securityGroups: [...state.securityGroups.keys()].sort(),
    addressSets: [...state.addressSets.keys()].sort(),
    ...servedBy(state),
    strangers: [...state.strangers].sort(),
  }
}

/** By the id, or by the part of it that an inventory shows. */
function forget(things: Map<string, unknown>, id: string): void {
  for (const known of [...things.keys()]) if (known.startsWith(id)) things.delete(known)
}

const servedBy = ({ dhcp, routers, killedDhcp }: Pick<FakeNetworkDriver['state'], 'dhcp' | 'routers' | 'killedDhcp'>) =>
  ({ dhcp: [...dhcp.keys()].sort().map((networkId) => ({ networkId, alive: !killedDhcp.has(networkId) })), routers: [...routers.keys()].sort() })

function uuid(id: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) throw new BadSpecification(`Not an id: ${JSON.stringify(id)}`)
  return id
}
