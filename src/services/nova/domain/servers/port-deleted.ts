// A port of a server was deleted behind nova's back, or taken from it: the server, and its guest, are without it from then on.
import type { RequestContext } from '#core/context'
import { AppError } from '#core/errors'
import { defineOperation, type OperationRun, pivot, step } from '#core/operations'
import { Type, Uuid } from '#core/spec'
import { findInstance } from '../../db/instances.ts'
import { openOperationsOf } from '../../db/operations.ts'
import { portsOf, replacePorts } from '../../db/ports.ts'
import { portsOfServer } from '../../neighbours/network.ts'
import { onHost } from '../host-commands.ts'
import { type Nova, now, ring } from '../nova.ts'
import { afterEarlierWork } from './interface-turns.ts'
import { endTask, type TaskRun } from './task.ts'

interface LoseRun extends TaskRun {
  readonly portId: string
}

/** As often as this a guest is asked to let go of it. One that does not loses it when it is started the next time. */
const triesToUnplug = 8

/** @returns whether the server keeps it */
async function unplug(nova: Nova, run: OperationRun<LoseRun>): Promise<{ keeps: boolean }> {
  const { serverId, portId } = run.input
  const { read } = nova.cells.cell1
  const instance = await findInstance(read, serverId)
  if (!instance || instance.task_state === 'deleting') return { keeps: false }
  if (!(await portsOf(read, serverId)).some((port) => port.portId === portId)) return { keeps: false }
  // It may have been taken from it and given back.
  if (await hasInNeutron(nova, run.ctx, serverId, portId)) return { keeps: true }
  if (instance.host === null) return { keeps: false }
  try {
    await onHost(nova, run, instance.host, (compute, ctx, command) => compute.detachInterface(ctx, { ...command, portId }))
  } catch (error) {
    // A host that is down is waited for: its guest may be running.
    const silent = error instanceof AppError && error.details['silent'] === true
    if (silent || run.attempt < triesToUnplug) throw error
    run.log.warn({ err: error, serverId, portId }, 'a guest keeps an interface whose port was deleted, until it is started anew')
  }
  return { keeps: false }
}

export async function hasInNeutron(nova: Nova, ctx: RequestContext, serverId: string, portId: string): Promise<boolean> {
  return (await portsOfServer(nova.runtime, ctx, serverId)).some(({ id }) => id === portId)
}

/** It only goes forward: whatever calls off other work with the server, its port is gone. With the server's deletion it has nothing more to do. */
export const loseInterfaceOperation = defineOperation<Nova, LoseRun>('server.lose-interface', {
  input: Type.Object({ serverId: Uuid, portId: Type.String() }), deadlineSeconds: 86_400, onCrash: 'resume',
  steps: [
    pivot('wait-for-others', { run: afterEarlierWork }),
    step('unplug', { run: unplug }),
    step('publish', {
      async commit(tx, nova, run) {
        const { serverId, portId } = run.input
        const keeps = run.result<{ keeps: boolean }>('unplug')?.keeps === true
        if (!keeps) await replacePorts(tx, serverId, (await portsOf(tx, serverId)).filter((port) => port.portId !== portId), now(nova))
        await endTask(tx, nova, run, 'compute_detach_interface', {})
      },
    }),
  ],
})

/** The ports of a server that are gone and that its guest is not to have any more. */
export async function portsBeingLost(db: Parameters<typeof openOperationsOf>[0], serverId: string): Promise<ReadonlySet<string>> {
  const open = await openOperationsOf(db, serverId)
  return new Set(open.filter(({ kind }) => kind === loseInterfaceOperation.kind).map(({ input }) => (JSON.parse(input) as LoseRun).portId))
}

/**
 * As upstream, whatever state the server is in (nova/compute/manager.py, _process_instance_vif_deleted_event): while it is
 * built the port may be on its way to it without being among its interfaces yet. One that neutron says it has stays: such a word comes late.
 */
export async function portDeleted(nova: Nova, ctx: RequestContext, { serverId, host, portId }: LoseRun & { readonly host: string | null }): Promise<void> {
  if (await hasInNeutron(nova, ctx, serverId, portId)) return
  const { traceId: _none, ...own } = ctx
  const begun = await nova.cells.cell1.transaction(async (tx) => {
    const instance = await findInstance(tx, serverId)
    if (!instance || instance.task_state === 'deleting') return false
    const known = (await portsOf(tx, serverId)).some((port) => port.portId === portId)
    if (!known && instance.vm_state !== 'building') return false
    if ((await portsBeingLost(tx, serverId)).has(portId)) return false
    await nova.operations.cell.begin(tx, own, loseInterfaceOperation, { resourceId: serverId, input: { serverId, portId }, projectId: instance.project_id })
    return true
  })
  if (!begun) return
  await ring(nova, ctx, 'cell')
  // So that it is not waited for. A host that does not listen asks neutron.
  if (host !== null) await nova.compute.on(host).externalEvent(ctx, { serverId, name: 'network-vif-deleted', status: 'completed', tag: portId }).catch(() => undefined)
}
