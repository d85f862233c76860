// A guest that stopped, paused or started by itself: its server is shown as what it is. Operations under way know better.
import type { RequestContext } from '#core/context'
import { findInstance, type Instance, updateInstance } from '../../db/instances.ts'
import { power } from '../../model/server-states.ts'
import { type Nova, now } from '../nova.ts'

const vmStateFor: Readonly<Record<number, readonly [from: readonly string[], to: string]>> = {
  [power.shutdown]: [['active', 'paused'], 'stopped'],
  [power.crashed]: [['active', 'paused'], 'stopped'],
  [power.paused]: [['active'], 'paused'],
  [power.running]: [['stopped', 'paused'], 'active'],
}

/** How a server is shown whose guest has this power now. */
export function shownAs({ vm_state: vmState }: Pick<Instance, 'vm_state'>, powerState: number): Pick<Instance, 'vm_state' | 'power_state'> {
  const change = vmStateFor[powerState]
  return { power_state: powerState, vm_state: change?.[0].includes(vmState) ? change[1] : vmState }
}

/** The word may be old when it comes: the host is asked how it is now, and what changed the server meanwhile knows better. */
export async function powerChanged(nova: Nova, ctx: RequestContext, serverId: string, host: string): Promise<void> {
  const before = await findInstance(nova.cells.cell1.read, serverId)
  if (!before || before.host !== host || before.task_state !== null) return
  const { powerState } = await nova.compute.on(host).guestPower(ctx, { serverId })
  await nova.cells.cell1.transaction(async (tx) => {
    const instance = await findInstance(tx, serverId)
    if (!instance || instance.host !== host || instance.task_state !== null || instance.updated_at !== before.updated_at || instance.power_state === powerState) return
    const shown = shownAs(instance, powerState)
    await updateInstance(tx, serverId, { ...shown, updated_at: now(nova) })
    nova.runtime.log.info({ serverId, powerState, vmState: shown.vm_state }, 'a guest changed its power by itself')
  })
}
