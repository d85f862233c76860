// nova-conductor: works the operations off, and has the databases for those who have none.
import { Cancelled } from '#core/errors'
import type { Working } from '#core/operations'
import type { RpcServer } from '#core/rpc'
import type { Role } from '#core/service'
import { mark, traced } from '#core/trace'
import { conductorRpc } from '../contract/conductor-rpc.ts'
import { describeForHost } from '../domain/servers/describe-for-host.ts'
import { goneServers, heartbeat, listHosts, registerHost, serversOfHost } from '../domain/hosts.ts'
import { powerChanged } from '../domain/servers/power-changed.ts'
import { refreshPorts } from '../domain/servers/refresh-ports.ts'
import type { Nova } from '../domain/nova.ts'
import { beatAs } from '../heartbeat.ts'
import { keepPurging } from './purge.ts'

export function startConductor(nova: Nova): Role {
  const { runtime, operations } = nova
  const serving = runtime.bus.serve(conductorRpc, runtime.host, conductorServer(nova))
  const working = { api: operations.api.work(nova), cell: operations.cell.work(nova) }
  workers.set(nova, working)
  const beat = beatAs(runtime, nova.settings, 'nova-conductor', 'conductor')
  const purging = keepPurging(nova)
  return {
    stop() {
      serving.close()
      nova.stopping.abort(new Cancelled('This conductor stops.'))
      beat.stop()
      purging.stop()
      working.api.stop()
      working.cell.stop()
    },
  }
}

const workers = new WeakMap<Nova, Readonly<Record<'api' | 'cell', Working>>>()

function conductorServer(nova: Nova): RpcServer<typeof conductorRpc> {
  const { trace, clock } = nova.runtime
  return {
    async operationsChanged(_ctx, { database, cancelled }) {
      const worker = workers.get(nova)?.[database]
      worker?.wake()
      for (const id of cancelled) worker?.cancel(id)
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
    powerChanged: (ctx, { serverId, host }) => powerChanged(nova, ctx, serverId, host),
    refreshPorts: (ctx, { serverId }) => refreshPorts(nova, ctx, serverId),
    listHosts: () => listHosts(nova),
  }
}
