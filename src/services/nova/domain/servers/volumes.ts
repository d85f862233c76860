// Volumes of a server that exists: plugged in and out while it runs.
import type { RequestContext } from '#core/context'
import { isUniqueViolation } from '#core/db'
import { BadRequest, Conflict, Forbidden, NotFound } from '#core/errors'
import { defineOperation, pivot, step } from '#core/operations'
import { Type, Uuid } from '#core/spec'
import { forgetDevice, insertDevices, setConnection, setDeleteOnTermination, setDetaching } from '../../db/block-devices.ts'
import { findInstance } from '../../db/instances.ts'
import { openOperationsOf } from '../../db/operations.ts'
import { attachmentsOfServer, deleteAttachment, showVolume } from '../../neighbours/volumes.ts'
import { connectionKey } from '../../model/block-devices.ts'
import type { BlockDevice } from '../../model/server.ts'
import { takeBackCreate } from '../../neighbours/requests.ts'
import { onHost, onHostIfUp } from '../host-commands.ts'
import { type Nova, now } from '../nova.ts'
import { serverFor } from './access.ts'
import { checkAttachable, checkDeviceCount, deviceRows, nextDeviceName } from './create/devices.ts'
import { toBlockDevice } from './describe.ts'
import { hostIfAny, hostOf } from './power.ts'
import { blockDevicesOf } from './release-volumes.ts'
import { beginServerTask, type CellTx, endTask, failTask, type TaskRun } from './task.ts'

interface AttachRun extends TaskRun {
  readonly blockDeviceId: string
  readonly volumeId: string
}

const resting = ['active', 'paused', 'stopped', 'resized', 'soft-delete']

async function letGo(nova: Nova, ctx: RequestContext, { serverId, volumeId }: AttachRun): Promise<void> {
  for (const attachment of await attachmentsOfServer(nova.runtime, ctx, serverId)) {
    if (attachment.volumeId === volumeId) await deleteAttachment(nova.runtime, ctx, attachment.id)
  }
}

const AttachInput = Type.Object({ serverId: Uuid, blockDeviceId: Type.String(), volumeId: Type.String() })

export const attachVolumeOperation = defineOperation<Nova, AttachRun>('server.attach-volume', {
  input: AttachInput, deadlineSeconds: 600, onCrash: 'resume',
  steps: [
    step('attach', {
      run: async (nova, run) => onHost(nova, run, await hostOf(nova, run.resourceId), (compute, ctx, command) => compute.attachVolume(ctx, { ...command, blockDeviceId: run.input.blockDeviceId })),
      async undo(nova, run) {
        const host = await hostIfAny(nova, run.resourceId)
        if (host !== undefined) await onHostIfUp(nova, run, host, (compute, ctx, command) => compute.detachVolume(ctx, { ...command, volumeId: run.input.volumeId }))
        if (host !== undefined) await takeBackCreate(nova.runtime, run.ctx, 'cinder', connectionKey(run.id, host, run.input.volumeId))
        await letGo(nova, run.ctx, run.input)
      },
    }),
    pivot('publish', {
      async commit(tx, nova, run) {
        const connected = run.result<{ attachmentId: string; connection: unknown }>('attach') ?? { attachmentId: null, connection: null }
        await setConnection(tx as CellTx, run.input.blockDeviceId, connected, now(nova))
        await endTask(tx, nova, run, 'compute_attach_volume', {})
      },
    }),
  ],
  async failed(tx, nova, run, fault) {
    await forgetDevice(tx as CellTx, run.input.blockDeviceId)
    await failTask(tx, nova, run, 'compute_attach_volume', fault, {})
  },
})

export const detachVolumeOperation = defineOperation<Nova, AttachRun>('server.detach-volume', {
  input: AttachInput, deadlineSeconds: 600, onCrash: 'resume',
  steps: [
    step('unplug', {
      run: async (nova, run) => onHost(nova, run, await hostOf(nova, run.resourceId), (compute, ctx, command) => compute.detachVolume(ctx, { ...command, volumeId: run.input.volumeId })),
      async undo(nova, run) {
        const host = await hostIfAny(nova, run.resourceId)
        if (host !== undefined) await onHostIfUp(nova, run, host, (compute, ctx, command) => compute.plugBackVolume(ctx, { ...command, volumeId: run.input.volumeId }))
      },
    }),
    pivot('disconnect', { run: (nova, run) => letGo(nova, run.ctx, run.input) }),
    step('publish', {
      async commit(tx, nova, run) {
        await forgetDevice(tx as CellTx, run.input.blockDeviceId)
        await endTask(tx, nova, run, 'compute_detach_volume', {})
      },
    }),
  ],
  async failed(tx, nova, run, fault) {
    // What only the server's deletion called off was accepted all the same: its volume does not go with it.
    if ((await findInstance(tx, run.input.serverId))?.task_state !== 'deleting') await setDetaching(tx as CellTx, run.input.blockDeviceId, false)
    await failTask(tx, nova, run, 'compute_detach_volume', fault, {})
  },
})

export interface NewAttachment {
  readonly volumeId: string
  readonly device?: string
  readonly tag?: string
  readonly deleteOnTermination: boolean
}

/** Accepted: the volume will be plugged in. @throws NotFound for an unknown volume, BadRequest for one that is in use */
export async function attachVolume(nova: Nova, ctx: RequestContext, serverId: string, wanted: NewAttachment): Promise<BlockDevice> {
  await serverFor(nova, ctx, serverId, 'os_compute_api:os-volumes-attachments:create')
  const volume = await showVolume(nova.runtime, ctx, wanted.volumeId)
  if (!volume) throw new NotFound(`Volume ${wanted.volumeId} could not be found.`)
  const devices = await blockDevicesOf(nova, serverId)
  if (devices.some(({ volumeId }) => volumeId === volume.id)) throw new BadRequest(`Invalid volume: volume ${volume.id} already attached`)
  checkAttachable(volume)
  checkDeviceCount(nova.settings, devices.length + 1)
  const taken = new Set(devices.flatMap(({ deviceName }) => deviceName ?? []))
  const name = wanted.device ?? nextDeviceName(taken, undefined)
  if (taken.has(name)) throw new Conflict(`The supplied device path (${name}) is in use.`)
  const [row] = deviceRows(nova, serverId, [{
    source: 'volume', destination: 'volume', id: volume.id, deviceName: name, deleteOnTermination: wanted.deleteOnTermination, ...(wanted.tag !== undefined && { tag: wanted.tag }),
  }], now(nova))
  if (!row) throw new Error('no row was planned for the volume')
  let operationId: string
  try {
    operationId = await beginServerTask(nova, ctx, {
      action: 'attach_volume', refusal: 'attach_volume', rule: 'os_compute_api:os-volumes-attachments:create', from: resting,
      definition: attachVolumeOperation, input: { serverId, blockDeviceId: row.uuid, volumeId: volume.id },
      also: (tx) => insertDevices(tx, [{ ...row, volume_size: volume.sizeGiB }]),
    })
  } catch (error) {
    if (isUniqueViolation(error, 'volume_id')) throw new BadRequest(`Invalid volume: volume ${volume.id} already attached`, {}, error)
    throw error
  }
  await heedRefusal(nova, ctx, operationId)
  return toBlockDevice({ ...row, volume_size: volume.sizeGiB })
}

const refusalSeconds = 10

/**
 * Of two servers that ask for one volume at once cinder refuses one. Its client is told so with the answer, as upstream
 * does by reserving in the request; what takes longer goes on behind the accepted request.
 */
async function heedRefusal(nova: Nova, ctx: RequestContext, operationId: string): Promise<void> {
  const { clock } = nova.runtime
  const deadline = clock.monotonic() + refusalSeconds * 1000
  for (let pause = 10; clock.monotonic() < deadline; pause = Math.min(pause * 1.5, 100)) {
    const attach = (await nova.operations.cell.journal(operationId)).find((entry) => entry.step === 'attach' && entry.phase === 'run')
    if (attach?.status === 'done') return
    if (attach?.status === 'failed') {
      const { status, message } = JSON.parse(attach.error ?? '{}') as { status?: number; message?: string }
      if (status !== undefined && status < 500) throw new BadRequest(`Invalid volume: ${message ?? 'it was refused'}`)
      return
    }
    await clock.sleep(pause, ctx.signal)
  }
}

/** @throws NotFound when the server has no such volume */
export async function attachedVolume(nova: Nova, serverId: string, volumeId: string): Promise<BlockDevice> {
  const device = (await blockDevicesOf(nova, serverId)).find((each) => each.volumeId === volumeId)
  if (!device) throw new NotFound(`Instance ${serverId} is not attached.`)
  return device
}

export async function detachVolume(nova: Nova, ctx: RequestContext, serverId: string, volumeId: string): Promise<void> {
  const rule = 'os_compute_api:os-volumes-attachments:delete'
  await serverFor(nova, ctx, serverId, rule)
  const device = await attachedVolume(nova, serverId, volumeId)
  if (device.bootIndex === 0) throw new Forbidden('Cannot detach a root device volume')
  await beginServerTask(nova, ctx, {
    action: 'detach_volume', refusal: 'detach_volume', rule, from: resting, definition: detachVolumeOperation, input: { serverId, blockDeviceId: device.id, volumeId },
    async also(tx) {
      const open = await openOperationsOf(tx, serverId)
      if (open.some(({ input, kind }) => /volume/.test(kind) && (JSON.parse(input) as Partial<AttachRun>).volumeId === volumeId)) {
        throw new BadRequest(`Invalid volume: Unable to detach volume. Volume ${volumeId} is being attached or detached.`)
      }
      await setDetaching(tx, device.id, true)
    },
  })
}

export async function keepWithServer(nova: Nova, ctx: RequestContext, serverId: string, volumeId: string, deleteOnTermination: boolean): Promise<void> {
  await serverFor(nova, ctx, serverId, 'os_compute_api:os-volumes-attachments:update')
  const device = await attachedVolume(nova, serverId, volumeId)
  await nova.cells.cell1.transaction((tx) => setDeleteOnTermination(tx, device.id, deleteOnTermination, now(nova)))
}
