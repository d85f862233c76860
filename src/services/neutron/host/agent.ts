// What all agents of a host share: their reports, the server they ask, and the one engine of the host.
import type { CallContext, RequestContext } from '#core/context'
import { AppError, ServiceUnavailable } from '#core/errors'
import { type RpcClient, rpcClient, type RpcServer } from '#core/rpc'
import type { RpcInterface } from '#core/spec'
import { ownContext, type Runtime } from '#core/service'
import { neutronOptions, type NeutronConfig, readConfig } from '../config.ts'
import { agentReports, pluginRpc } from '../contract/agent-rpc.ts'
import { type HeldDriver, loadNetworkDriver, type NetworkDriver, type NetworkSpec, Superseded } from '../drivers/index.ts'

export type Kind = 'l2' | 'dhcp' | 'l3' | 'metadata'

export interface AgentHost {
  readonly runtime: Runtime
  readonly config: NeutronConfig
  /** Of this agent, until another one of its kind begins on this host. */
  readonly driver: HeldDriver
  readonly server: RpcClient<typeof pluginRpc>
  /** When an agent of this host, in this process, has first made the host as it should be. */
  readonly settled: Map<Kind, Promise<void>>
  /** For what no request began. */
  readonly ctx: RequestContext
  /** What a driver call carries on behalf of a message. */
  call(ctx: RequestContext): CallContext
  /** Aborted once another agent of this kind has taken over this host: this one was only held up, and has no say any more. */
  readonly retired: AbortSignal
  retire(): void
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
      before: (method) => stage.before(`network ${method}`), again: (method) => stage.again(`network ${method}`), after: (method) => stage.after(`network ${method}`),
    })
  }
  if (runtime.driver === 'fake' || !privileged || !machine) return loadNetworkDriver('fake', {})
  return loadNetworkDriver('linuxbridge', {
    privileged, clock: runtime.clock, prefix: machine.prefix, dataDirectory: `${runtime.dataDirectory}/neutron`, qemuUid: machine.qemuUid, linkAddresses: machine.link,
  })
}

export async function agentHost(runtime: Runtime, kind: Kind): Promise<AgentHost> {
  const config = readConfig(runtime.config(neutronOptions))
  const { engine, settled } = sharedByAgents(runtime)
  const end = new AbortController()
  return {
    retired: end.signal,
    retire() {
      if (!end.signal.aborted) runtime.log.warn({ kind, host: runtime.host }, 'another agent of this kind has taken over this host; this one, which was held up, ends')
      end.abort()
    },
    runtime, config, driver: await (await engine).hold(kind), settled, server: rpcClient(runtime.bus, runtime, pluginRpc), ctx: ownContext(runtime, 'neutron-agent'),
    call: (ctx) => ({ signal: ctx.signal, epoch: 0, log: ctx.log }),
  }
}

/** The engine of a host, for tests that look at what was asked of it. */
export async function engineForTests(runtime: Pick<Runtime, 'bus' | 'host'>): Promise<NetworkDriver | undefined> {
  return hosts.get(runtime.bus)?.get(runtime.host)?.engine
}

/** Answer messages until another agent of the kind has taken over: what this one remembers is worth nothing then. */
export function serveAgent<I extends RpcInterface>(host: AgentHost, spec: I, server: RpcServer<I>): { close(): void } {
  const guarded = Object.fromEntries(Object.entries(server).map(([name, run]) => [name, async (ctx: RequestContext, args: never) => {
    try {
      await host.driver.confirm()
      return await (run as RpcServer<I>[keyof I['methods']])(ctx, args)
    } catch (error) {
      if (!(error instanceof Superseded)) throw error
      host.retire()
      throw new ServiceUnavailable('Another agent has taken over this host.', {}, error)
    }
  }])) as unknown as RpcServer<I>
  const { close } = host.runtime.bus.serve(spec, host.runtime.host, guarded)
  host.retired.addEventListener('abort', close, { once: true })
  return {
    close() {
      host.retired.removeEventListener('abort', close)
      if (!host.retired.aborted) close()
    },
  }
}

/** Report at once and then again and again; the last report says good-bye. */
export function reporting(agent: AgentHost, kind: Kind, configurations: Readonly<Record<string, unknown>>, load: () => number): { stop(): Promise<void>; now(): Promise<void> } {
  const { runtime, config, ctx } = agent
  const startedAt = runtime.clock.now().toISOString()
  const reports = rpcClient(runtime.bus, runtime, agentReports).everyone()
  let stopped = false
  const send = async (stopping: boolean): Promise<void> => {
    if (!(await isCurrent(agent))) return
    await reports.report(ctx, { kind, host: runtime.host, startedAt, configurations, load: load(), stopping })
  }
  const again = () => {
    timer = runtime.clock.after(config.report_interval * 1000, () => {
      if (stopped || agent.retired.aborted) return
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

/** Whether nobody has taken over. */
async function isCurrent(agent: AgentHost): Promise<boolean> {
  await agent.driver.confirm().catch((error: unknown) => {
    if (!(error instanceof Superseded)) throw error
    agent.retire()
  })
  return !agent.retired.aborted
}

/** Do `work` until it succeeds, or the agent stops: a server that is not there yet is waited for. */
export async function untilDone(host: AgentHost, what: string, stop: AbortSignal, work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; !stop.aborted && !host.retired.aborted; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (error instanceof Superseded) host.retire()
      if (stop.aborted || host.retired.aborted) return
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

/** What could not be made at a comparison is tried again this much later. */
export const compareAgainSeconds = 20

/**
 * Bring up to date, one by one, whatever should be on this host or is there. What fails does not hold up the rest; it is
 * tried again. @returns begins such a comparison
 */
export function compareEach(host: AgentHost, what: string, stop: AbortSignal, list: () => Promise<readonly string[]>, sync: (id: string) => Promise<void>): () => Promise<void> {
  const { clock, log } = host.runtime
  let again: { cancel(): void } = { cancel() {} }
  stop.addEventListener('abort', () => again.cancel(), { once: true })
  const compare = (): Promise<void> => {
    again.cancel()
    return untilDone(host, what, stop, async () => {
      let failed = 0
      await forEach([...new Set(await list())], async (id) => {
        await sync(id).catch((error: unknown) => {
          if (error instanceof Superseded) throw error
          failed++
          log.warn({ err: error, id }, `${what}: one failed; it will be tried again`)
        })
      })
      if (failed > 0 && !stop.aborted) again = clock.after(compareAgainSeconds * 1000, () => void compare())
    })
  }
  return compare
}

/** Networks that were made as they were known: what changed of them meanwhile, or that they are gone, was said to the L2 agent before. */
export async function followNetworks({ server, driver, call, runtime }: AgentHost, ctx: RequestContext, made: readonly NetworkSpec[]): Promise<void> {
  for (const spec of made) {
    for (let there = JSON.stringify(spec); ;) {
      const { network } = await server.any().networkSpec(ctx, { networkId: spec.id, host: runtime.host })
      if (!network) await driver.removeNetwork(call(ctx), spec.id)
      if (!network || JSON.stringify(network) === there) break
      await driver.ensureNetwork(call(ctx), network as unknown as NetworkSpec)
      there = JSON.stringify(network)
    }
  }
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
