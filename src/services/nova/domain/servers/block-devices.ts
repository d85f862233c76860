// What becomes of a server's block devices while it is built: volumes that nova made, connections that cinder gave.
import { AppError } from '#core/errors'
import type { OperationRun } from '#core/operations'
import { createVolume, deleteVolume } from '../../neighbours/volumes.ts'
import { setConnection, setMadeVolume, unsetMadeVolumes } from '../../db/block-devices.ts'
import { findInstance, withParts } from '../../db/instances.ts'
import { volumeKey, type VolumeToMake, volumesToMake } from '../../model/block-devices.ts'
import { type Nova, now } from '../nova.ts'
import { describeServer } from './describe.ts'

export interface MadeVolume {
  readonly blockDeviceId: string
  readonly volumeId: string
}

export interface Connected {
  readonly blockDeviceId: string
  readonly attachmentId: string
  readonly connection: unknown
}

export async function volumesMade(nova: Nova, made: readonly MadeVolume[]): Promise<number> {
  if (made.length === 0) return 0
  await nova.cells.cell1.transaction(async (tx) => {
    for (const { blockDeviceId, volumeId } of made) await setMadeVolume(tx, blockDeviceId, volumeId, now(nova))
  })
  return made.length
}

export async function connectionsMade(nova: Nova, made: readonly Connected[]): Promise<number> {
  if (made.length === 0) return 0
  await nova.cells.cell1.transaction(async (tx) => {
    for (const { blockDeviceId, ...connected } of made) await setConnection(tx, blockDeviceId, connected, now(nova))
  })
  return made.length
}

/**
 * Delete the volumes that a build made. Of one that may have been made, but whose answer was lost, the creation is
 * repeated with its key: that names it.
 */
export async function unmakeVolumes(nova: Nova, run: OperationRun<{ readonly serverId: string }>, host: string): Promise<void> {
  const { serverId } = run.input
  const instance = await findInstance(nova.cells.cell1.read, serverId)
  const [rows] = instance ? await withParts(nova.cells.cell1.read, [instance]) : []
  if (!rows) return
  const server = describeServer(rows)
  const made = server.blockDevices.filter((device) => device.made).flatMap(({ volumeId }) => volumeId ?? [])
  for (const { deviceId, volume } of volumesToMake(server)) {
    const volumeId = await nameAgain(nova, run, volume, volumeKey(run.id, host, deviceId))
    if (volumeId !== undefined) made.push(volumeId)
  }
  for (const id of made) await deleteVolume(nova.runtime, run.ctx, id)
  if (made.length === 0) return
  await nova.cells.cell1.transaction((tx) => unsetMadeVolumes(tx, serverId))
}

async function nameAgain(nova: Nova, run: OperationRun<{ readonly serverId: string }>, volume: VolumeToMake['volume'], key: string): Promise<string | undefined> {
  try {
    return (await createVolume(nova.runtime, run.ctx, volume, key)).id
  } catch (error) {
    // Refused now, and so it was before.
    if (error instanceof AppError && error.status < 500) return undefined
    throw error
  }
}
