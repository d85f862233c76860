// Somebody else says that he turned a server's power on or off. Only a hypervisor whose machines others may turn on takes
// that as it is (ironic's); from all others it is noted as refused, and the server stays what it is.
import type { RequestContext } from '#core/context'
import { noteEvent, startAction } from '../../db/actions.ts'
import { findInstance, insertFault } from '../../db/instances.ts'
import { power } from '../../model/server-states.ts'
import { type Nova, now } from '../nova.ts'

interface Report {
  readonly action: 'start' | 'stop'
  /** In other states the report is no news (nova/compute/manager.py, _is_state_valid_for_power_update_event). */
  readonly from: { readonly vmState: string; readonly powerState: number }
}

const reports: Readonly<Record<string, Report>> = {
  POWER_ON: { action: 'start', from: { vmState: 'stopped', powerState: power.shutdown } },
  POWER_OFF: { action: 'stop', from: { vmState: 'active', powerState: power.running } },
}

const refusal = "This server's hypervisor turns its power on and off itself; it does not take it from elsewhere."

export async function powerReported(nova: Nova, ctx: RequestContext, serverId: string, tag: string): Promise<void> {
  const report = reports[tag]
  if (!report) return ctx.log.warn({ serverId, tag: tag.slice(0, 40) }, 'a power state was reported that is none')
  const at = now(nova)
  await nova.cells.cell1.transaction(async (tx) => {
    const instance = await findInstance(tx, serverId)
    if (!instance) return
    await startAction(tx, { serverId, action: report.action, requestId: ctx.requestId, userId: ctx.identity.userId, projectId: ctx.identity.projectId ?? instance.project_id }, at)
    const news = instance.task_state === null && instance.vm_state === report.from.vmState && instance.power_state === report.from.powerState
    const note = { event: 'compute_power_update', host: instance.host }
    if (!news) return noteEvent(tx, serverId, ctx.requestId, { ...note, result: 'Success' }, at, true)
    await insertFault(tx, { instance_uuid: serverId, code: 500, message: refusal, details: null, host: instance.host, created_at: at })
    await noteEvent(tx, serverId, ctx.requestId, { ...note, result: 'Error', message: refusal, details: refusal }, at, true)
  })
}
