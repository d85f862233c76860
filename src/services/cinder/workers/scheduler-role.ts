// The scheduler role: hears what backends report, and answers where a volume may go.
import { ServiceUnavailable } from '#core/errors'
import { type Bus, rpcClient, type RpcServer } from '#core/rpc'
import { ownContext } from '#core/service'
import { rollCall, schedulerRpc, serviceEvents } from '#contract/cinder'
import { checkGrowth, livingPools, placeVolume, type Scheduler } from '../domain/scheduling/place-volume.ts'

export interface SchedulerRole extends Scheduler {
  readonly bus: Bus
  readonly host: string
}

export function startSchedulerRole(role: SchedulerRole): { stop(): void } {
  const events = rpcClient(role.bus, role, serviceEvents)
  const ctx = ownContext(role, 'cinder')
  const server: RpcServer<typeof schedulerRpc> = {
    placeVolume: (call, { volumeId }) => placeVolume(role, call, volumeId),
    async checkGrowth(_call, { volumeId, moreGiB }) {
      await checkGrowth(role, volumeId, moreGiB)
      return null
    },
    async listPools() {
      return livingPools(role).map(({ name, capabilities }) => ({ name, capabilities }))
    },
  }
  const report = (): void => {
    events.everyone().report(ctx, {
      binary: 'cinder-scheduler', host: role.host, zone: role.settings.storage_availability_zone, at: role.clock.now().toISOString(), pools: [],
    }).catch((error: unknown) => role.log.warn({ err: error }, 'the scheduler could not report'))
  }
  let stopped = false
  let timer: { cancel(): void }
  const again = (): void => {
    timer = role.clock.after(role.settings.report_interval * 1000, () => {
      report()
      if (!stopped) again()
    })
  }
  const served = [
    role.bus.serve(schedulerRpc, role.host, server),
    role.bus.serve(serviceEvents, role.host, { async report(_call, heard) { role.alive.hear(heard) } }),
    role.bus.serve(rollCall, role.host, { async reportNow() { report() } }),
  ]
  report()
  again()
  void rpcClient(role.bus, role, rollCall).everyone().reportNow(ctx, {}).catch((error: unknown) => role.log.warn({ err: error }, 'no roll-call'))
  return {
    stop() {
      stopped = true
      timer.cancel()
      for (const each of served) each.close()
      role.stopping.abort(new ServiceUnavailable('The scheduler stops.', { topic: schedulerRpc.topic }))
    },
  }
}
