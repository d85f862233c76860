// Start, stop and reboot: one command to the host, then the server rests in its new state.
import type { RequestContext } from '#core/context'
import { assertHeld, defineOperation, type OperationRun, pivot, step } from '#core/operations'
import { Type, Uuid } from '#core/spec'
import { findInstance, updateInstance } from '../../db/instances.ts'
import { notFound } from '../../model/errors.ts'
import { power } from '../../model/server-states.ts'
import { onHost, onHostIfUp } from '../host-commands.ts'
import { type Nova, now } from '../nova.ts'
import { shownAs } from './power-changed.ts'
import { beginServerTask, endTask, failTask, type TaskRun } from './task.ts'

const Input = Type.Object({ serverId: Uuid })

/** It failed, and yet the guest may have done it: the host that did not say so, or was interrupted, is asked what is true. */
async function settlePower(nova: Nova, run: OperationRun<TaskRun>): Promise<void> {
  const { serverId } = run.input
  const before = await findInstance(nova.cells.cell1.read, serverId)
  if (!before || before.host === null || before.task_state === 'deleting') return
  await onHostIfUp(nova, run, before.host, async (compute, ctx, command) => {
    const { powerState } = (await compute.learnPower(ctx, command)) as { powerState: number }
    await nova.cells.cell1.transaction(async (tx) => {
      await assertHeld(tx, run)
      const instance = await findInstance(tx, serverId)
      if (instance) await updateInstance(tx, serverId, { ...shownAs(instance, powerState), updated_at: now(nova) })
    })
  })
}

/** @throws InstanceNotFound when it was deleted meanwhile */
export async function hostOf(nova: Nova, serverId: string): Promise<string> {
  const host = await hostIfAny(nova, serverId)
  if (host === undefined) throw notFound(serverId)
  return host
}

/** Nothing of a server that has no host, or is gone. */
export async function hostIfAny(nova: Nova, serverId: string): Promise<string | undefined> {
  return (await findInstance(nova.cells.cell1.read, serverId))?.host ?? undefined
}

export const startOperation = defineOperation<Nova, TaskRun>('server.start', {
  input: Input, deadlineSeconds: 600, onCrash: 'resume',
  steps: [
    step('power-on', { run: async (nova, run) => onHost(nova, run, await hostOf(nova, run.resourceId), (compute, ctx, command) => compute.powerOn(ctx, command)), undo: settlePower }),
    pivot('publish', { commit: (tx, nova, run) => endTask(tx, nova, run, 'compute_start_instance', { vm_state: 'active', power_state: power.running, task_state: null }) }),
  ],
  failed: (tx, nova, run, fault) => failTask(tx, nova, run, 'compute_start_instance', fault, { task_state: null }),
})

export const stopOperation = defineOperation<Nova, TaskRun>('server.stop', {
  input: Input, deadlineSeconds: 900, onCrash: 'resume',
  steps: [
    step('power-off', {
      run: async (nova, run) => onHost(nova, run, await hostOf(nova, run.resourceId), (compute, ctx, command) => compute.powerOff(ctx, { ...command, timeoutSeconds: nova.settings.shutdown_timeout })),
      undo: settlePower,
    }),
    pivot('publish', { commit: (tx, nova, run) => endTask(tx, nova, run, 'compute_stop_instance', { vm_state: 'stopped', power_state: power.shutdown, task_state: null }) }),
  ],
  failed: (tx, nova, run, fault) => failTask(tx, nova, run, 'compute_stop_instance', fault, { task_state: null }),
})

interface RebootRun extends TaskRun {
  readonly kind: 'soft' | 'hard'
}

/** What is under way goes first; a reboot that this one overtook was called off, and ends too. */
async function afterOthers(nova: Nova, run: OperationRun<RebootRun>): Promise<void> {
  await run.aside(nova.operations.cell.settled(run.resourceId, { except: run.id, signal: run.signal }))
}

export const rebootOperation = defineOperation<Nova, RebootRun>('server.reboot', {
  input: Type.Object({ serverId: Uuid, kind: Type.Union([Type.Literal('soft'), Type.Literal('hard')]) }), deadlineSeconds: 900, onCrash: 'resume',
  steps: [
    step('wait-for-others', { run: async (nova, run) => (run.input.kind === 'hard' ? afterOthers(nova, run) : undefined) }),
    step('reboot', {
      run: async (nova, run) => onHost(nova, run, await hostOf(nova, run.resourceId),
        (compute, ctx, command) => compute.reboot(ctx, { ...command, kind: run.input.kind, timeoutSeconds: nova.settings.shutdown_timeout })),
      undo: (nova, run) => settlePower(nova, run),
    }),
    pivot('publish', { commit: (tx, nova, run) => endTask(tx, nova, run, 'compute_reboot_instance', { vm_state: 'active', power_state: power.running, task_state: null }) }),
  ],
  failed: (tx, nova, run, fault) =>
    failTask(tx, nova, run, 'compute_reboot_instance', fault, { task_state: null, ...(run.input.kind === 'hard' && { vm_state: 'error' }) }),
})

export async function startServer(nova: Nova, ctx: RequestContext, serverId: string): Promise<void> {
  await beginServerTask(nova, ctx, {
    action: 'start', refusal: 'start', rule: 'os_compute_api:servers:start', from: ['stopped'], taskState: 'powering-on', definition: startOperation, input: { serverId },
  })
}

export async function stopServer(nova: Nova, ctx: RequestContext, serverId: string): Promise<void> {
  await beginServerTask(nova, ctx, {
    action: 'stop', refusal: 'stop', rule: 'os_compute_api:servers:stop', from: ['active', 'error'], taskState: 'powering-off', definition: stopOperation, input: { serverId },
  })
}

/** A hard reboot may overtake another one that takes its time (nova/compute/task_states.py, ALLOW_REBOOT). */
export async function rebootServer(nova: Nova, ctx: RequestContext, serverId: string, kind: 'soft' | 'hard'): Promise<void> {
  const hard = kind === 'hard'
  await beginServerTask(nova, ctx, {
    action: 'reboot', refusal: 'reboot', rule: 'os_compute_api:servers:reboot', from: hard ? ['active', 'stopped', 'paused', 'suspended', 'error'] : ['active'],
    taskState: hard ? 'rebooting_hard' : 'rebooting', definition: rebootOperation, input: { serverId, kind }, ...(hard && { overtakes: ['rebooting', 'rebooting_hard'] }),
  })
}
