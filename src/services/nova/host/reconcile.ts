// Compares what runs on this host with what should be there, at the start, and passes on what guests do by themselves.
import type { CallContext } from '#core/context'
import { ownContext } from '#core/service'
import type { GuestEvent } from '../drivers/index.ts'
import { power } from '../model/server-states.ts'
import type { ComputeHost } from './host.ts'
import { powerOf } from './power.ts'

/**
 * Power states are told where they differ; guests whose servers are gone, or were built elsewhere while this host was away, are
 * removed; records of operations that are over go. A server that is being worked on is left to its operation.
 */
export async function reconcile(host: ComputeHost): Promise<void> {
  const { runtime, driver, conductor, journal } = host
  const ctx = ownContext(runtime, 'nova-compute')
  const call: CallContext = { signal: ctx.signal, epoch: 0, log: runtime.log }
  const { operations: recorded, spawned } = journal
  const found = new Map((await driver.list(call)).map((guest) => [guest.serverId, guest]))
  const { servers, openOperations } = await conductor.any().serversOfHost(ctx, { host: runtime.host })
  for (const operationId of recorded) if (!openOperations.includes(operationId)) journal.forget(operationId)

  for (const { serverId, vmState, taskState, powerState } of servers) {
    if (taskState !== null || vmState === 'building' || vmState === 'error') continue
    const real = powerOf(found.get(serverId)?.powerState ?? 'absent')
    if (real !== powerState) await conductor.any().powerChanged(ctx, { serverId, host: runtime.host, powerState: real })
  }

  const expected = new Set(servers.map(({ serverId }) => serverId))
  const strangers = [...found.keys()].filter((serverId) => !expected.has(serverId))
  if (strangers.length === 0) return
  const { gone } = await conductor.any().goneServers(ctx, { serverIds: strangers })
  for (const serverId of strangers) {
    // A build that was to start it here went on elsewhere, or has failed.
    if (gone.includes(serverId) || spawned.has(serverId)) {
      runtime.log.warn({ serverId }, 'a guest was found whose server is gone, or was built elsewhere; it is removed')
      await driver.destroy(call, serverId)
    } else runtime.log.warn({ serverId }, 'a guest was found whose server is not on this host; it is left alone')
  }
}

const meant: Readonly<Record<GuestEvent['kind'], number | undefined>> = {
  stopped: power.shutdown, gone: power.shutdown, paused: power.paused, resumed: power.running, rebooted: undefined,
}

export function passOnEvents(host: ComputeHost): () => void {
  const { runtime, driver, conductor } = host
  const ctx = ownContext(runtime, 'nova-compute')
  return driver.watch((event) => {
    runtime.log.info({ serverId: event.serverId, event: event.kind }, 'a guest did something by itself')
    const powerState = meant[event.kind]
    if (powerState === undefined) return
    conductor.any().powerChanged(ctx, { serverId: event.serverId, host: runtime.host, powerState })
      .catch((error: unknown) => runtime.log.warn({ err: error, serverId: event.serverId }, 'the conductor did not hear of a guest; the next start of this host tells it'))
  })
}
