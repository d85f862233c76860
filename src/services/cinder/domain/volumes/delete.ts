// A volume goes: its space first, then its row. What is in use stays.
import type { RequestContext } from '#core/context'
import type { Db } from '#core/db'
import { defineOperation, type OperationFault, type OperationRun, pivot, step } from '#core/operations'
import { type Static, Type, Uuid } from '#core/spec'
import { attachmentsOf } from '../../db/attachments.ts'
import type { CinderTables } from '../../db/tables.ts'
import { deleteVolume as deleteRow, findVolumeRow, moveVolume } from '../../db/volumes.ts'
import { InvalidVolume } from '../../model/errors.ts'
import { backendOf, type Volume } from '../../model/volume.ts'
import type { Allowed, Cinder } from '../cinder.ts'
import { tellOwner } from '../messages.ts'

const Input = Type.Object({ volumeId: Uuid })
type Input = Static<typeof Input>

/** With `force` whatever its state, as long as nobody uses it. @throws InvalidVolume */
export async function deleteVolume(cinder: Cinder, ctx: RequestContext, volume: Allowed<Volume>, { force }: { force: boolean }): Promise<void> {
  await cinder.database.transaction(async (tx) => {
    const row = await findVolumeRow(tx, volume.id)
    const attached = (await attachmentsOf(tx, [volume.id])).length > 0 || row?.attach_status === 'attached'
    // Deleting what is being deleted is no error when it is forced. The status alone does not say it: an administrator may have claimed it.
    if (force && row?.status === 'deleting' && (await cinder.operations.join(tx, ctx, deleteVolumeOperation.kind, volume.id))) return
    const now = cinder.clock.now().toISOString()
    if (attached || !(await moveVolume(tx, volume.id, force ? 'force_remove' : 'remove', { updated_at: now }))) {
      throw new InvalidVolume(`Invalid volume: Volume ${force ? '' : 'status must be available or error or error_restoring or error_extending or error_managing and '}must not be migrating, attached, belong to a group, have snapshots, awaiting a transfer, or be disassociated from snapshots after volume transfer.`)
    }
    const id = await cinder.operations.begin(tx, ctx, deleteVolumeOperation, { resourceId: volume.id, projectId: volume.projectId, input: { volumeId: volume.id } })
    await cinder.operations.cancel(tx, volume.id, { except: id })
  })
}

/** What was under way with the volume comes to its end first. */
async function settle(cinder: Cinder, run: OperationRun<Input>): Promise<void> {
  await run.aside(cinder.operations.settled(run.input.volumeId, { except: run.id, signal: run.signal }))
}

async function free(cinder: Cinder, run: OperationRun<Input>): Promise<void> {
  const row = await findVolumeRow(cinder.database.read, run.input.volumeId)
  if (!row || row.host === null) return
  await cinder.volumes.on(backendOf(row.host)).deleteVolume(run.ctx, { volumeId: row.id, operation: run.id, epoch: run.epoch })
}

async function forget(tx: Db<CinderTables>, _cinder: Cinder, run: OperationRun<Input>): Promise<void> {
  await deleteRow(tx, run.input.volumeId)
}

async function markError(tx: Db<CinderTables>, cinder: Cinder, run: OperationRun<Input>, fault: OperationFault): Promise<void> {
  const row = await findVolumeRow(tx, run.input.volumeId)
  if (!row) return
  await moveVolume(tx, row.id, 'remove_failed', { updated_at: cinder.clock.now().toISOString() })
  await tellOwner(tx, cinder, run, { projectId: row.project_id, volumeId: row.id, action: 'delete volume' }, fault)
}

/** A backend that fails is asked again until the deadline: what was accepted goes, unless the backend is broken for that long. */
export const deleteVolumeOperation = defineOperation<Cinder, Input>('volume.delete', {
  input: Input, deadlineSeconds: 1800, onCrash: 'resume',
  steps: [step('settle', { run: settle }), step('free', { run: free, retries: Number.POSITIVE_INFINITY }), pivot('forget', { commit: forget })],
  failed: markError,
})
