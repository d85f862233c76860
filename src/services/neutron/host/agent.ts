// What all agents of a host share: their reports, the server they ask, and the one engine of the host.
import type { CallContext, RequestContext } from '#core/context'
import { AppError } from '#core/errors'
import { type RpcClient, rpcClient } from '#core/rpc'
import { ownContext, type Runtime } from '#core/service'
import { neutronOptions, type NeutronConfig, readConfig } from '../config.ts'
import { agentReports, pluginRpc } from '../contract/agent-rpc.ts'
import { loadNetworkDriver, type NetworkDriver } from '../drivers/index.ts'

export type Kind = 'l2' | 'dhcp' | 'l3' | 'metadata'

export interface AgentHost {
  readonly runtime: Runtime
  readonly config: NeutronConfig
  readonly driver: NetworkDriver
  readonly server: RpcClient<typeof pluginRpc>
  /** When an agent of this host, in this process, has first made the host as it should be. */
  readonly settled: Map<Kind, Promise<void>>
  /** For what no request began. */
  readonly ctx: RequestContext
  /** What a driver call carries on behalf of a message. */
  call(ctx: RequestContext): CallContext
}

interface SharedByAgents {
  readonly engine: Promise<NetworkDriver>
  readonly settled: Map<Kind, Promise<void>>
}

const hosts = new WeakMap<object, Map<string, SharedByAgents>>()

/** The agents of a host in one process work with one engine: it takes care of who goes first. */
function sharedByAgents(runtime: Runtime): SharedByAgents {
  const byHost = hosts.get(runtime.bus) ?? new Map<string, SharedByAgents>()
  hosts.set(runtime.bus, byHost)
  let shared = byHost.get(runtime.host)
  if (!shared) byHost.set(runtime.host, (shared = { engine: loadEngine(runtime), settled: new Map() }))
  return shared
}

async function loadEngine(runtime: Runtime): Promise<NetworkDriver> {
  const { privileged, machine, stage } = runtime
  if (stage) {
    const { newWorld } = await import('../drivers/fake/index.ts')
    return loadNetworkDriver('fake', {
      world: stage.kept(`neutron ${runtime.host}`, newWorld), sockets: false,
      before: (method) => stage.before(`network ${method}`), after: (method) => stage.after(`network ${method}`),
    })
  }
  if (runtime.driver === 'fake' || !privileged || !machine) return loadNetworkDriver('fake', {})
  return loadNetworkDriver('linuxbridge', {
    privileged, clock: runtime.clock, prefix: machine.prefix, dataDirectory: `${runtime.dataDirectory}/neutron`, qemuUid: machine.qemuUid, linkAddresses: machine.link,
  })
}

export async function agentHost(runtime: Runtime): Promise<AgentHost> {
  const config = readConfig(runtime.config(neutronOptions))
  const { engine, settled } = sharedByAgents(runtime)
  return {
    runtime, config, driver: await engine, settled, server: rpcClient(runtime.bus, runtime, pluginRpc), ctx: ownContext(runtime, 'neutron-agent'),
    call: (ctx) => ({ signal: ctx.signal, epoch: 0, log: ctx.log }),
  }
}

/** The engine of a host, for tests that look at what was asked of it. */
export async function engineForTests(runtime: Pick<Runtime, 'bus' | 'host'>): Promise<NetworkDriver | undefined> {
  return hosts.get(runtime.bus)?.get(runtime.host)?.engine
}

/** Report at once and then again and again; the last report says good-bye. */
export function reporting({ runtime, config, ctx }: AgentHost, kind: Kind, configurations: Readonly<Record<string, unknown>>, load: () => number): { stop(): Promise<void>; now(): Promise<void> } {
  const startedAt = runtime.clock.now().toISOString()
  const reports = rpcClient(runtime.bus, runtime, agentReports).everyone()
  let stopped = false
  const send = (stopping: boolean) => reports.report(ctx, { kind, host: runtime.host, startedAt, configurations, load: load(), stopping })
  const again = () => {
    timer = runtime.clock.after(config.report_interval * 1000, () => {
      if (stopped) return
      void send(false).catch((error: unknown) => runtime.log.warn({ err: error, kind, host: runtime.host }, `an agent could not report; it will report again in ${config.report_interval} seconds`))
      again()
    })
  }
  let timer: { cancel(): void } = { cancel() {} }
  again()
  return {
    now: () => send(false),
    async stop() {
      stopped = true
      timer.cancel()
      // Nobody is left to try again: without the good-bye the others wait until the reports stay away.
      await send(true).catch((error: unknown) => runtime.log.warn({ err: error, kind, host: runtime.host }, `an agent could not say that it leaves; it counts as alive for ${config.agent_down_time} seconds more`))
    },
  }
}

/** Do `work` until it succeeds, or the agent stops: a server that is not there yet is waited for. */
export async function untilDone(host: AgentHost, what: string, stop: AbortSignal, work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; !stop.aborted; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (stop.aborted) return
      const level = error instanceof AppError && error.status === 503 ? 'debug' : 'warn'
      host.runtime.log[level]({ err: error, attempt }, `${what} failed; it will be tried again`)
      await host.runtime.clock.sleep(Math.min(30_000, 100 * 2 ** Math.min(attempt, 9)), stop).catch(() => undefined)
    }
  }
}

/** How many things of a kind a host brings up side by side when it starts. */
const sideBySide = 4

/** `work` for each item, some at a time. */
export async function forEach<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items].reverse()
  const takeFrom = async (): Promise<void> => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await work(item)
  }
  await Promise.all(Array.from({ length: sideBySide }, takeFrom))
}

/**
 * Many may ask for the same thing to be brought up to date; it is done once for all that asked before it began, and once
 * more for those that came later.
 */
export function coalesced(work: (id: string, ctx: RequestContext) => Promise<void>): (id: string, ctx: RequestContext) => Promise<void> {
  const running = new Map<string, Promise<void>>()
  const waiting = new Map<string, Promise<void>>()
  const begin = (id: string, ctx: RequestContext): Promise<void> => {
    const run = work(id, ctx).finally(() => running.delete(id))
    running.set(id, run)
    return run
  }
  return (id, ctx) => {
    const busy = running.get(id)
    if (!busy) return begin(id, ctx)
    let next = waiting.get(id)
    if (!next) {
      next = busy.catch(() => undefined).then(() => {
        waiting.delete(id)
        return begin(id, ctx)
      })
      waiting.set(id, next)
    }
    return next
  }
}

/**
 * The same for single items of a thing: what is named while the thing is worked on is gathered and done in one go after it,
 * so the last look at each item is later than the last word about it.
 */
export function gathered(work: (id: string, items: readonly string[], ctx: RequestContext) => Promise<void>): (id: string, items: readonly string[], ctx: RequestContext) => Promise<void> {
  const waiting = new Map<string, Set<string>>()
  const run = coalesced(async (id, ctx) => {
    const items = [...(waiting.get(id) ?? [])]
    waiting.delete(id)
    if (items.length > 0) await work(id, items, ctx)
  })
  return (id, items, ctx) => {
    const set = waiting.get(id) ?? new Set()
    for (const item of items) set.add(item)
    waiting.set(id, set)
    return run(id, ctx)
  }
}
