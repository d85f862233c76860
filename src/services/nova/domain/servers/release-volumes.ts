// Gives back the volumes of a server: disconnects them, and deletes those that go with it.
import type { RequestContext } from '#core/context'
import type { OperationRun } from '#core/operations'
import { listDevices, unsetConnections } from '../../db/block-devices.ts'
import type { BlockDevice } from '../../model/server.ts'
import { attachmentsOfServer, deleteAttachment, deleteVolume } from '../../neighbours/volumes.ts'
import type { Nova } from '../nova.ts'
import { writeInCell } from './cell-writes.ts'
import { toBlockDevice } from './describe.ts'

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

export async function deleteVolumes(nova: Nova, ctx: RequestContext, ids: readonly string[]): Promise<void> {
  for (const id of ids) await deleteVolume(nova.runtime, ctx, id)
}
