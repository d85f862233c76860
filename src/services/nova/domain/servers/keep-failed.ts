// What is left of a build that failed: the server stays with its owner in ERROR and says why, in cell0 when it never had
// a host. What was called off is left to the deletion that called it off, but for the word that it was.
import { fence, type OperationRun } from '#core/operations'
import { noteEvent, startAction } from '../../db/actions.ts'
import { forgetVolumes } from '../../db/block-devices.ts'
import { findPlan } from '../../db/build-requests.ts'
import { findInstance, insertFault, insertPlanned, updateInstance } from '../../db/instances.ts'
import { type Nova, now } from '../nova.ts'
import { begunAt } from './begun-at.ts'
import { leavePlan, writeInCell } from './cell-writes.ts'
import { toFailedEvent, toFault } from './faults.ts'

export async function keepFailed(nova: Nova, run: OperationRun<{ readonly serverId: string }>): Promise<void> {
  const { fault, ctx } = run
  const { serverId } = run.input
  if (ctx.traceId !== undefined) nova.runtime.trace.end(ctx.traceId, fault?.cancelled ? 'DELETED' : 'ERROR')
  if (!fault) return
  const part = fault.step === 'schedule' ? 'schedule' : 'claim'
  const event = {
    event: part === 'schedule' ? 'conductor_schedule_instance' : 'compute__do_build_and_run_instance', host: null, ...(await begunAt(nova, run, part)), ...toFailedEvent('build', fault),
  }
  if (fault.cancelled) return writeInCell(nova, run, (tx) => noteEvent(tx, serverId, ctx.requestId, event, now(nova), true))
  const plan = await findPlan(nova.api.read, serverId)
  const cell = (await findInstance(nova.cells.cell1.read, serverId)) ? 'cell1' : 'cell0'
  const at = now(nova)
  const failed = { vm_state: 'error', task_state: null, host: null, node: null, updated_at: at }
  let entered = false
  await nova.cells[cell].transaction(async (tx) => {
    if (cell === 'cell1') await fence(tx, run, nova.runtime)
    // It has no volumes: they are free for other servers, and may be why it failed.
    const blockDevices = plan?.blockDevices.filter(({ destination_type: destination }) => destination !== 'volume') ?? []
    entered = plan !== undefined && (await insertPlanned(tx, { ...plan, blockDevices, instance: { ...plan.instance, ...failed } }))
    if (entered && plan) {
      await startAction(tx, { serverId, action: 'create', requestId: ctx.requestId, userId: plan.instance.user_id, projectId: plan.instance.project_id }, plan.instance.created_at)
    } else {
      const known = await findInstance(tx, serverId)
      // Done before: it has left its host. What state it is in an admin may have said meanwhile.
      if (!known || known.host === null) return
      await updateInstance(tx, serverId, known.task_state === 'deleting' ? { ...failed, task_state: 'deleting' } : failed)
    }
    await forgetVolumes(tx, serverId)
    await insertFault(tx, toFault(serverId, 'build', fault, null, at))
    await noteEvent(tx, serverId, ctx.requestId, event, at, true)
  })
  await leavePlan(nova, run, cell, entered ? plan : undefined)
}
