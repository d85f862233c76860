// The L2 agent of a host: it wires ports as it is told, keeps their filters as the server has them, and clears up after itself.
import type { RequestContext } from '#core/context'
import type { RpcServer } from '#core/rpc'
import type { ArgsOf } from '#core/spec'
import type { Role, Runtime } from '#core/service'
import { mark, traced } from '#core/trace'
import { l2AgentRpc } from '../contract/agent-rpc.ts'
import { type AddressSetSpec, type FabricSpec, type Inventory, type NetworkSpec, type PortSpec, type Report, type SecurityGroupSpec, shortId } from '../drivers/index.ts'
import { type AgentHost, agentHost, forEach, gathered, reporting, untilDone } from './agent.ts'
import { firstAddress } from './fabric-address.ts'

interface Needs {
  readonly groups: readonly { readonly id: string; readonly revision: number }[]
  readonly addressSetIds: readonly string[]
}

interface Wiring extends Needs {
  readonly network: NetworkSpec
  readonly port: PortSpec
  readonly revision: number
}

interface HostState extends Needs {
  readonly networks: readonly NetworkSpec[]
  readonly ports: readonly PortSpec[]
  readonly otherPortIds: readonly string[]
}

interface GroupSpecs {
  readonly groups: readonly { readonly revision: number; readonly spec: SecurityGroupSpec }[]
  readonly addressSets: readonly AddressSetSpec[]
}

/** In place of an address: the whole set. */
const everything = '*'

export async function startL2Agent(runtime: Runtime): Promise<Role> {
  const host = await agentHost(runtime)
  const agent = new L2Agent(host)
  const served = runtime.bus.serve(l2AgentRpc, runtime.host, agent.server())
  const { tunnel } = fabricOf(host)
  const reports = reporting(host, 'l2', {
    bridge_mappings: Object.fromEntries(host.config.physicalNetworks.map(({ name }) => [name, `ext-${name}`])), tunnel_types: tunnel ? ['vxlan'] : [],
    tunneling_ip: tunnel?.localAddress ?? '', devices: 0,
  }, () => agent.load)
  await reports.now()
  await host.driver.ensureFabric(host.call(host.ctx), fabricOf(host))
  const ready = agent.start()
  return {
    ready,
    async stop() {
      await reports.stop()
      served.close()
      agent.stop()
      await ready
      await host.driver.close()
    },
  }
}

export function fabricOf({ config }: Pick<AgentHost, 'config'>): FabricSpec {
  return {
    externalNetworks: config.physicalNetworks.map(({ name, cidr }) => ({ physicalNetwork: name, cidr, gatewayAddress: firstAddress(cidr) })),
    ...(config.local_ip !== '' && { tunnel: { localAddress: config.local_ip, underlay: 'host' as const } }),
  }
}

class L2Agent {
  readonly #host: AgentHost
  /** What was told last of each: the same again is not done again. */
  readonly #networks = new Map<string, string>()
  readonly #groups = new Map<string, number>()
  /** Addresses by set. */
  readonly #sets = new Map<string, Set<string>>()
  readonly #ports = new Map<string, { revision: number; groupIds: readonly string[] }>()
  readonly #refreshSet: (id: string, addresses: readonly string[], ctx: RequestContext) => Promise<void>
  #ready: Promise<void> = Promise.resolve()
  readonly #stop = new AbortController()

  constructor(host: AgentHost) {
    this.#host = host
    this.#refreshSet = gathered((id, addresses, ctx) => this.#adjustSet(ctx, id, addresses))
  }

  get load(): number {
    return this.#ports.size
  }

  /** The first comparison with what should be; messages wait for it. */
  start(): Promise<void> {
    this.#ready = untilDone(this.#host, 'comparing this host with what it should have', this.#stop.signal, () => this.#resync())
    return this.#ready
  }

  stop(): void {
    this.#stop.abort()
  }

  server(): RpcServer<typeof l2AgentRpc> {
    const { runtime: { trace, clock, host }, server } = this.#host
    return {
      wirePort: async (ctx, { wiring }) => {
        await this.#ready
        await traced(trace, clock, ctx, 34, () => this.#wire(ctx, wiring as unknown as Wiring))
        await server.any().portIsUp(ctx, { portId: (wiring as unknown as Wiring).port.id, host })
        mark(trace, clock, ctx, 36)
        return {}
      },
      unwirePort: async (ctx, { portId }) => {
        await this.#ready
        await this.#unwire(ctx, portId)
        return {}
      },
      groupsChanged: async (ctx, { groupIds, addressSetIds, addresses }) => {
        await this.#ready
        const mine = groupIds.filter((id) => this.#groups.has(id))
        if (mine.length > 0) await this.#pull(ctx, mine)
        await Promise.all(addressSetIds.filter((id) => this.#sets.has(id)).map((id) => this.#refreshSet(id, addresses && addresses.length > 0 ? addresses : [everything], ctx)))
        return {}
      },
      examine: async (ctx) => {
        await this.#ready
        return { ...(await this.#host.driver.examine(this.#host.call(ctx))) }
      },
      putRight: async (ctx, named) => {
        await this.#ready
        await this.#putRight(ctx, named)
        return {}
      },
      networkChanged: async (ctx, { networkId, network }) => {
        await this.#ready
        if (network) await this.#ensureNetwork(ctx, network as unknown as NetworkSpec)
        else {
          this.#networks.delete(networkId)
          await this.#host.driver.removeNetwork(this.#host.call(ctx), networkId)
        }
        return {}
      },
    }
  }

  /** At the auditor's word. What this agent remembers of these things is not trusted. */
  async #putRight(ctx: RequestContext, named: ArgsOf<(typeof l2AgentRpc)['methods']['putRight']>): Promise<void> {
    const { driver, server, runtime, call } = this.#host
    const state = (await server.any().hostState(ctx, { host: runtime.host })) as unknown as HostState
    if (named.fabric) await driver.ensureFabric(call(ctx), fabricOf(this.#host))
    const ports = state.ports.filter(({ id }) => named.portIds.includes(id))
    const networkIds = new Set([...named.networkIds, ...ports.map(({ networkId }) => networkId)])
    for (const network of state.networks.filter(({ id }) => networkIds.has(id))) {
      this.#networks.delete(network.id)
      await this.#ensureNetwork(ctx, network)
    }
    const groupIds = state.groups.map(({ id }) => id)
    await this.#pull(ctx, groupIds.filter((id) => named.groupIds.includes(id)))
    await Promise.all(state.addressSetIds.filter((id) => named.addressSetIds.includes(id)).map((id) => this.#refreshSet(id, [everything], ctx)))
    await forEach(ports, async (port) => {
      this.#report(await driver.plugPort(call(ctx), port))
      this.#ports.set(port.id, { revision: this.#ports.get(port.id)?.revision ?? 0, groupIds: port.securityGroupIds })
      await server.any().portIsUp(ctx, { portId: port.id, host: runtime.host })
    })
    const known = new Set([...state.ports.map(({ id }) => id), ...state.otherPortIds].map(shortId))
    for (const id of named.strayPorts) if (!known.has(id)) await driver.unplugPort(call(ctx), id)
    const networks = new Set(state.networks.map(({ id }) => shortId(id)))
    for (const id of named.strayNetworks) if (!networks.has(id)) await driver.removeNetwork(call(ctx), id)
    for (const id of named.strayGroups) if (!groupIds.includes(id)) await this.#dropGroup(ctx, id)
    for (const id of named.strayAddressSets) {
      if (state.addressSetIds.includes(id)) continue
      this.#sets.delete(id)
      await driver.removeAddressSet(call(ctx), id)
    }
  }

  async #dropGroup(ctx: RequestContext, id: string): Promise<void> {
    this.#groups.delete(id)
    await this.#host.driver.removeSecurityGroup(this.#host.call(ctx), id)
  }

  async #wire(ctx: RequestContext, { network, port, revision, groups, addressSetIds }: Wiring): Promise<void> {
    const known = this.#ports.get(port.id)
    if (known && known.revision > revision) return
    await this.#ensureNetwork(ctx, network)
    await this.#ensureGroups(ctx, { groups, addressSetIds })
    const used = [...port.fixedAddresses, ...port.allowedAddressPairs.map((pair) => pair.ipAddress)]
    await Promise.all(port.securityGroupIds.filter((id) => this.#sets.has(id)).map((id) => this.#refreshSet(id, used, ctx)))
    this.#report(await this.#host.driver.plugPort(this.#host.call(ctx), port))
    this.#ports.set(port.id, { revision, groupIds: port.securityGroupIds })
  }

  async #unwire(ctx: RequestContext, portId: string): Promise<void> {
    await this.#host.driver.unplugPort(this.#host.call(ctx), portId)
    const gone = this.#ports.get(portId)
    this.#ports.delete(portId)
    for (const id of gone?.groupIds ?? []) {
      if ([...this.#ports.values()].some((port) => port.groupIds.includes(id))) continue
      this.#groups.delete(id)
      await this.#host.driver.removeSecurityGroup(this.#host.call(ctx), id)
    }
  }

  async #ensureNetwork(ctx: RequestContext, spec: NetworkSpec): Promise<void> {
    const text = JSON.stringify(spec)
    if (this.#networks.get(spec.id) === text) return
    await this.#host.driver.ensureNetwork(this.#host.call(ctx), spec)
    this.#networks.set(spec.id, text)
  }

  async #ensureGroups(ctx: RequestContext, { groups, addressSetIds }: Needs): Promise<void> {
    const outdated = groups.filter(({ id, revision }) => (this.#groups.get(id) ?? -1) < revision).map(({ id }) => id)
    if (outdated.length > 0) await this.#pull(ctx, outdated)
    await Promise.all(addressSetIds.filter((id) => !this.#sets.has(id)).map((id) => this.#refreshSet(id, [everything], ctx)))
  }

  /** Groups as they are now, and the sets that their rules name, where those are new here. */
  async #pull(ctx: RequestContext, groupIds: readonly string[]): Promise<void> {
    const { driver, server, call } = this.#host
    const { groups } = (await server.any().groupSpecs(ctx, { groupIds: [...groupIds], addressSetIds: [] })) as unknown as GroupSpecs
    for (const { revision, spec } of groups) {
      this.#report(await driver.ensureSecurityGroup(call(ctx), spec))
      this.#groups.set(spec.id, revision)
    }
    const named = new Set(groups.flatMap(({ spec }) => spec.rules.flatMap((rule) => rule.remoteAddressSetId ?? [])))
    await Promise.all([...named].filter((id) => !this.#sets.has(id)).map((id) => this.#refreshSet(id, [everything], ctx)))
  }

  /** Bring some addresses of a set, or all of it, up to date. */
  async #adjustSet(ctx: RequestContext, id: string, addresses: readonly string[]): Promise<void> {
    const { driver, server, call } = this.#host
    const known = this.#sets.get(id)
    let next: Set<string>
    if (!known || addresses.includes(everything)) {
      const { addressSets } = (await server.any().groupSpecs(ctx, { groupIds: [], addressSetIds: [id] })) as unknown as GroupSpecs
      next = new Set(addressSets[0]?.addresses)
    } else {
      const present = new Set((await server.any().addressesIn(ctx, { addressSetId: id, addresses: [...addresses] })).present)
      const changed = addresses.filter((address) => known.has(address) !== present.has(address))
      if (changed.length === 0) return
      next = known
      for (const address of changed) if (!next.delete(address)) next.add(address)
    }
    this.#sets.set(id, next)
    this.#report(await driver.ensureAddressSet(call(ctx), { id, addresses: [...next] }))
  }

  async #resync(): Promise<void> {
    const { driver, server, runtime, ctx, call } = this.#host
    // Looked at first: what other agents make meanwhile is not among the leftovers then.
    const there = await driver.inventory(call(ctx))
    const state = (await server.any().hostState(ctx, { host: runtime.host })) as unknown as HostState
    await forEach(state.networks, (network) => this.#ensureNetwork(ctx, network))
    await this.#ensureGroups(ctx, state)
    await forEach(state.ports, async (port) => {
      this.#report(await driver.plugPort(call(ctx), port))
      this.#ports.set(port.id, { revision: 0, groupIds: port.securityGroupIds })
      await server.any().portIsUp(ctx, { portId: port.id, host: runtime.host })
    })
    await this.#removeLeftovers(there, state)
  }

  /** What is here and should not be: of ports that went while this agent was away. */
  async #removeLeftovers(there: Inventory, state: HostState): Promise<void> {
    const { driver, runtime, ctx, call } = this.#host
    const ports = new Set([...state.ports.map((port) => port.id), ...state.otherPortIds].map(shortId))
    for (const port of there.ports.filter(({ id }) => !ports.has(id))) {
      runtime.log.info({ port: port.id }, 'the wire of a port that is gone is removed')
      await driver.unplugPort(call(ctx), port.id)
    }
    const networks = new Set(state.networks.map((network) => shortId(network.id)))
    for (const id of there.networks.filter((each) => !networks.has(each))) await driver.removeNetwork(call(ctx), id)
    for (const id of there.securityGroups.filter((each) => !this.#groups.has(each))) await driver.removeSecurityGroup(call(ctx), id)
    for (const id of there.addressSets.filter((each) => !this.#sets.has(each))) await driver.removeAddressSet(call(ctx), id)
  }

  #report({ problems }: Report): void {
    for (const problem of problems) this.#host.runtime.log.warn({ subject: problem.subject }, `left out of a filter: ${problem.message}`)
  }
}
