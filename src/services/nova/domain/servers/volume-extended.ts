// A volume grew while a server has it: nova notes its size, and the host shows it to the guest.
import type { RequestContext } from '#core/context'
import { NotFound } from '#core/errors'
import { defineOperation, pivot, step } from '#core/operations'
import { Type, Uuid } from '#core/spec'
import { startAction } from '../../db/actions.ts'
import { findVolumeDevice, setVolumeSize } from '../../db/block-devices.ts'
import { findInstance } from '../../db/instances.ts'
import { showAnyVolume } from '../../neighbours/volumes.ts'
import { onHost } from '../host-commands.ts'
import { type Nova, now, ring } from '../nova.ts'
import { hostOf } from './power.ts'
import { type CellTx, endTask, failTask, type TaskRun } from './task.ts'

interface ExtendRun extends TaskRun {
  readonly volumeId: string
}

export const extendVolumeOperation = defineOperation<Nova, ExtendRun>('server.extend-volume', {
  input: Type.Object({ serverId: Uuid, volumeId: Type.String() }), deadlineSeconds: 600, onCrash: 'resume',
  steps: [
    step('learn-size', {
      async run(nova, run) {
        const volume = await showAnyVolume(nova.runtime, run.ctx, run.input.volumeId)
        if (!volume) throw new NotFound(`Volume ${run.input.volumeId} could not be found.`)
        return volume.sizeGiB
      },
    }),
    // As upstream, the size is noted even if the guest cannot be shown it (nova/compute/manager.py, extend_volume).
    step('note-size', {
      commit: (tx, nova, run) => setVolumeSize(tx as CellTx, run.resourceId, run.input.volumeId, run.result<number>('learn-size') ?? 0, now(nova)),
    }),
    step('show-guest', {
      run: async (nova, run) => onHost(nova, run, await hostOf(nova, run.resourceId), (compute, ctx, command) =>
        compute.extendVolume(ctx, { ...command, volumeId: run.input.volumeId, sizeGiB: run.result<number>('learn-size') ?? 0 })),
    }),
    pivot('publish', { commit: (tx, nova, run) => endTask(tx, nova, run, 'compute_extend_volume', {}) }),
  ],
  failed: (tx, nova, run, fault) => failTask(tx, nova, run, 'compute_extend_volume', fault, {}),
})

/** A volume that the server does not have, or has not got yet, is no news of it. */
export async function volumeExtended(nova: Nova, ctx: RequestContext, serverId: string, volumeId: string): Promise<void> {
  const { traceId: _none, ...own } = ctx
  const begun = await nova.cells.cell1.transaction(async (tx) => {
    const instance = await findInstance(tx, serverId)
    const device = await findVolumeDevice(tx, serverId, volumeId)
    if (!instance || instance.task_state === 'deleting' || !device || device.connection_info === null) return false
    await startAction(tx, { serverId, action: 'extend_volume', requestId: ctx.requestId, userId: ctx.identity.userId, projectId: ctx.identity.projectId ?? instance.project_id }, now(nova))
    await nova.operations.cell.begin(tx, own, extendVolumeOperation, { resourceId: serverId, input: { serverId, volumeId }, projectId: instance.project_id })
    return true
  })
  if (begun) await ring(nova, ctx, 'cell')
  else ctx.log.info({ serverId, volumeId }, 'a volume grew that is not attached to this server')
}
