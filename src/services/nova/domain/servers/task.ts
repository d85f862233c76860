// Beginning something with a server in its cell: the state allows it, the action is noted, and the operation written, all
// in one transaction; of two that try at once, one wins.
import type { RequestContext } from '#core/context'
import { afterCommit } from '#core/db'
import type { Definition, OperationFault, OperationRun } from '#core/operations'
import { noteEvent, startAction } from '../../db/actions.ts'
import { beginTask, findInstance, insertFault, type Instance, updateInstance } from '../../db/instances.ts'
import { openOperationsOf } from '../../db/operations.ts'
import { InstanceInvalidState, invalidState, notFound } from '../../model/errors.ts'
import { type Nova, now, ring } from '../nova.ts'
import { refuseLocked, serverFor } from './access.ts'
import { toFailedEvent, toFault } from './faults.ts'
import type { Located } from './locate.ts'

export type CellTx = Parameters<Parameters<Nova['cells']['cell1']['transaction']>[0]>[0]

export interface TaskRun {
  readonly serverId: string
}

export interface Task<I extends TaskRun> {
  /** As upstream names the action to clients: `start`, and in refusals: `os-start`. */
  readonly action: string
  readonly refusal: string
  readonly rule: string
  /** Vm states in which it may begin. */
  readonly from: readonly string[]
  /** The task state while it lasts; absent for what leaves it alone. */
  readonly taskState?: string
  readonly definition: Definition<Nova, I>
  readonly input: I
  /** More that must hold or change in the same transaction. */
  also?(tx: CellTx, instance: Instance): Promise<void>
  /** Task states of others of its kind that it overtakes: those are called off. */
  readonly overtakes?: readonly string[]
}

/** @returns the operation's id. @throws InstanceNotFound, InstanceIsLocked, InstanceInvalidState */
export async function beginServerTask<I extends TaskRun>(nova: Nova, ctx: RequestContext, task: Task<I>): Promise<string> {
  const { serverId } = task.input
  const located = await serverFor(nova, ctx, serverId, task.rule)
  refuseLocked(nova, ctx, located)
  if (located.cell !== 'cell1') throw refusalFor(task, located)
  const { traceId: _none, ...own } = ctx
  const begun = await nova.cells.cell1.transaction(async (tx) => {
    const at = now(nova)
    const won = await beginTask(tx, serverId, task.taskState ?? null, task.from, at, task.overtakes)
    const instance = await findInstance(tx, serverId)
    if (!instance) throw notFound(serverId)
    if (!won || instance.host === null) throw refusalFor(task, { rows: { instance } })
    await startAction(tx, { serverId, action: task.action, requestId: ctx.requestId, userId: ctx.identity.userId, projectId: ctx.identity.projectId ?? instance.project_id }, at)
    await task.also?.(tx, instance)
    const cancelled = task.overtakes ? await nova.operations.cell.cancel(tx, serverId, { kind: task.definition.kind }) : []
    const id = await nova.operations.cell.begin(tx, own, task.definition, { resourceId: serverId, input: task.input, projectId: instance.project_id })
    return { id, cancelled }
  })
  await ring(nova, ctx, 'cell', begun.cancelled)
  return begun.id
}

function refusalFor(task: Pick<Task<TaskRun>, 'refusal' | 'from'>, { rows: { instance } }: { rows: Pick<Located['rows'], 'instance'> }): Error {
  if (!task.from.includes(instance.vm_state)) return invalidState(task.refusal, instance.uuid, 'vm_state', instance.vm_state)
  // It was never launched: upstream has no state to name here.
  if (instance.task_state === null) return new InstanceInvalidState(`Instance ${instance.uuid} is in an invalid state for '${task.refusal}'`)
  return invalidState(task.refusal, instance.uuid, 'task_state', instance.task_state)
}

/** The host needs its record of the operation no more. One that does not listen finds that out at its next start. */
function tellEnded(tx: CellTx, nova: Nova, run: OperationRun, host: string | null): void {
  if (host !== null) afterCommit(tx, () => void nova.compute.on(host).operationEnded(run.ctx, { operationId: run.id }).catch(() => undefined))
}

/** Whoever deletes the server, or overtook this task when that was too late to be called off, has put its own task state there. */
async function isOvertaken(tx: CellTx, run: OperationRun<TaskRun>, instance: Instance): Promise<boolean> {
  if (instance.task_state === 'deleting') return true
  // One that was called off itself leaves the task state to who did that.
  return (await openOperationsOf(tx, instance.uuid)).some(({ id, kind, cancel_requested: calledOff }) => kind === run.kind && id !== run.id && calledOff === 0)
}

/** In the last transaction of a task: the server rests in its new state, and the action is finished. */
export async function endTask(tx: CellTx, nova: Nova, run: OperationRun<TaskRun>, event: string, set: Partial<Omit<Instance, 'id'>>): Promise<void> {
  const { serverId } = run.input
  const at = now(nova)
  const instance = await findInstance(tx, serverId)
  if (!instance) return
  tellEnded(tx, nova, run, instance.host)
  const { task_state: taskState, ...rest } = set
  const rests = taskState !== undefined && !(await isOvertaken(tx, run, instance))
  await updateInstance(tx, serverId, { ...rest, ...(rests && { task_state: taskState }), updated_at: at })
  await noteEvent(tx, serverId, run.ctx.requestId, { event, host: instance.host, result: 'Success' }, at, true)
}

/** In the transaction that ends a failed task: the server rests again, in ERROR where it cannot be trusted any more. */
export async function failTask(tx: CellTx, nova: Nova, run: OperationRun<TaskRun>, event: string, fault: OperationFault, set: Partial<Omit<Instance, 'id'>>): Promise<void> {
  const { serverId } = run.input
  const at = now(nova)
  const instance = await findInstance(tx, serverId)
  if (!instance) return
  tellEnded(tx, nova, run, instance.host)
  const { task_state: taskState, ...rest } = set
  const rests = taskState !== undefined && !fault.cancelled && !(await isOvertaken(tx, run, instance))
  await updateInstance(tx, serverId, { ...(fault.cancelled ? {} : rest), ...(rests && { task_state: taskState }), updated_at: at })
  const work = run.kind.replace('server.', '').replaceAll('-', ' ')
  if (!fault.cancelled) await insertFault(tx, toFault(serverId, work, fault, instance.host, at))
  await noteEvent(tx, serverId, run.ctx.requestId, { event, host: instance.host, ...toFailedEvent(work, fault) }, at, true)
}
