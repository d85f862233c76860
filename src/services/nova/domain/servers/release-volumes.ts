// Gives back the volumes of a server: disconnects them, and deletes those that go with it.
import { AppError } from '#core/errors'
import type { OperationRun } from '#core/operations'
import { noteEvent } from '../../db/actions.ts'
import { listDevices, unsetConnections } from '../../db/block-devices.ts'
import type { BlockDevice } from '../../model/server.ts'
import { attachmentsOfServer, deleteAttachment, deleteVolume, showAnyVolume } from '../../neighbours/volumes.ts'
import { type Nova, now } from '../nova.ts'
import { writeInCell } from './cell-writes.ts'
import { toBlockDevice } from './describe.ts'
import type { CellTx } from './task.ts'

export async function blockDevicesOf(nova: Nova, serverId: string): Promise<BlockDevice[]> {
  return (await listDevices(nova.cells.cell1.read, serverId)).map(toBlockDevice)
}

/**
 * Cinder is asked which attachments the server has: also one whose answer never came is found. Those of volumes that it never had are
 * of others, who may write any server's id on an attachment of their own. Idempotent.
 */
export async function disconnectVolumes(nova: Nova, run: OperationRun<{ readonly serverId: string }>): Promise<void> {
  const { ctx, input: { serverId } } = run
  const devices = await blockDevicesOf(nova, serverId)
  if (!devices.some(({ destination }) => destination === 'volume')) return
  const own = new Set(devices.flatMap(({ volumeId }) => volumeId ?? []))
  for (const { id, volumeId } of await attachmentsOfServer(nova.runtime, ctx, serverId)) if (own.has(volumeId)) await deleteAttachment(nova.runtime, ctx, id)
  await writeInCell(nova, run, (tx) => unsetConnections(tx, serverId))
}

/** Somebody else uses the volume, or an administrator keeps it: it is not for nova to wait until that is over. */
const notOurs: readonly string[] = ['reserved', 'attaching', 'in-use', 'detaching', 'maintenance']
/** Nobody can have it yet, and nobody is to. */
const beingMade: readonly string[] = ['creating', 'downloading']
/** What grows, for instance, can be deleted afterwards. As often as this it is tried, with growing pauses: about twenty minutes. */
const triesToDelete = 28

/**
 * Delete those that go with a server. What cinder does not delete stays with its owner, as upstream leaves it
 * (nova/compute/manager.py, _cleanup_volumes): neither a deletion nor an undo waits for ever. Idempotent.
 *
 * @returns what cinder said of those that stay, for `noteLeftVolumes`
 */
export async function deleteVolumes(nova: Nova, run: OperationRun, ids: readonly string[]): Promise<string[]> {
  const left: string[] = []
  let early: AppError | undefined
  for (const id of ids) {
    const refusal = await refusalToDelete(nova, run, id)
    if (refusal === undefined) continue
    const status = (await showAnyVolume(nova.runtime, run.ctx, id))?.status ?? 'deleting'
    if (status === 'deleting') continue
    if (beingMade.includes(status) && (await refusalToDelete(nova, run, id, true)) === undefined) continue
    if (!notOurs.includes(status) && run.attempt < triesToDelete) {
      early ??= refusal
      continue
    }
    run.log.warn({ err: refusal, volume: id, status }, 'a volume that was to go with its server was not deleted')
    left.push(`The volume ${id} stays, in status ${status}: ${refusal.message}`)
  }
  if (early) throw early
  return left
}

/** As cinder says that the state of a volume does not allow it. */
async function refusalToDelete(nova: Nova, run: OperationRun, volumeId: string, force = false): Promise<AppError | undefined> {
  try {
    await deleteVolume(nova.runtime, run.ctx, volumeId, force)
    return undefined
  } catch (error) {
    if (error instanceof AppError && (error.status === 400 || error.status === 409)) return error
    throw error
  }
}

/** In the server's history, by the action that was to delete them. */
export async function noteLeftVolumes(tx: CellTx, nova: Nova, run: OperationRun<{ readonly serverId: string }>, left: readonly string[]): Promise<void> {
  if (left.length === 0) return
  const at = now(nova)
  await noteEvent(tx, run.input.serverId, run.ctx.requestId, { event: 'compute_cleanup_volumes', host: null, startedAt: at, result: 'Success', details: left.join('\n') }, at)
}
