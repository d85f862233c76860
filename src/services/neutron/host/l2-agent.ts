// The L2 agent of a host: it wires ports as it is told, keeps their filters as the server has them, and clears up after itself.
import type { RequestContext } from '#core/context'
import { ServiceUnavailable } from '#core/errors'
import type { RpcServer } from '#core/rpc'
import type { ArgsOf } from '#core/spec'
import type { Role, Runtime } from '#core/service'
import { turns } from '#core/process'
import { mark, traced } from '#core/trace'
import { l2AgentRpc } from '../contract/agent-rpc.ts'
import { type AddressSetSpec, type FabricSpec, type Inventory, type NetworkSpec, type PortSpec, type Report, type SecurityGroupSpec, shortId, type Specified, Superseded } from '../drivers/index.ts'
import { type AgentHost, agentHost, coalesced, compareAgainSeconds, forEach, gathered, reporting, serveAgent, untilDone } from './agent.ts'
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
  /** Of the rows of the ports. */
  readonly revisions: Readonly<Record<string, number>>
}

interface GroupSpecs {
  readonly groups: readonly { readonly revision: number; readonly spec: SecurityGroupSpec }[]
  readonly addressSets: readonly AddressSetSpec[]
}

/** In place of an address: the whole set. */
const everything = '*'

export async function startL2Agent(runtime: Runtime): Promise<Role> {
  const host = await agentHost(runtime, 'l2')
  const agent = new L2Agent(host)
  const served = serveAgent(host, l2AgentRpc, agent.server())
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

interface KnownPort {
  /** Of the row that it was wired by; nothing while it is not known what is there. */
  readonly revision: number | undefined
  readonly groupIds: readonly string[]
  readonly networkId: string
}

/**
 * A message may come late or twice. So what is said of a port is checked with the server once it is done, everything else is
 * asked for when its message has come, and what concerns one thing takes turns: whoever looks last, has looked after the last word.
 */
class L2Agent {
  readonly #host: AgentHost
  /** What was told last of each: the same again is not done again. */
  readonly #networks = new Map<string, string>()
  readonly #groups = new Map<string, { readonly revision: number; readonly setIds: readonly string[] }>()
  /** Addresses by set; nothing for one of which it is not known what is in force. */
  readonly #sets = new Map<string, ReadonlySet<string> | undefined>()
  readonly #ports = new Map<string, KnownPort>()
  readonly #inTurn = turns()
  readonly #refreshNetwork: (id: string, ctx: RequestContext) => Promise<void>
  readonly #refreshGroup: (id: string, ctx: RequestContext) => Promise<void>
  readonly #refreshSet: (id: string, addresses: readonly string[], ctx: RequestContext) => Promise<void>
  /** Messages wait while the host is compared with what should be; the comparison waits for those under way. */
  #compared: Promise<void> = Promise.resolve()
  readonly #underWay = new Set<Promise<unknown>>()
  #again: { cancel(): void } = { cancel() {} }
  #isExamining = false
  readonly #checks = new Set<{ cancel(): void }>()
  readonly #stop = new AbortController()

  constructor(host: AgentHost) {
    this.#host = host
    this.#refreshNetwork = coalesced((id, ctx) => this.#adjustNetwork(ctx, id))
    this.#refreshGroup = coalesced((id, ctx) => this.#adjustGroup(ctx, id))
    this.#refreshSet = gathered((id, addresses, ctx) => this.#adjustSet(ctx, id, addresses))
  }

  get load(): number {
    return this.#ports.size
  }

  /** Compare the host with what it should have. */
  start(): Promise<void> {
    this.#again.cancel()
    const before = this.#compared
    const compared = before.then(async () => {
      await Promise.allSettled(this.#underWay)
      await untilDone(this.#host, 'comparing this host with what it should have', this.#stop.signal, () => this.#resync())
    })
    this.#compared = compared
    return compared
  }

  stop(): void {
    this.#stop.abort()
    this.#again.cancel()
    for (const check of this.#checks) check.cancel()
  }

  /** Do what a message asks for, beside others but not beside a comparison. */
  async #at<T>(work: () => Promise<T>): Promise<T> {
    for (let seen: Promise<void> | undefined; seen !== this.#compared;) await (seen = this.#compared)
    const run = work()
    this.#underWay.add(run)
    try {
      return await run
    } finally {
      this.#underWay.delete(run)
    }
  }

  server(): RpcServer<typeof l2AgentRpc> {
    const { runtime: { trace, clock } } = this.#host
    return {
      wirePort: (ctx, { wiring }) => this.#at(async () => {
        const up = await this.#wire(ctx, wiring as unknown as Wiring)
        mark(trace, clock, ctx, 36)
        return { up }
      }),
      unwirePort: (ctx, { portId }) => this.#at(() => this.#inTurn(portId, async () => {
        await this.#unlessWanted(ctx, portId)
        return {}
      })),
      groupsChanged: (ctx, { groupIds, addressSetIds, addresses }) => this.#at(async () => {
        const changed = addresses && addresses.length > 0 ? addresses : [everything]
        await Promise.all([
          ...groupIds.filter((id) => this.#uses(id)).map((id) => this.#refreshGroup(id, ctx)),
          ...addressSetIds.filter((id) => this.#isNamed(id)).map((id) => this.#refreshSet(id, changed, ctx)),
        ])
        return {}
      }),
      networkChanged: (ctx, { networkId }) => this.#at(async () => {
        await this.#refreshNetwork(networkId, ctx)
        return {}
      }),
      resync: async () => {
        await this.start()
        return {}
      },
      // Nothing waits for it: on a host with very many routers it takes long.
      examine: async (ctx, { networks = [], dhcp = [], routers = [] }) => {
        if (this.#isExamining) throw new ServiceUnavailable('The examination before this one is still under way.')
        this.#isExamining = true
        try {
          await this.#compared
          return { ...(await this.#host.driver.examine(this.#host.call(ctx), { networks, dhcp, routers } as unknown as Specified)) }
        } finally {
          this.#isExamining = false
        }
      },
      putRight: (ctx, named) => this.#at(async () => {
        await this.#putRight(ctx, named)
        return {}
      }),
    }
  }

  /** At the auditor's word. What this agent remembers of these things is not trusted. */
  async #putRight(ctx: RequestContext, named: ArgsOf<(typeof l2AgentRpc)['methods']['putRight']>): Promise<void> {
    const { driver, server, runtime, call } = this.#host
    const state = (await server.any().hostState(ctx, { host: runtime.host })) as unknown as HostState
    if (named.fabric) await driver.ensureFabric(call(ctx), fabricOf(this.#host))
    const ports = state.ports.filter(({ id }) => named.portIds.includes(id))
    const networkIds = new Set([...named.networkIds, ...ports.map(({ networkId }) => networkId)])
    for (const { id } of state.networks.filter((network) => networkIds.has(network.id))) {
      this.#networks.set(id, '')
      await this.#refreshNetwork(id, ctx)
    }
    const groupIds = state.groups.map(({ id }) => id)
    for (const id of groupIds.filter((each) => named.groupIds.includes(each))) {
      this.#groups.delete(id)
      await this.#refreshGroup(id, ctx)
    }
    await Promise.all(state.addressSetIds.filter((id) => named.addressSetIds.includes(id)).map((id) => this.#refreshSet(id, [everything], ctx)))
    await forEach(ports, (port) => this.#inTurn(port.id, () => this.#plug(ctx, port, state.revisions[port.id])))
    const known = new Set([...state.ports.map(({ id }) => id), ...state.otherPortIds].map(shortId))
    for (const id of named.strayPorts.filter((each) => !known.has(each))) {
      await driver.unplugPort(call(ctx), id)
      forget(this.#ports, id)
    }
    const networks = new Set(state.networks.map(({ id }) => shortId(id)))
    for (const id of named.strayNetworks.filter((each) => !networks.has(each))) {
      await driver.removeNetwork(call(ctx), id)
      forget(this.#networks, id)
    }
    for (const id of named.strayGroups) if (!groupIds.includes(id)) await this.#refreshGroup(id, ctx)
    for (const id of named.strayAddressSets) {
      if (state.addressSetIds.includes(id)) continue
      this.#sets.delete(id)
      await driver.removeAddressSet(call(ctx), id)
    }
  }

  /** @returns whether the port is wired here now, as the server has it */
  async #wire(ctx: RequestContext, wiring: Wiring): Promise<boolean> {
    const { id } = wiring.port
    try {
      return await this.#inTurn(id, () => this.#wireNow(ctx, wiring))
    } catch (error) {
      if (!(error instanceof Superseded)) this.#checkLater(id)
      throw error
    }
  }

  /** A word that came late was perhaps the last one about a port that is gone: then nobody else looks after what was made for it. */
  #checkLater(portId: string): void {
    const { runtime: { clock }, ctx } = this.#host
    if (this.#stop.signal.aborted) return
    const check = clock.after(compareAgainSeconds * 1000, () => {
      this.#checks.delete(check)
      this.#at(() => this.#inTurn(portId, () => this.#unlessWanted(ctx, portId))).catch((error: unknown) => {
        if (!(error instanceof Superseded)) this.#checkLater(portId)
      })
    })
    this.#checks.add(check)
  }

  async #wireNow(ctx: RequestContext, { network, port, revision, groups, addressSetIds }: Wiring): Promise<boolean> {
    const { runtime: { trace, clock } } = this.#host
    const known = this.#ports.get(port.id)
    // A later word has been carried out already.
    if (known?.revision !== undefined && known.revision > revision) return this.#isWanted(ctx, port.id)
    await traced(trace, clock, ctx, 34, async () => {
      // Noted before it is there, so that nobody takes away what it needs.
      this.#ports.set(port.id, { revision: undefined, groupIds: [...port.securityGroupIds, ...(known?.groupIds ?? [])], networkId: network.id })
      if (this.#networks.get(network.id) !== JSON.stringify(network)) await this.#refreshNetwork(network.id, ctx)
      // Nothing of it is to be here any more, nor is the port.
      if (!this.#networks.has(network.id)) return
      await this.#ensureGroups(ctx, { groups, addressSetIds })
      const used = [...port.fixedAddresses, ...port.allowedAddressPairs.map((pair) => pair.ipAddress)]
      await Promise.all(port.securityGroupIds.filter((id) => this.#isNamed(id)).map((id) => this.#refreshSet(id, used, ctx)))
      this.#report(await this.#host.driver.plugPort(this.#host.call(ctx), port))
      this.#ports.set(port.id, { revision, groupIds: port.securityGroupIds, networkId: network.id })
      await this.#dropUnused(ctx)
    })
    const up = await this.#unlessWanted(ctx, port.id)
    if (up && this.#ports.get(port.id)?.revision === undefined) throw new ServiceUnavailable('The port came to this host just now.')
    return up
  }

  /** As the server has it, at a comparison. */
  async #plug(ctx: RequestContext, port: PortSpec, revision: number | undefined): Promise<void> {
    const { driver, call } = this.#host
    this.#ports.set(port.id, { revision: undefined, groupIds: port.securityGroupIds, networkId: port.networkId })
    this.#report(await driver.plugPort(call(ctx), port))
    this.#ports.set(port.id, { revision, groupIds: port.securityGroupIds, networkId: port.networkId })
    await this.#unlessWanted(ctx, port.id)
  }

  /** Saved where it is to be here; nothing is known to be wrong where the wire of another word stands. */
  async #isWanted(ctx: RequestContext, portId: string): Promise<boolean> {
    const { server, runtime } = this.#host
    return (await server.any().portIsUp(ctx, { portId, host: runtime.host, wired: this.#ports.get(portId)?.revision !== undefined })).known
  }

  /** The wire of a port that is not to be here, or no more, goes. @returns whether it stays */
  async #unlessWanted(ctx: RequestContext, portId: string): Promise<boolean> {
    if (await this.#isWanted(ctx, portId)) return true
    const { driver, call } = this.#host
    await driver.unplugPort(call(ctx), portId)
    const gone = this.#ports.get(portId)
    this.#ports.delete(portId)
    await this.#dropUnused(ctx)
    // Its network may have gone before it.
    if (gone) await this.#refreshNetwork(gone.networkId, ctx)
    return false
  }

  /** Groups that no port is in, and sets that no rule names; those too whose removal failed before. */
  async #dropUnused(ctx: RequestContext): Promise<void> {
    for (const id of [...this.#groups.keys()]) if (!this.#uses(id)) await this.#refreshGroup(id, ctx)
    for (const id of [...this.#sets.keys()]) if (!this.#isNamed(id)) await this.#refreshSet(id, [everything], ctx)
  }

  /** Whether a port here is in the group. */
  #uses(groupId: string): boolean {
    return [...this.#ports.values()].some((port) => port.groupIds.includes(groupId))
  }

  /** Whether a rule here names the addresses of the group. */
  #isNamed(setId: string): boolean {
    return [...this.#groups.values()].some(({ setIds }) => setIds.includes(setId))
  }

  async #ensureNetwork(ctx: RequestContext, spec: NetworkSpec): Promise<void> {
    this.#networks.set(spec.id, '')
    await this.#host.driver.ensureNetwork(this.#host.call(ctx), spec)
    this.#networks.set(spec.id, JSON.stringify(spec))
  }

  async #adjustNetwork(ctx: RequestContext, id: string): Promise<void> {
    const { driver, server, runtime, call } = this.#host
    const { network, here } = await server.any().networkSpec(ctx, { networkId: id, host: runtime.host })
    if (!network) {
      await driver.removeNetwork(call(ctx), id)
      this.#networks.delete(id)
    } else if ((here || this.#networks.has(id)) && this.#networks.get(id) !== JSON.stringify(network)) await this.#ensureNetwork(ctx, network as unknown as NetworkSpec)
  }

  async #ensureGroups(ctx: RequestContext, { groups, addressSetIds }: Needs): Promise<void> {
    const outdated = groups.filter(({ id, revision }) => (this.#groups.get(id)?.revision ?? -1) < revision)
    await forEach(outdated, ({ id }) => this.#refreshGroup(id, ctx))
    await Promise.all(addressSetIds.filter((id) => this.#isNamed(id) && !this.#sets.get(id)).map((id) => this.#refreshSet(id, [everything], ctx)))
  }

  /** A group as it is now, and the sets that its rules name, where those are new here; nothing of it where no port is in it. */
  async #adjustGroup(ctx: RequestContext, id: string): Promise<void> {
    const { driver, server, call } = this.#host
    // Noted before it is asked for: who drops what is unused meanwhile comes after this.
    if (!this.#groups.has(id)) this.#groups.set(id, { revision: -1, setIds: [] })
    const { groups: [found] } = this.#uses(id) ? ((await server.any().groupSpecs(ctx, { groupIds: [id], addressSetIds: [] })) as unknown as GroupSpecs) : { groups: [] }
    const setIds = [...new Set(found?.spec.rules.flatMap((rule) => rule.remoteAddressSetId ?? []))]
    // Until it is in force nothing is known of it.
    this.#groups.set(id, { revision: -1, setIds: [...setIds, ...(this.#groups.get(id)?.setIds ?? [])] })
    if (found) {
      this.#report(await driver.ensureSecurityGroup(call(ctx), found.spec))
      this.#groups.set(id, { revision: found.revision, setIds })
    } else {
      await driver.removeSecurityGroup(call(ctx), id)
      this.#groups.delete(id)
    }
    const outdated = [...setIds.filter((setId) => !this.#sets.get(setId)), ...[...this.#sets.keys()].filter((setId) => !this.#isNamed(setId))]
    await Promise.all(outdated.map((setId) => this.#refreshSet(setId, [everything], ctx)))
  }

  /** Bring some addresses of a set, or all of it, up to date. */
  async #adjustSet(ctx: RequestContext, id: string, addresses: readonly string[]): Promise<void> {
    const { driver, server, call } = this.#host
    const known = this.#sets.get(id)
    const next = new Set(known)
    if (!this.#isNamed(id)) {
      await driver.removeAddressSet(call(ctx), id)
      this.#sets.delete(id)
      return
    }
    if (!known) this.#sets.set(id, undefined)
    if (!known || addresses.includes(everything)) {
      const { addressSets } = (await server.any().groupSpecs(ctx, { groupIds: [], addressSetIds: [id] })) as unknown as GroupSpecs
      next.clear()
      for (const address of addressSets[0]?.addresses ?? []) next.add(address)
    } else {
      const present = new Set((await server.any().addressesIn(ctx, { addressSetId: id, addresses: [...addresses] })).present)
      const changed = addresses.filter((address) => known.has(address) !== present.has(address))
      if (changed.length === 0) return
      for (const address of changed) if (!next.delete(address)) next.add(address)
    }
    // Until it is in force nothing is known of it: who comes after a failure asks for all of it.
    this.#sets.set(id, undefined)
    this.#report(await driver.ensureAddressSet(call(ctx), { id, addresses: [...next] }))
    this.#sets.set(id, next)
  }

  /** Make what should be here, and remove what should not. What fails does not hold up the rest; it is tried again. */
  async #resync(): Promise<void> {
    const { driver, server, runtime, ctx, call } = this.#host
    // Looked at first: what other agents make meanwhile is not among the leftovers then.
    const there = await driver.inventory(call(ctx))
    const state = (await server.any().hostState(ctx, { host: runtime.host })) as unknown as HostState
    let failed = 0
    const each = <T>(items: readonly T[], work: (item: T) => Promise<void>) => forEach(items, async (item) => {
      await work(item).catch((error: unknown) => {
        if (error instanceof Superseded) throw error
        failed++
        runtime.log.warn({ err: error }, 'something that this host should have could not be made, or removed; it will be tried again')
      })
    })
    // What is remembered from before is not trusted: it may be what somebody else took away since.
    for (const memory of [this.#networks, this.#groups, this.#sets, this.#ports]) memory.clear()
    for (const port of state.ports) this.#ports.set(port.id, { revision: undefined, groupIds: port.securityGroupIds, networkId: port.networkId })
    await each(state.networks, (network) => this.#ensureNetwork(ctx, network))
    await each(state.groups, ({ id }) => this.#refreshGroup(id, ctx))
    await each(state.ports, (port) => this.#inTurn(port.id, () => this.#plug(ctx, port, state.revisions[port.id])))
    await this.#removeLeftovers(there, state, each)
    if (failed > 0) this.#again = runtime.clock.after(compareAgainSeconds * 1000, () => void this.start())
  }

  /** What is here and should not be: of ports that went while this agent was away. */
  async #removeLeftovers(there: Inventory, state: HostState, each: <T>(items: readonly T[], work: (item: T) => Promise<void>) => Promise<void>): Promise<void> {
    const { driver, runtime, ctx, call } = this.#host
    const ports = new Set([...state.ports.map((port) => port.id), ...state.otherPortIds].map(shortId))
    await each(there.ports.filter(({ id }) => !ports.has(id)), async ({ id }) => {
      runtime.log.info({ port: id }, 'the wire of a port that is gone is removed')
      await driver.unplugPort(call(ctx), id)
    })
    const networks = new Set(state.networks.map((network) => shortId(network.id)))
    await each(there.networks.filter((id) => !networks.has(id)), (id) => driver.removeNetwork(call(ctx), id))
    await each(there.securityGroups.filter((id) => !this.#uses(id)), (id) => driver.removeSecurityGroup(call(ctx), id))
    await each(there.addressSets.filter((id) => !this.#isNamed(id)), (id) => driver.removeAddressSet(call(ctx), id))
  }

  #report({ problems }: Report): void {
    for (const problem of problems) this.#host.runtime.log.warn({ subject: problem.subject }, `left out of a filter: ${problem.message}`)
  }
}

/** What is remembered of a thing that is known by the first part of its id. */
function forget(known: Map<string, unknown>, start: string): void {
  for (const id of known.keys()) if (shortId(id) === start) known.delete(id)
}
