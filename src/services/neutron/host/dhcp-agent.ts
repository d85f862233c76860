// The DHCP agent of a host: for each network that it serves, one DHCP that is always the whole of what it should be.
import { servePrograms } from '#core/audit'
import type { RequestContext } from '#core/context'
import type { Role, Runtime } from '#core/service'
import { dhcpAgentRpc } from '../contract/agent-rpc.ts'
import type { DhcpHostSpec, DhcpSpec, NetworkSpec } from '../drivers/index.ts'
import { agentHost, compareEach, followNetworks, gathered, reporting, serveAgent } from './agent.ts'

/** A killed server is missed by guests only when they ask for their lease again. */
const lookSeconds = 3

/** In place of a port: the whole network. */
const everything = '*'

interface Answer {
  readonly network?: NetworkSpec
  readonly dhcp?: DhcpSpec
}

export async function startDhcpAgent(runtime: Runtime): Promise<Role> {
  const host = await agentHost(runtime, 'dhcp')
  const { driver, server, ctx: own, call } = host
  /** What DHCP was told last, by network. */
  const served = new Map<string, DhcpSpec>()
  /** Networks of which something may be here. */
  const made = new Set<string>()
  const stop = new AbortController()

  async function serve(ctx: RequestContext, spec: DhcpSpec): Promise<void> {
    // Until it is in force nothing is known of it: who comes after a failure asks for all of it.
    served.delete(spec.networkId)
    made.add(spec.networkId)
    const { problems } = await driver.ensureDhcp(call(ctx), spec)
    served.set(spec.networkId, spec)
    for (const problem of problems) runtime.log.warn({ subject: problem.subject, network: spec.networkId }, `left out of DHCP: ${problem.message}`)
  }

  async function pullNetwork(ctx: RequestContext, networkId: string): Promise<void> {
    const answer = (await server.any().dhcpSpec(ctx, { networkId, host: runtime.host })) as Answer
    if (!answer.dhcp || !answer.network) {
      if (!made.has(networkId)) return
      await driver.removeDhcp(call(ctx), networkId)
      made.delete(networkId)
      served.delete(networkId)
      return
    }
    await driver.ensureNetwork(call(ctx), answer.network)
    await serve(ctx, answer.dhcp)
    await followNetworks(host, ctx, [answer.network])
  }

  /** Single ports of a network, or the whole of it. */
  const adjust = gathered(async (networkId, portIds, ctx) => {
    const known = served.get(networkId)
    if (!known || portIds.includes(everything)) return pullNetwork(ctx, networkId)
    const { hosts } = await server.any().dhcpHosts(ctx, { networkId, portIds: [...portIds] })
    const next = new Map(known.hosts.map((each) => [each.portId, each]))
    for (const portId of portIds) next.delete(portId)
    for (const each of hosts as unknown as DhcpHostSpec[]) next.set(each.portId, each)
    await serve(ctx, { ...known, hosts: [...next.values()] })
  })
  const sync = (networkId: string, ctx: RequestContext) => adjust(networkId, [everything], ctx)

  /** What was made here before goes first: its server may live in a namespace that has lost its name. */
  async function rebuild(ctx: RequestContext, networkId: string): Promise<void> {
    const before = served.get(networkId)
    served.delete(networkId)
    await driver.removeDhcp(call(ctx), networkId)
    if (before) await driver.unplugPort(call(ctx), before.port.id)
    await sync(networkId, ctx)
  }

  const listening = serveAgent(host, dhcpAgentRpc, {
    async syncNetwork(ctx, { networkId }) {
      await ready
      await sync(networkId, ctx)
      return {}
    },
    async rebuildNetwork(ctx, { networkId }) {
      await ready
      await rebuild(ctx, networkId)
      return {}
    },
    async portChanged(ctx, { networkId, portId }) {
      await ready
      await adjust(networkId, [portId], ctx)
      return {}
    },
    async resync() {
      await ready
      await compare()
      return {}
    },
  })
  const programs = servePrograms(runtime, 'dnsmasq')
  /** All that should be served here, and what is. */
  const compare = compareEach(host, 'comparing the DHCP of this host with what it should serve', stop.signal, async () => {
    const { networkIds } = await server.any().dhcpState(own, { host: runtime.host })
    for (const { networkId } of (await driver.served(call(own))).dhcp) made.add(networkId)
    return [...networkIds, ...made]
  }, (networkId) => sync(networkId, own))
  const reports = reporting(host, 'dhcp', { dhcp_driver: 'dnsmasq', dhcp_lease_duration: host.config.dhcp_lease_duration }, () => served.size)
  const ready = compare()
  host.settled.set('dhcp', ready)

  let timer: { cancel(): void } = { cancel() {} }
  async function revive(): Promise<void> {
    for (const networkId of await driver.deadDhcp(call(own))) {
      if (stop.signal.aborted || host.retired.aborted) return
      runtime.log.warn({ network: networkId }, 'the DHCP server of a network ended; it is started again')
      await sync(networkId, own)
    }
  }
  const lookAgain = (): void => {
    timer = runtime.clock.after(lookSeconds * 1000, () => {
      revive().catch((error: unknown) => runtime.log.warn({ err: error }, 'a DHCP server could not be started again; it will be tried again')).finally(() => {
        if (!stop.signal.aborted && !host.retired.aborted) lookAgain()
      })
    })
  }
  return {
    ready: ready.then(() => {
      if (!stop.signal.aborted) lookAgain()
      return reports.now()
    }),
    async stop() {
      stop.abort()
      timer.cancel()
      await reports.stop()
      listening.close()
      programs.close()
      await ready
    },
  }
}
