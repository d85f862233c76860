// nova-scheduler: answers where a server goes. It keeps a view of the hosts, renewed when it is told that they changed.
import type { RequestContext } from '#core/context'
import { rpcClient } from '#core/rpc'
import type { Role, Runtime } from '#core/service'
import { conductorRpc } from '../contract/conductor-rpc.ts'
import { schedulerRpc } from '../contract/scheduler-rpc.ts'
import type { NovaSettings } from '../config.ts'
import type { HostState } from '../domain/scheduling/hosts.ts'
import { selectDestination } from '../domain/scheduling/select.ts'
import { beatAs } from '../heartbeat.ts'

/** Whether a host lives changes with time alone, so the view does not get older than this. */
const viewKeptMs = 5000

export function startScheduler(runtime: Runtime, settings: NovaSettings): Role {
  const conductor = rpcClient(runtime.bus, runtime, conductorRpc)
  let view: { readonly hosts: Promise<readonly HostState[]>; readonly until: number } | undefined

  const hosts = (ctx: RequestContext) => {
    const now = runtime.clock.monotonic()
    if (!view || view.until < now) {
      const asked = conductor.any().listHosts(ctx, {}) as Promise<readonly HostState[]>
      const mine = (view = { hosts: asked, until: now + viewKeptMs })
      asked.catch(() => {
        if (view === mine) view = undefined
      })
    }
    return view.hosts
  }

  const serving = runtime.bus.serve(schedulerRpc, runtime.host, {
    async selectDestination(ctx, request) {
      const { considered, ...chosen } = await selectDestination({ runtime, settings, hosts }, ctx, request)
      return { ...chosen, considered: [...considered] }
    },
    async hostsChanged() {
      view = undefined
    },
  })
  const beat = beatAs(runtime, settings, 'nova-scheduler', 'scheduler')
  return {
    stop() {
      serving.close()
      beat.stop()
    },
  }
}
