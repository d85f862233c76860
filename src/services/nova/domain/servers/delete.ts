// The deletion of a server: accepted in every unlocked state, calls off whatever runs, and goes only forward.
import type { RequestContext } from '#core/context'
import { afterCommit, type Db } from '#core/db'
import { defineOperation, type OperationRun, pivot, step } from '#core/operations'
import { Type, Uuid } from '#core/spec'
import type { ApiTables } from '../../db/api-tables.ts'
import { noteEvent, startAction } from '../../db/actions.ts'
import { findMapping, forgetServer, queueForDelete } from '../../db/build-requests.ts'
import { findAnyInstance, findInstance, markDeleted, updateInstance } from '../../db/instances.ts'
import { cellNames } from '../../db/open.ts'
import { release } from '../../neighbours/placement.ts'
import { onHostIfUp } from '../host-commands.ts'
import { type Nova, now, ring } from '../nova.ts'
import { refuseLocked, serverFor } from './access.ts'
import { writeInCell } from './cell-writes.ts'
import { releasePorts } from './release-ports.ts'
import { blockDevicesOf, deleteVolumes, disconnectVolumes, noteLeftVolumes } from './release-volumes.ts'

interface Input {
  readonly serverId: string
}
type Run = OperationRun<Input>

/** A repeated request finds the deletion under way, and that is well. */
export async function deleteServer(nova: Nova, ctx: RequestContext, serverId: string, rule = 'os_compute_api:servers:delete'): Promise<void> {
  const located = await serverFor(nova, ctx, serverId, rule)
  refuseLocked(nova, ctx, located)
  const { traceId: _none, ...own } = ctx
  const cancelled = await nova.api.transaction(async (tx) => {
    if (!(await queueForDelete(tx, serverId))) {
      await nova.operations.api.join(tx, ctx, removeServer.kind, serverId)
      return undefined
    }
    const id = await nova.operations.api.begin(tx, own, removeServer, { resourceId: serverId, input: { serverId }, projectId: located.mapping.project_id })
    return nova.operations.api.cancel(tx, serverId, { except: id })
  })
  if (cancelled === undefined) return
  const { cell } = located
  if (cell) await nova.cells[cell].transaction((tx) => showDeleting(nova, tx, ctx, serverId))
  await ring(nova, ctx, 'api', cancelled)
  if (cell && located.rows.instance.host === null) await untilGone(nova, ctx, serverId)
}

const goneSeconds = 5

/**
 * A server that no host has is gone with the answer, as upstream's API deletes it itself: clients take one that they still see in
 * ERROR for one that could not be deleted.
 */
async function untilGone(nova: Nova, ctx: RequestContext, serverId: string): Promise<void> {
  const { clock } = nova.runtime
  const deadline = clock.monotonic() + goneSeconds * 1000
  for (let pause = 10; clock.monotonic() < deadline && (await findMapping(nova.api.read, serverId)); pause = Math.min(pause * 1.5, 200)) await clock.sleep(pause, ctx.signal)
}

type CellTx = Parameters<Parameters<Nova['cells']['cell1']['transaction']>[0]>[0]

/** From now on nothing else can begin with the server. */
async function showDeleting(nova: Nova, tx: CellTx, ctx: Pick<RequestContext, 'requestId' | 'identity'>, serverId: string): Promise<boolean> {
  const instance = await findInstance(tx, serverId)
  if (!instance) return false
  await updateInstance(tx, serverId, { task_state: 'deleting', updated_at: now(nova) })
  await startAction(tx, { serverId, action: 'delete', requestId: ctx.requestId, userId: ctx.identity.userId, projectId: ctx.identity.projectId ?? instance.project_id }, now(nova))
  return true
}

async function stopOtherWork(nova: Nova, run: Run): Promise<void> {
  const { serverId } = run.input
  const { api, cell } = nova.operations
  const builds = await nova.api.transaction((tx) => api.cancel(tx, serverId, { except: run.id }))
  let tasks: readonly string[] = []
  for (const name of cellNames) {
    await nova.cells[name].transaction(async (tx) => {
      await showDeleting(nova, tx, run.ctx, serverId)
      if (name === 'cell1') tasks = await cell.cancel(tx, serverId)
    })
  }
  // Another conductor may be at work on them.
  if (builds.length > 0) await ring(nova, run.ctx, 'api', builds)
  if (tasks.length > 0) await ring(nova, run.ctx, 'cell', tasks)
  await run.aside(api.settled(serverId, { except: run.id, signal: run.signal }))
  await run.aside(cell.settled(serverId, { signal: run.signal }))
}

async function destroyGuest(nova: Nova, run: Run): Promise<{ host?: string; found: boolean }> {
  const { serverId } = run.input
  const instance = await findInstance(nova.cells.cell1.read, serverId)
  if (!instance || instance.host === null) return { found: instance !== undefined }
  const { host } = instance
  // A host that is down finds the guest gone from the books when it is back, and removes it.
  await onHostIfUp(nova, run, host, (compute, ctx, command) => compute.destroy(ctx, command))
  return { host, found: true }
}

async function releaseVolumes(nova: Nova, run: Run): Promise<void> {
  const { serverId } = run.input
  const devices = await blockDevicesOf(nova, serverId)
  await disconnectVolumes(nova, run)
  const going = devices.filter(({ destination, deleteOnTermination, detaching }) => destination === 'volume' && deleteOnTermination && !detaching)
  const left = await deleteVolumes(nova, run, going.flatMap(({ volumeId, formerVolumeId }) => volumeId ?? formerVolumeId ?? []))
  if (left.length > 0) await writeInCell(nova, run, (tx) => noteLeftVolumes(tx, nova, run, left))
}

async function removeRows(nova: Nova, run: Run): Promise<void> {
  const { serverId } = run.input
  for (const name of cellNames) {
    await nova.cells[name].transaction(async (tx) => {
      const instance = await findAnyInstance(tx, serverId)
      if (!instance || instance.deleted) return
      const at = now(nova)
      await noteEvent(tx, serverId, run.ctx.requestId, { event: 'compute_terminate_instance', host: instance.host, result: 'Success' }, at, true)
      await markDeleted(tx, serverId, at)
    })
  }
}

/** Only then the host may forget the operation: it refuses one that it was told is over. One that does not listen finds that out at its next start. */
async function forget(tx: Db<ApiTables>, nova: Nova, run: Run): Promise<void> {
  await forgetServer(tx, run.input.serverId)
  const host = run.result<{ host?: string }>('destroy-guest')?.host
  if (host !== undefined) afterCommit(tx, () => void nova.compute.on(host).operationEnded(run.ctx, { operationId: run.id }).catch(() => undefined))
}

export const removeServer = defineOperation<Nova, Input>('server.delete', {
  input: Type.Object({ serverId: Uuid }),
  deadlineSeconds: 3600,
  onCrash: 'resume',
  steps: [
    pivot('stop-other-work', { run: stopOtherWork }),
    step('destroy-guest', { run: destroyGuest }),
    step('release-volumes', { run: releaseVolumes }),
    step('release-ports', { run: releasePorts }),
    step('release-allocation', { run: (nova, run) => release(nova.runtime, run.ctx, run.input.serverId) }),
    step('remove-rows', { run: removeRows }),
    step('forget', { commit: forget }),
  ],
})
