// Making, showing and removing server groups, within the project's quota.
import type { RequestContext } from '#core/context'
import { lockClaim } from '#core/db'
import { BadRequest, Conflict, Forbidden, NotFound } from '#core/errors'
import { once } from '#core/operations'
import { countServerGroups, deleteServerGroup, findServerGroup, insertServerGroup, listServerGroups } from '../db/server-groups.ts'
import type { GroupPolicy, ServerGroup } from '../model/server-group.ts'
import { requireRule } from './authorize.ts'
import { hasRoom, projectLimits, userLimits } from './limits.ts'
import { type Nova, now } from './nova.ts'

export interface NewServerGroup {
  readonly name: string
  readonly policy: GroupPolicy
  readonly maxServerPerHost?: number
}

function missing(id: string) {
  return new NotFound(`Instance group ${id} could not be found.`)
}

export async function createServerGroup(nova: Nova, ctx: RequestContext, asked: NewServerGroup): Promise<ServerGroup> {
  const { userId, projectId = '' } = ctx.identity
  if (asked.maxServerPerHost !== undefined && asked.policy !== 'anti-affinity') throw new BadRequest('Only anti-affinity policy supports rules.')
  const group = { ...asked, id: nova.runtime.ids.uuid(), projectId, userId }
  const { value, repeated } = await nova.api.transaction((tx) => once(tx, ctx, nova.runtime, async () => {
    await lockClaim(tx, 'server groups', projectId)
    const [ofProject, ofUser] = [await projectLimits(nova, projectId, tx), await userLimits(nova, projectId, userId, tx)]
    const room = hasRoom(ofProject.server_groups, await countServerGroups(tx, projectId)) && hasRoom(ofUser.server_groups, await countServerGroups(tx, projectId, userId))
    if (!room) throw new Forbidden('Quota exceeded, too many server groups.')
    await insertServerGroup(tx, group, now(nova))
    return { id: group.id }
  }))
  if (!repeated) return { ...group, members: [] }
  const first = await findServerGroup(nova.api.read, value.id)
  if (!first) throw new Conflict(`What this request made the first time is gone: ${value.id}.`)
  return first
}

async function allowed(nova: Nova, ctx: RequestContext, action: string, id: string): Promise<ServerGroup> {
  const group = await findServerGroup(nova.api.read, id)
  if (!group) throw missing(id)
  requireRule(nova, ctx, `os_compute_api:os-server-groups:${action}`, { project_id: group.projectId })
  return group
}

export async function showServerGroup(nova: Nova, ctx: RequestContext, id: string): Promise<ServerGroup> {
  return allowed(nova, ctx, 'show', id)
}

/** Its servers stay. */
export async function removeServerGroup(nova: Nova, ctx: RequestContext, id: string): Promise<void> {
  await allowed(nova, ctx, 'delete', id)
  if (!(await nova.api.transaction((tx) => deleteServerGroup(tx, id)))) throw missing(id)
}

/** @param everywhere all projects' groups; who may not see them gets the own project's, as upstream */
export async function findServerGroups(nova: Nova, ctx: RequestContext, everywhere: boolean, page: { limit: number; offset: number }): Promise<ServerGroup[]> {
  const { identity } = ctx
  const all = everywhere && nova.policy.allows('os_compute_api:os-server-groups:index:all_projects', identity, { project_id: identity.projectId })
  return listServerGroups(nova.api.read, all ? undefined : (identity.projectId ?? ''), page)
}
