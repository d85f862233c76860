// A use of a volume ends: the export is taken back, then the attachment goes. While nova uses it only a service may say so.
import type { RequestContext } from '#core/context'
import type { Db } from '#core/db'
import { defineOperation, type OperationFault, type OperationRun, pivot, step } from '#core/operations'
import { type Static, Type, Uuid } from '#core/spec'
import { attachmentsOf, deleteAttachment, findAttachment, updateAttachment } from '../../db/attachments.ts'
import type { CinderTables } from '../../db/tables.ts'
import { findVolumeRow } from '../../db/volumes.ts'
import type { Attachment } from '../../model/attachment.ts'
import { AttachmentInUse, AttachmentNotFound, BackendFailed } from '../../model/errors.ts'
import { backendOf } from '../../model/volume.ts'
import { askBackend } from '../ask-role.ts'
import { type Allowed, type Cinder, isService } from '../cinder.ts'
import { usedByServer } from '../nova.ts'
import { settleAfterUse, settleVolume } from './standing.ts'

const Input = Type.Object({ attachmentId: Uuid, volumeId: Uuid })
type Input = Static<typeof Input>

/**
 * A user may not take a volume from under a server: devices left behind on the host have leaked other tenants' data
 * (CVE-2023-2088; cinder/volume/api.py, attachment_deletion_allowed). Connecting it anew would do the same, though upstream lets it.
 *
 * @throws AttachmentInUse
 */
export async function checkChangeAllowed(cinder: Cinder, ctx: RequestContext, attachment: Attachment): Promise<void> {
  if (isService(ctx)) return
  const { serverId, connectionInfo } = attachment
  if (serverId === null || connectionInfo === null) return
  if (!(await usedByServer(cinder, ctx, serverId, attachment.volumeId, attachment.id))) return
  cinder.log.warn({ requestId: ctx.requestId, attachment: attachment.id, server: serverId }, 'a user asked to change an attachment that nova uses')
  throw new AttachmentInUse(`ConflictNovaUsingAttachment: Detach volume from instance ${serverId} using the Compute API`)
}

/** End the use and wait until it is over. @returns the volume's other attachments */
export async function disconnect(cinder: Cinder, ctx: RequestContext, attachment: Allowed<Attachment>): Promise<Attachment[]> {
  const { database, operations, clock } = cinder
  const waits = await database.transaction(async (tx) => {
    const current = await findAttachment(tx, attachment.id)
    if (!current) throw new AttachmentNotFound(`Volume attachment could not be found with filter: attachment_id = ${attachment.id}.`)
    if (current.status === 'reserved') {
      await deleteAttachment(tx, attachment.id)
      await settleAfterUse(tx, attachment.volumeId, clock.now().toISOString())
      return false
    }
    await updateAttachment(tx, attachment.id, { attach_status: 'detaching', fault: null })
    const id = await operations.begin(tx, ctx, disconnectOperation, {
      resourceId: attachment.id, projectId: attachment.projectId, input: { attachmentId: attachment.id, volumeId: attachment.volumeId },
    })
    await operations.cancel(tx, attachment.id, { except: id })
    return true
  })
  if (waits) {
    await operations.settled(attachment.id, { signal: ctx.signal })
    if (await findAttachment(database.read, attachment.id)) throw new BackendFailed('Unable to terminate volume connection from backend.')
  }
  return attachmentsOf(database.read, [attachment.volumeId])
}

async function settle(cinder: Cinder, run: OperationRun<Input>): Promise<void> {
  const { attachmentId } = run.input
  const open = await cinder.operations.open(attachmentId)
  // Of two that end the same use the later one waits for the earlier, never both for each other.
  const earlier = open.slice(0, open.findIndex((each) => each.id === run.id))
  if (earlier.length > 0) await run.aside(cinder.operations.settled(attachmentId, { except: run.id, signal: run.signal }))
}

async function unexport(cinder: Cinder, run: OperationRun<Input>): Promise<void> {
  const { attachmentId, volumeId } = run.input
  const row = await findVolumeRow(cinder.database.read, volumeId)
  if (!row || row.host === null) return
  const others = await attachmentsOf(cinder.database.read, [volumeId])
  if (others.some((each) => each.id !== attachmentId && each.connectionInfo !== null)) return
  await askBackend(cinder, run, backendOf(row.host), (role) => role.disconnect(run.ctx, { volumeId, operation: run.id, epoch: run.epoch }))
}

async function forget(tx: Db<CinderTables>, cinder: Cinder, run: OperationRun<Input>): Promise<void> {
  await deleteAttachment(tx, run.input.attachmentId)
  await settleAfterUse(tx, run.input.volumeId, cinder.clock.now().toISOString())
}

/** It is still connected, as far as anybody knows. */
async function markAttached(tx: Db<CinderTables>, cinder: Cinder, run: OperationRun<Input>, _fault: OperationFault): Promise<void> {
  await updateAttachment(tx, run.input.attachmentId, { attach_status: 'attached' }, ['detaching'])
  await settleVolume(tx, run.input.volumeId, cinder.clock.now().toISOString())
}

export const disconnectOperation = defineOperation<Cinder, Input>('attachment.disconnect', {
  input: Input, deadlineSeconds: 300, onCrash: 'resume',
  steps: [step('settle', { run: settle }), step('unexport', { run: unexport, retries: 3 }), pivot('forget', { commit: forget })],
  failed: markAttached,
})
