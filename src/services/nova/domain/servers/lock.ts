// Locks against accidents, and an admin's word on what state a server is in.
import type { RequestContext } from '#core/context'
import { Conflict } from '#core/errors'
import { startAction } from '../../db/actions.ts'
import type { InstanceRow } from '../../db/cell-tables.ts'
import { findInstance, updateInstance } from '../../db/instances.ts'
import { notFound } from '../../model/errors.ts'
import { byAdmin, byOwner } from '../../model/server-states.ts'
import { type Nova, now } from '../nova.ts'
import { requireRule } from '../authorize.ts'
import { serverFor } from './access.ts'
import { isBuild, type Located } from './locate.ts'
import { changeServer } from './update.ts'

export async function lockServer(nova: Nova, ctx: RequestContext, serverId: string, reason: string | null): Promise<void> {
  const located = await serverFor(nova, ctx, serverId, 'os_compute_api:os-lock-server:lock')
  const { instance } = located.rows
  const own = instance.project_id === ctx.identity.projectId
  // The owner's lock takes the place of none, and one without a reason leaves the former's (nova/compute/api.py, lock).
  if (own && instance.locked !== 0) return
  await change(nova, ctx, located, 'lock', { locked: own ? byOwner : byAdmin, ...(reason !== null && { locked_reason: reason }) })
}

export async function unlockServer(nova: Nova, ctx: RequestContext, serverId: string): Promise<void> {
  const located = await serverFor(nova, ctx, serverId, 'os_compute_api:os-lock-server:unlock')
  const { instance } = located.rows
  if (instance.locked === byAdmin) requireRule(nova, ctx, 'os_compute_api:os-lock-server:unlock:unlock_override', { project_id: instance.project_id })
  await change(nova, ctx, located, 'unlock', { locked: 0, locked_reason: null })
}

/** What is only planned has no history yet. */
async function change(nova: Nova, ctx: RequestContext, located: Located, action: string, set: Partial<Pick<InstanceRow, 'locked' | 'locked_reason'>>): Promise<void> {
  const { identity, requestId } = ctx
  const serverId = located.rows.instance.uuid
  const cell = await changeServer(nova, serverId, located, set)
  if (cell) await nova.cells[cell].transaction((tx) => startAction(tx, { serverId, action, requestId, userId: identity.userId, projectId: identity.projectId ?? '' }, now(nova)))
}

/**
 * The rows say what the admin says, until an operation under way ends and says what is. Not of a server that is being built or
 * deleted: what is accepted in the new state would run beside that.
 *
 * @throws Conflict
 */
export async function resetState(nova: Nova, ctx: RequestContext, serverId: string, state: 'active' | 'error'): Promise<void> {
  const located = await serverFor(nova, ctx, serverId, 'os_compute_api:os-admin-actions:reset_state')
  const { cell, mapping } = located
  const refused = () => new Conflict('The server is being built or deleted; its operation sets its state.')
  if (!cell || mapping.queued_for_delete === 1) throw refused()
  const isBuilt = (await nova.operations.api.open(serverId)).some(isBuild)
  await nova.cells[cell].transaction(async (tx) => {
    const instance = await findInstance(tx, serverId)
    if (!instance) throw notFound(serverId)
    if ((isBuilt && instance.vm_state === 'building') || instance.task_state === 'deleting') throw refused()
    await updateInstance(tx, serverId, { vm_state: state, task_state: null, updated_at: now(nova) })
    await startAction(tx, { serverId, action: 'resetState', requestId: ctx.requestId, userId: ctx.identity.userId, projectId: ctx.identity.projectId ?? '' }, now(nova))
  })
}
