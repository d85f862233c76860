// A claimed volume is made reachable for the host that names itself. A durable operation: the export outlives this process.
import type { RequestContext } from '#core/context'
import { toJson, type Db, fromJson } from '#core/db'
import { type AppError, fromWireError, type WireError } from '#core/errors'
import { defineOperation, type OperationFault, type OperationRun, pivot, step } from '#core/operations'
import { type Static, Type, Uuid } from '#core/spec'
import { attachmentFault, attachmentsOf, findAttachment, updateAttachment } from '../../db/attachments.ts'
import type { CinderTables } from '../../db/tables.ts'
import { findVolumeRow, moveVolume } from '../../db/volumes.ts'
import type { Attachment, Connector } from '../../model/attachment.ts'
import { AttachmentNotFound, BackendFailed, InvalidVolume, ResourceConflict, VolumeNotFound } from '../../model/errors.ts'
import { backendOf } from '../../model/volume.ts'
import { askBackend } from '../ask-role.ts'
import type { Allowed, Cinder } from '../cinder.ts'
import { tellOwner } from '../messages.ts'
import { settleVolume } from './standing.ts'

const Input = Type.Object({ attachmentId: Uuid, volumeId: Uuid, readOnly: Type.Boolean() })
type Input = Static<typeof Input>

/**
 * Connect what was just made and wait until it is done. The request that made it may come again while that is under way, or
 * once the volume is in use.
 *
 * @throws as connect
 */
export async function connectOnce(cinder: Cinder, ctx: RequestContext, attachment: Allowed<Attachment>, connector: Connector): Promise<Attachment> {
  const isConnected = async (tx: Db<CinderTables>) =>
    (await cinder.operations.join(tx, ctx, connectOperation.kind, attachment.id)) || (await findAttachment(tx, attachment.id))?.connectionInfo !== null
  return connect(cinder, ctx, attachment, connector, isConnected)
}

/**
 * Connect and wait until it is done.
 *
 * @throws ResourceConflict when the volume is in an error state or is connected from elsewhere, BackendFailed
 */
export async function connect(cinder: Cinder, ctx: RequestContext, attachment: Allowed<Attachment>, connector: Connector, isUnderWay: (tx: Db<CinderTables>) => Promise<boolean> = async () => false): Promise<Attachment> {
  const { database, operations, clock } = cinder
  await database.transaction(async (tx) => {
    if (await isUnderWay(tx)) return
    const row = await findVolumeRow(tx, attachment.volumeId)
    if (!row) throw new VolumeNotFound(`Volume ${attachment.volumeId} could not be found.`)
    if (row.status.startsWith('error')) {
      throw new ResourceConflict(`Resource conflict: Volume attachments can not be updated if the volume is in an error state. The Volume ${row.id} currently has a status of: ${row.status} `)
    }
    const others = (await attachmentsOf(tx, [row.id])).filter((each) => each.id !== attachment.id)
    if (row.multiattach === 0 && others.some((each) => each.connectionInfo !== null && each.host === (connector.host ?? null))) {
      throw new ResourceConflict(`Resource conflict: duplicate connectors detected on volume ${row.id}`)
    }
    const now = clock.now().toISOString()
    if (!(await moveVolume(tx, row.id, 'connect', { attach_status: row.attach_status === 'attached' ? 'attached' : 'attaching', updated_at: now }))) {
      throw new InvalidVolume(`Invalid volume: Volume ${row.id} status must be reserved or in-use or attaching to connect, but the current status is ${row.status}.`)
    }
    const asked = attachment.mode !== null && attachment.mode !== 'null' ? attachment.mode : (connector.mode ?? 'rw')
    const mode = asked === 'ro' ? 'ro' : 'rw'
    const kept = await updateAttachment(tx, attachment.id, {
      attach_status: 'attaching', connector: toJson(connector), attached_host: connector.host ?? null, mountpoint: connector.mountpoint ?? 'na',
      attach_mode: mode, fault: null,
    }, ['reserved', 'attaching', 'attached', 'error_attaching'])
    if (!kept) throw new AttachmentNotFound(`Volume attachment could not be found with filter: attachment_id = ${attachment.id}.`)
    await operations.begin(tx, ctx, connectOperation, {
      resourceId: attachment.id, projectId: attachment.projectId,
      input: { attachmentId: attachment.id, volumeId: row.id, readOnly: mode === 'ro' || row.read_only === 1 },
    })
  })
  await operations.settled(attachment.id, { signal: ctx.signal })
  const connected = await findAttachment(database.read, attachment.id)
  if (!connected) throw new AttachmentNotFound(`Volume attachment could not be found with filter: attachment_id = ${attachment.id}.`)
  if (connected.connectionInfo === null || connected.status === 'error_attaching') throw await connectFault(cinder, attachment.id)
  return connected
}

async function connectFault(cinder: Cinder, attachmentId: string): Promise<AppError> {
  const text = await attachmentFault(cinder.database.read, attachmentId)
  const fault = text === undefined ? undefined : fromJson<WireError>(text)
  const status = fault !== undefined && fault.status < 500 ? fault : undefined
  return status ? fromWireError(status) : new BackendFailed(`Unable to update attachment (${fault?.message ?? 'the backend did not answer'}).`)
}

async function exportVolume(cinder: Cinder, run: OperationRun<Input>): Promise<Record<string, unknown>> {
  const { volumeId, readOnly } = run.input
  const row = await findVolumeRow(cinder.database.read, volumeId)
  if (!row || row.host === null) throw new VolumeNotFound(`Volume ${volumeId} could not be found.`)
  return askBackend(cinder, run, backendOf(row.host), (role) => role.connect(run.ctx, { volumeId, readOnly, operation: run.id, epoch: run.epoch }))
}

/** Taken back unless a use needs it: another one, or this one, which was connected before. */
async function unexportVolume(cinder: Cinder, run: OperationRun<Input>): Promise<void> {
  const { volumeId } = run.input
  const row = await findVolumeRow(cinder.database.read, volumeId)
  if (!row || row.host === null) return
  const uses = await attachmentsOf(cinder.database.read, [volumeId])
  if (uses.some((each) => each.connectionInfo !== null)) return
  await cinder.volumes.on(backendOf(row.host)).disconnect(run.ctx, { volumeId, operation: run.id, epoch: run.epoch })
}

async function publish(tx: Db<CinderTables>, cinder: Cinder, run: OperationRun<Input>): Promise<void> {
  const { attachmentId, volumeId } = run.input
  const { data, ...kind } = run.result<{ data?: Record<string, unknown> }>('export') ?? {}
  // Flat, as upstream keeps and answers it (cinder/volume/manager.py, _connection_create).
  const info = { ...kind, ...data, qos_specs: null, encrypted: false, cacheable: false, volume_id: volumeId, attachment_id: attachmentId }
  await updateAttachment(tx, attachmentId, { connection_info: toJson(info), attach_time: cinder.clock.now().toISOString() })
}

async function markError(tx: Db<CinderTables>, cinder: Cinder, run: OperationRun<Input>, fault: OperationFault): Promise<void> {
  const { attachmentId, volumeId } = run.input
  const attachment = await findAttachment(tx, attachmentId)
  if (!attachment) return
  const kept = await updateAttachment(tx, attachmentId, {
    attach_status: 'error_attaching', fault: toJson({ status: fault.status, code: fault.code, message: fault.message, details: {} }),
  }, ['attaching'])
  if (!kept) return
  await settleVolume(tx, volumeId, cinder.clock.now().toISOString())
  if (!fault.cancelled) await tellOwner(tx, cinder, run, { projectId: attachment.projectId, volumeId, action: 'update attachment' }, fault)
}

export const connectOperation = defineOperation<Cinder, Input>('attachment.connect', {
  input: Input, deadlineSeconds: 120, onCrash: 'resume',
  steps: [step('export', { run: exportVolume, undo: unexportVolume }), pivot('publish', { commit: publish })],
  failed: markError,
})
