// Handlers and views of server groups.
import { type Handlers, readPage } from '#core/http'
import type { Version } from '#core/spec'
import type { NewServerGroupWire, ServerGroupBody, serverGroupRoutes } from '../contract/server-groups.ts'
import type { Nova } from '../domain/nova.ts'
import { createServerGroup, findServerGroups, type NewServerGroup, removeServerGroup, showServerGroup } from '../domain/server-groups.ts'
import type { ServerGroup } from '../model/server-group.ts'
import { readOffset, toNumber } from './values.ts'

export const serverGroupHandlers = (nova: Nova): Handlers<typeof serverGroupRoutes> => ({
  async listServerGroups({ ctx, query, version }) {
    const { max_limit: maxLimit } = nova.settings
    const { all_projects: everywhere, limit } = query
    // A limit of 0 is none of the client's own, here.
    const page = readPage(limit === undefined ? {} : { limit }, { sortable: [], defaultSort: [], maxLimit, zeroIsUnlimited: true })
    const groups = await findServerGroups(nova, ctx, everywhere !== undefined, { limit: page.limit, offset: readOffset(query.offset) })
    return { status: 200, body: { server_groups: groups.map((group) => viewServerGroup(group, version)) } }
  },
  async createServerGroup({ ctx, body, version }) {
    return { status: 200, body: { server_group: viewServerGroup(await createServerGroup(nova, ctx, newGroup(body.server_group)), version) } }
  },
  async showServerGroup({ ctx, params, version }) {
    return { status: 200, body: { server_group: viewServerGroup(await showServerGroup(nova, ctx, params.id), version) } }
  },
  async deleteServerGroup({ ctx, params }) {
    await removeServerGroup(nova, ctx, params.id)
    return { status: 204 }
  },
})

function newGroup(asked: NewServerGroupWire): NewServerGroup {
  if ('policies' in asked) return { name: asked.name, policy: asked.policies[0] ?? 'affinity' }
  const most = asked.rules?.max_server_per_host
  return { name: asked.name, policy: asked.policy, ...(most !== undefined && { maxServerPerHost: toNumber(most) }) }
}

function viewServerGroup(group: ServerGroup, version: Version): ServerGroupBody {
  const { id, name, projectId, userId, policy, maxServerPerHost, members } = group
  return {
    id, name, members: [...members], ...(version.atLeast('2.13') && { project_id: projectId, user_id: userId }),
    ...(version.atLeast('2.64')
      ? { policy, rules: maxServerPerHost === undefined ? {} : { max_server_per_host: maxServerPerHost } }
      : { policies: [policy], metadata: {} }),
  }
}
