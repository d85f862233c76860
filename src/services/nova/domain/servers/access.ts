// A server of a request: found, and the caller allowed to do with it what it asks.
import type { RequestContext } from '#core/context'
import { InstanceIsLocked, notFound } from '../../model/errors.ts'
import { requireRule } from '../authorize.ts'
import type { Nova } from '../nova.ts'
import { type Located, locate } from './locate.ts'

/** @throws InstanceNotFound also for a server of another project, so that its existence is not told; Forbidden for want of a role */
export async function serverFor(nova: Nova, ctx: RequestContext, serverId: string, rule: string): Promise<Located> {
  const located = await locate(nova, serverId)
  const { project_id: projectId, user_id: userId } = located.rows.instance
  if (projectId !== ctx.identity.projectId && !ctx.identity.roles.includes('admin')) throw notFound(serverId)
  requireRule(nova, ctx, rule, { project_id: projectId, user_id: userId })
  return located
}

/** @throws InstanceIsLocked unless the caller may pass over locks */
export function refuseLocked(nova: Nova, ctx: RequestContext, { rows: { instance } }: Pick<Located, 'rows'>): void {
  if (instance.locked === 0) return
  if (nova.policy.allows('os_compute_api:os-lock-server:unlock:unlock_override', ctx.identity, { project_id: instance.project_id })) return
  throw new InstanceIsLocked(`Instance ${instance.uuid} is locked`)
}
