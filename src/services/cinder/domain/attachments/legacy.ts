// The older way to attach, by actions on the volume: claim it, connect, note the use, and all of it backwards.
import type { RequestContext } from '#core/context'
import { attachmentsOf, insertAttachment } from '../../db/attachments.ts'
import { findVolumeRow, moveVolume } from '../../db/volumes.ts'
import type { Attachment } from '../../model/attachment.ts'
import { InvalidVolume } from '../../model/errors.ts'
import { backendOf, type Volume } from '../../model/volume.ts'
import type { Allowed, Cinder } from '../cinder.ts'
import { checkChangeAllowed, disconnect } from './disconnect.ts'
import { settleVolume } from './standing.ts'

/** @throws InvalidVolume */
export async function reserveVolume(cinder: Cinder, volume: Allowed<Volume>): Promise<void> {
  await cinder.database.transaction(async (tx) => {
    if (await moveVolume(tx, volume.id, volume.multiattach ? 'claim_again' : 'claim', { updated_at: cinder.clock.now().toISOString() })) return
    const row = await findVolumeRow(tx, volume.id)
    throw new InvalidVolume(`Invalid volume: Volume status must be ${volume.multiattach ? 'available or in-use' : 'available'} to reserve, but the status is ${row?.status ?? 'deleted'}.`)
  })
}

/** Of what was not claimed nothing happens. */
export async function unreserveVolume(cinder: Cinder, volume: Allowed<Volume>): Promise<void> {
  await cinder.database.transaction(async (tx) => {
    const row = await findVolumeRow(tx, volume.id)
    if (row?.status === 'attaching') await settleVolume(tx, volume.id, cinder.clock.now().toISOString())
  })
}

/** @throws InvalidVolume */
export async function beginDetaching(cinder: Cinder, volume: Allowed<Volume>): Promise<void> {
  await cinder.database.transaction(async (tx) => {
    const row = await findVolumeRow(tx, volume.id)
    const moved = row?.attach_status === 'attached' && (await moveVolume(tx, volume.id, 'begin_detaching', { updated_at: cinder.clock.now().toISOString() }))
    if (!moved) throw new InvalidVolume("Invalid volume: Unable to detach volume. Volume status must be 'in-use' and attach_status must be 'attached' to detach.")
  })
}

export async function rollDetaching(cinder: Cinder, volume: Allowed<Volume>): Promise<void> {
  await cinder.database.transaction((tx) => moveVolume(tx, volume.id, 'roll_detaching', { updated_at: cinder.clock.now().toISOString() }))
}

export interface NotedUse {
  readonly serverId: string | null
  readonly host: string | null
  readonly device: string
  readonly mode: 'rw' | 'ro'
}

/** Note a use that was connected before. @throws InvalidVolume */
export async function noteAttached(cinder: Cinder, volume: Allowed<Volume>, use: NotedUse): Promise<void> {
  if (volume.readOnly === true && use.mode !== 'ro') {
    throw new InvalidVolume(`Invalid attaching mode '${use.mode}' for volume ${volume.id}.`)
  }
  const now = cinder.clock.now()
  await cinder.database.transaction(async (tx) => {
    const row = await findVolumeRow(tx, volume.id)
    const status = row?.status ?? 'deleted'
    if (status === 'in-use' && !volume.multiattach) throw new InvalidVolume('Invalid volume: volume is already attached')
    if (!['attaching', 'available', 'in-use'].includes(status)) throw new InvalidVolume("Invalid volume: status must be available or in-use or downloading to attach")
    await moveVolume(tx, volume.id, 'attached', { attach_status: 'attached', updated_at: now.toISOString(), ...(row?.read_only === null && { read_only: 0 }) })
    await insertAttachment(tx, {
      id: cinder.ids.uuid(), volumeId: volume.id, projectId: volume.projectId, serverId: use.serverId, status: 'attached', host: use.host,
      device: use.device, mode: use.mode, connector: null, connectionInfo: null, attachedAt: now, createdAt: now,
    })
  })
}

/** The use that is meant: the named one, or the only one. @throws InvalidVolume */
async function useOf(cinder: Cinder, volume: Volume, attachmentId: string | undefined): Promise<Attachment | undefined> {
  const uses = await attachmentsOf(cinder.database.read, [volume.id])
  if (attachmentId !== undefined) {
    const named = uses.find((each) => each.id === attachmentId)
    if (!named) throw new InvalidVolume(`Error detaching volume - VolumeAttachmentNotFound: Volume attachment could not be found with filter: attachment_id = ${attachmentId.slice(0, 80)}.`)
    return named
  }
  if (uses.length > 1) throw new InvalidVolume("Invalid volume: Detach volume failed: More than one attachment, but no attachment_id provided.")
  return uses[0]
}

/** @throws InvalidVolume, AttachmentInUse */
export async function detachVolume(cinder: Cinder, ctx: RequestContext, volume: Allowed<Volume>, attachmentId: string | undefined): Promise<void> {
  const use = await useOf(cinder, volume, attachmentId)
  if (!use) {
    await cinder.database.transaction((tx) => settleVolume(tx, volume.id, cinder.clock.now().toISOString()))
    return
  }
  await checkChangeAllowed(cinder, ctx, use)
  await disconnect(cinder, ctx, use as Allowed<Attachment>)
}

/** @returns connection info in its older, nested form. @throws InvalidVolume, BackendFailed */
export async function initializeConnection(cinder: Cinder, ctx: RequestContext, volume: Allowed<Volume>, readOnly: boolean): Promise<Record<string, unknown>> {
  if (volume.status === 'maintenance') throw new InvalidVolume('Invalid volume: The volume connection cannot be initialized in maintenance mode.')
  if (volume.host === null || !['available', 'attaching', 'in-use', 'reserved', 'detaching'].includes(volume.status)) {
    throw new InvalidVolume(`Invalid volume: The volume cannot be connected while its status is ${volume.status}.`)
  }
  const { data, ...kind } = await cinder.volumes.on(backendOf(volume.host)).connect(ctx, { volumeId: volume.id, readOnly: readOnly || volume.readOnly === true }) as { data?: object }
  return { ...kind, data: { ...data, qos_specs: null, encrypted: false, cacheable: false, discard: false } }
}

/** @throws AttachmentInUse, BackendFailed */
export async function terminateConnection(cinder: Cinder, ctx: RequestContext, volume: Allowed<Volume>): Promise<void> {
  const uses = await attachmentsOf(cinder.database.read, [volume.id])
  for (const use of uses) await checkChangeAllowed(cinder, ctx, use)
  if (volume.host !== null && !uses.some((use) => use.connectionInfo !== null)) {
    await cinder.volumes.on(backendOf(volume.host)).disconnect(ctx, { volumeId: volume.id })
  }
  await unreserveVolume(cinder, volume)
}
