// nova-conductor: works the operations off, and has the databases for those who have none.
import type { RpcServer } from '#core/rpc'
import type { Role } from '#core/service'
import { mark, traced } from '#core/trace'
import { conductorRpc } from '../contract/conductor-rpc.ts'
import { describeForHost } from '../domain/servers/describe-for-host.ts'
import { goneServers, heartbeat, listHosts, registerHost, serversOfHost } from '../domain/hosts.ts'
import { powerChanged } from '../domain/servers/power-changed.ts'
import { refreshPorts } from '../domain/servers/refresh-ports.ts'
import type { Nova } from '../domain/nova.ts'
import { beatAs } from './heartbeat.ts'

export function startConductor(nova: Nova): Role {
  const { runtime, operations } = nova
  const serving = runtime.bus.serve(conductorRpc, runtime.host, conductorServer(nova))
  const working = [operations.api.work(nova), operations.cell.work(nova)]
  wakers.set(nova, (cancelled) => {
    for (const worker of working) {
      worker.wake()
      for (const id of cancelled) worker.cancel(id)
    }
  })
  const beat = beatAs(runtime, nova.settings, 'nova-conductor', 'conductor')
  return {
    stop() {
      serving.close()
      beat.stop()
      for (const worker of working) worker.stop()
    },
  }
}

const wakers = new WeakMap<Nova, (cancelled: readonly string[]) => void>()

function conductorServer(nova: Nova): RpcServer<typeof conductorRpc> {
  const { trace, clock } = nova.runtime
  return {
    async operationsChanged(_ctx, { cancelled }) {
      wakers.get(nova)?.(cancelled)
    },
    async describeServer(ctx, { serverId }) {
      mark(trace, clock, ctx, 15)
      const server = await traced(trace, clock, ctx, 16, () => describeForHost(nova, serverId))
      mark(trace, clock, ctx, 17, 18)
      return server
    },
    registerHost: (ctx, host) => registerHost(nova, ctx, host),
    heartbeat: (ctx, service) => heartbeat(nova, ctx, service),
    serversOfHost: (_ctx, { host }) => serversOfHost(nova, host),
    goneServers: async (_ctx, { serverIds }) => ({ gone: await goneServers(nova, serverIds) }),
    powerChanged: (_ctx, { serverId, host, powerState }) => powerChanged(nova, serverId, host, powerState),
    refreshPorts: (ctx, { serverId }) => refreshPorts(nova, ctx, serverId),
    listHosts: () => listHosts(nova),
  }
}
