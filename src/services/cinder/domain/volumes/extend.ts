// A volume grows. The larger size is claimed from the quota at once, and given back should it fail.
import type { RequestContext } from '#core/context'
import type { Db } from '#core/db'
import { defineOperation, type OperationFault, type OperationRun, pivot, step } from '#core/operations'
import { type Static, Type, Uuid } from '#core/spec'
import { attachmentsOf } from '../../db/attachments.ts'
import type { CinderTables, VolumeRow } from '../../db/tables.ts'
import { findVolumeRow, moveVolume } from '../../db/volumes.ts'
import { InvalidInput, InvalidVolume } from '../../model/errors.ts'
import { backendOf, type Volume } from '../../model/volume.ts'
import { askBackend, askScheduler } from '../ask-role.ts'
import { settleVolume, standing } from '../attachments/standing.ts'
import type { Allowed, Cinder } from '../cinder.ts'
import { tellOwner } from '../messages.ts'
import { checkQuota } from '../quota.ts'

const Input = Type.Object({ volumeId: Uuid, fromGiB: Type.Integer(), toGiB: Type.Integer(), inUse: Type.Boolean() })
type Input = Static<typeof Input>

/** @throws InvalidInput, InvalidVolume, QuotaExceeded */
export async function extendVolume(cinder: Cinder, ctx: RequestContext, volume: Allowed<Volume>, toGiB: number, inUse: boolean): Promise<void> {
  await cinder.database.transaction(async (tx) => {
    const row = await findVolumeRow(tx, volume.id)
    const size = row?.size ?? volume.sizeGiB
    if (toGiB <= size) throw new InvalidInput(`Invalid input received: New size for extend must be greater than current size. (current: ${size}, extended: ${toGiB}).`)
    const moved = await moveVolume(tx, volume.id, inUse ? 'extend_attached' : 'extend', {
      previous_status: row?.status ?? null, claimed_size: toGiB, updated_at: cinder.clock.now().toISOString(),
    })
    if (!moved) {
      throw new InvalidVolume(`Invalid volume: Volume ${volume.id} status must be '{'status': '${inUse ? 'in-use' : 'available'}'}' to extend, currently ${row?.status ?? 'deleted'}.`)
    }
    // The claim stands already: what is counted must fit with nothing more.
    await checkQuota(tx, cinder.settings, { projectId: volume.projectId, typeName: volume.typeName, volumes: 0, gigabytes: 0, volumeGiB: toGiB, counted: toGiB - size })
    await cinder.operations.begin(tx, ctx, extendVolumeOperation, {
      resourceId: volume.id, projectId: volume.projectId, input: { volumeId: volume.id, fromGiB: size, toGiB, inUse },
    })
  })
}

async function checkRoom(cinder: Cinder, run: OperationRun<Input>): Promise<void> {
  const { volumeId, fromGiB, toGiB } = run.input
  await askScheduler(cinder, run, (role) => role.checkGrowth(run.ctx, { volumeId, moreGiB: toGiB - fromGiB }))
}

async function grow(cinder: Cinder, run: OperationRun<Input>): Promise<void> {
  const { volumeId, toGiB, inUse } = run.input
  const row = await findVolumeRow(cinder.database.read, volumeId)
  if (!row || row.host === null) throw new InvalidVolume(`Invalid volume: Volume ${volumeId} has no backend.`)
  await askBackend(cinder, run, backendOf(row.host), (role) => role.extendVolume(run.ctx, { volumeId, sizeGiB: toGiB, inUse, operation: run.id, epoch: run.epoch }))
}

async function publish(tx: Db<CinderTables>, cinder: Cinder, run: OperationRun<Input>): Promise<void> {
  const { volumeId, toGiB } = run.input
  await endGrowth(tx, cinder, volumeId, { size: toGiB, claimed_size: toGiB })
}

/** Its uses say where the volume stands then: they may have ended while it grew. */
async function endGrowth(tx: Db<CinderTables>, cinder: Cinder, volumeId: string, set: Partial<VolumeRow>): Promise<void> {
  const at = cinder.clock.now().toISOString()
  const { event } = standing(await attachmentsOf(tx, [volumeId]))
  await moveVolume(tx, volumeId, event === 'released' ? 'extended' : 'extended_attached', { ...set, previous_status: null, updated_at: at })
  if (event !== 'released' && event !== 'still_used') await settleVolume(tx, volumeId, at)
}

/** Where the backend was never asked to grow it, or cannot, the volume is as it was. */
async function giveBack(tx: Db<CinderTables>, cinder: Cinder, run: OperationRun<Input>, fault: OperationFault): Promise<void> {
  const { volumeId, fromGiB } = run.input
  const row = await findVolumeRow(tx, volumeId)
  if (!row) return
  const untouched = fault.step !== 'grow' || fault.code === InvalidVolume.code
  if (untouched) await endGrowth(tx, cinder, volumeId, { claimed_size: fromGiB })
  else await moveVolume(tx, volumeId, 'extend_failed', { claimed_size: fromGiB, previous_status: null, updated_at: cinder.clock.now().toISOString() })
  await tellOwner(tx, cinder, run, { projectId: row.project_id, volumeId, action: 'extend volume' }, fault)
}

export const extendVolumeOperation = defineOperation<Cinder, Input>('volume.extend', {
  input: Input, deadlineSeconds: 900, onCrash: 'resume',
  steps: [step('check-room', { run: checkRoom }), step('grow', { run: grow }), pivot('publish', { commit: publish })],
  failed: giveBack,
})
