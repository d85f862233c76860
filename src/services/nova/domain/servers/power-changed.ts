// A guest that stopped, paused or started by itself: its server is shown as what it is. Operations under way know better.
import { findInstance, updateInstance } from '../../db/instances.ts'
import { power } from '../../model/server-states.ts'
import { type Nova, now } from '../nova.ts'

const vmStateFor: Readonly<Record<number, readonly [from: readonly string[], to: string]>> = {
  [power.shutdown]: [['active', 'paused'], 'stopped'],
  [power.crashed]: [['active', 'paused'], 'stopped'],
  [power.paused]: [['active'], 'paused'],
  [power.running]: [['stopped', 'paused'], 'active'],
}

export async function powerChanged(nova: Nova, serverId: string, host: string, powerState: number): Promise<void> {
  await nova.cells.cell1.transaction(async (tx) => {
    const instance = await findInstance(tx, serverId)
    if (!instance || instance.host !== host || instance.task_state !== null || instance.power_state === powerState) return
    const change = vmStateFor[powerState]
    const vmState = change?.[0].includes(instance.vm_state) ? change[1] : instance.vm_state
    await updateInstance(tx, serverId, { power_state: powerState, vm_state: vmState, updated_at: now(nova) })
    nova.runtime.log.info({ serverId, powerState, vmState }, 'a guest changed its power by itself')
  })
}
