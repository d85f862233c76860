// What becomes of a server's block devices while it is built: volumes that nova made, connections that cinder gave.
import type { OperationRun } from '#core/operations'
import { takeBackCreate } from '../../neighbours/requests.ts'
import { setConnection, setMadeVolume, unsetMadeVolumes } from '../../db/block-devices.ts'
import { findInstance, withParts } from '../../db/instances.ts'
import { connectionKey, portKey, volumeKey, volumesToMake } from '../../model/block-devices.ts'
import type { RequestedNetwork } from '../../model/server.ts'
import { type Nova, now } from '../nova.ts'
import { closeCell, writeInCell } from './cell-writes.ts'
import { describeServer } from './describe.ts'
import { blockDevicesOf, deleteVolumes, noteLeftVolumes } from './release-volumes.ts'

export interface MadeVolume {
  readonly blockDeviceId: string
  readonly volumeId: string
}

export interface Connected {
  readonly blockDeviceId: string
  readonly attachmentId: string
  readonly connection: unknown
}

export async function volumesMade(nova: Nova, run: OperationRun, made: readonly MadeVolume[]): Promise<number> {
  if (made.length === 0) return 0
  await writeInCell(nova, run, async (tx) => {
    for (const { blockDeviceId, volumeId } of made) await setMadeVolume(tx, blockDeviceId, volumeId, now(nova))
  })
  return made.length
}

export async function connectionsMade(nova: Nova, run: OperationRun, made: readonly Connected[]): Promise<number> {
  if (made.length === 0) return 0
  await writeInCell(nova, run, async (tx) => {
    for (const { blockDeviceId, ...connected } of made) await setConnection(tx, blockDeviceId, connected, now(nova))
  })
  return made.length
}

/** Delete the volumes that a build made. One that may have been made, but whose answer was lost, is taken back by its key: that names it. */
export async function unmakeVolumes(nova: Nova, run: OperationRun<{ readonly serverId: string }>, host: string): Promise<void> {
  const { serverId } = run.input
  await closeCell(nova, run)
  const instance = await findInstance(nova.cells.cell1.read, serverId)
  const [rows] = instance ? await withParts(nova.cells.cell1.read, [instance]) : []
  if (!rows) return
  const server = describeServer(rows)
  const made = server.blockDevices.filter((device) => device.made).flatMap(({ volumeId }) => volumeId ?? [])
  for (const { deviceId } of volumesToMake(server)) {
    const volume = (await takeBackCreate(nova.runtime, run.ctx, 'cinder', volumeKey(run.id, host, deviceId))) as { id: string } | null
    if (volume) made.push(volume.id)
  }
  const left = await deleteVolumes(nova, run, made)
  if (made.length === 0) return
  await writeInCell(nova, run, async (tx) => {
    await unsetMadeVolumes(tx, serverId)
    await noteLeftVolumes(tx, nova, run, left)
  })
}

/** Before the attachments of a build are looked for: none may come later. */
export async function takeBackConnections(nova: Nova, run: OperationRun<{ readonly serverId: string }>, host: string): Promise<void> {
  for (const { volumeId } of await blockDevicesOf(nova, run.input.serverId)) {
    if (volumeId !== undefined) await takeBackCreate(nova.runtime, run.ctx, 'cinder', connectionKey(run.id, host, volumeId))
  }
}

/** The same for ports, those that are made and those that were given. */
export async function takeBackPorts(nova: Nova, run: OperationRun<{ readonly serverId: string }>, host: string): Promise<void> {
  const instance = await findInstance(nova.cells.cell1.read, run.input.serverId)
  const requested = instance ? (JSON.parse(instance.requested_networks) as RequestedNetwork[]) : []
  for (const at of requested.keys()) await takeBackCreate(nova.runtime, run.ctx, 'neutron', portKey(run.id, host, at))
}
