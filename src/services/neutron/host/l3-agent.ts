// The L3 agent of a host: the routers that it carries, each always the whole of what it should be.
import type { RequestContext } from '#core/context'
import type { Role, Runtime } from '#core/service'
import { l3AgentRpc } from '../contract/agent-rpc.ts'
import type { NetworkSpec, RouterSpec } from '../drivers/index.ts'
import { agentHost, coalesced, compareEach, followNetworks, reporting, serveAgent } from './agent.ts'

interface Answer {
  readonly networks?: readonly NetworkSpec[]
  readonly router?: RouterSpec
}

export async function startL3Agent(runtime: Runtime): Promise<Role> {
  const host = await agentHost(runtime, 'l3')
  const { driver, server, ctx: own, call } = host
  const carried = new Set<string>()
  const stop = new AbortController()

  const sync = coalesced(async (routerId: string, ctx: RequestContext) => {
    const answer = (await server.any().routerSpec(ctx, { routerId, host: runtime.host })) as Answer
    if (!answer.router) {
      await driver.removeRouter(call(ctx), routerId)
      carried.delete(routerId)
      return
    }
    for (const network of answer.networks ?? []) await driver.ensureNetwork(call(ctx), network)
    await driver.ensureRouter(call(ctx), answer.router)
    carried.add(routerId)
    await followNetworks(host, ctx, answer.networks ?? [])
    // Said by whoever did it: after a restart nobody else knows that it is done.
    await server.any().routerIsUp(ctx, { routerId, host: runtime.host })
  })

  /** What was made before goes first, also the ends of its devices in the fabric. */
  async function rebuild(ctx: RequestContext, routerId: string): Promise<void> {
    const { router } = (await server.any().routerSpec(ctx, { routerId, host: runtime.host })) as Answer
    await driver.removeRouter(call(ctx), routerId)
    for (const { portId } of [...(router?.interfaces ?? []), ...(router?.gateway ? [router.gateway] : [])]) await driver.unplugPort(call(ctx), portId)
    await sync(routerId, ctx)
  }

  const listening = serveAgent(host, l3AgentRpc, {
    async syncRouter(ctx, { routerId }) {
      await ready
      await sync(routerId, ctx)
      return {}
    },
    async rebuildRouter(ctx, { routerId }) {
      await ready
      await rebuild(ctx, routerId)
      return {}
    },
    async resync() {
      await ready
      await compare()
      return {}
    },
  })
  /** All that should be carried here, and what is. */
  const compare = compareEach(host, 'comparing the routers of this host with those that it should carry', stop.signal, async () => {
    const { routerIds } = await server.any().routerState(own, { host: runtime.host })
    return [...routerIds, ...(await driver.served(call(own))).routers, ...carried]
  }, (routerId) => sync(routerId, own))
  const reports = reporting(host, 'l3', { agent_mode: 'legacy', handle_internal_only_routers: true }, () => carried.size)
  const ready = compare()
  host.settled.set('l3', ready)
  return {
    ready: ready.then(() => reports.now()),
    async stop() {
      stop.abort()
      await reports.stop()
      listening.close()
      await ready
    },
  }
}
