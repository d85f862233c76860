// Handlers of users, their passwords, and groups.
import type { RequestContext } from '#core/context'
import type { Handlers } from '#core/http'
import type { groupRoutes } from '../contract/groups.ts'
import type { userRoutes } from '../contract/users.ts'
import { findUser, type UserWithDomain } from '../db/tokens.ts'
import { type ExpiryFilter, findGroup, type GroupRow, isMember, listGroups, listUsers } from '../db/users.ts'
import type { Keystone } from '../domain/keystone.ts'
import {
  addToGroup, changeGroup, changeOwnPassword, changeUser, createGroup, createUser, removeFromGroup, removeGroup, removeUser,
} from '../domain/users.ts'
import { noTimestamp, notFound, ValidationError } from '../model/errors.ts'
import { type Filterable, listParts, readList } from './lists.ts'
import { authorize } from './policy.ts'
import { domainFor, domainTarget, ownDomain } from './scope.ts'
import { viewGroup, viewUser } from './views.ts'

const userFilters: Filterable = { name: 'text', enabled: 'boolean', domain_id: 'text' }
const groupFilters: Filterable = { name: 'text', domain_id: 'text' }

const operators: ReadonlyMap<string, ExpiryFilter['operator']> = new Map([['lt', '<'], ['lte', '<='], ['eq', '='], ['neq', '!='], ['gte', '>='], ['gt', '>']])

/** `password_expires_at=lt:2026-12-08T22:02:00Z`. What has a colon after two or three letters names an operator (identity/core.py, _translate_expired_password_hints). */
function readExpiry(text: string | undefined): ExpiryFilter | undefined {
  if (text === undefined) return undefined
  const [name, timestamp] = text.slice(2, 4).includes(':') ? [text.slice(0, text.indexOf(':')), text.slice(text.indexOf(':') + 1)] : ['eq', text]
  const at = parseTime(timestamp)
  if (at === undefined) throw noTimestamp()
  const operator = operators.get(name)
  if (!operator) throw new ValidationError(`The given operator ${name} is not valid. It must be one of the following: 'eq', 'neq', 'lt', 'lte', 'gt', or 'gte'.`)
  return { operator, at: at.toISOString().replace('Z', '000') }
}

/** In ISO 8601, of this time or of none, which is UTC. */
function parseTime(text: string): Date | undefined {
  const [, day, hour = 'T00:00:00', zone = 'Z'] = /^(\d{4}(?:-\d\d(?:-\d\d)?)?)([T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?(Z|[+-]\d\d:\d\d)?$/.exec(text) ?? []
  const at = new Date(day === undefined ? NaN : `${day.padEnd(10, '-01')}${hour.replace(' ', 'T')}${zone}`)
  return Number.isNaN(at.getTime()) ? undefined : at
}

export const userHandlers = (keystone: Keystone): Handlers<typeof userRoutes> => {
  const { database, policy, options } = keystone
  async function user(ctx: RequestContext, id: string, rule: string): Promise<UserWithDomain> {
    const row = await findUser(database.read, id)
    authorize(policy, rule, ctx.identity, row ? { target: { user: row } } : {})
    if (!row) throw notFound('user', id)
    return row
  }
  return {
    async listUsers(input) {
      const { ctx, query, baseUrl } = input
      authorize(policy, 'identity:list_users', ctx.identity, domainTarget(ctx.identity))
      const expiry = readExpiry(query.password_expires_at)
      const listed = await listUsers(database.read, readList(query, userFilters, options.list_limit, ownDomain(ctx.identity)), expiry ? { expiry } : {})
      return { status: 200, body: { users: listed.rows.map((row) => viewUser(row, baseUrl)), ...listParts(input, '/users', listed) } }
    },
    async createUser({ ctx, body, baseUrl }) {
      const domainId = domainFor(body.user.domain_id, ctx.identity)
      authorize(policy, 'identity:create_user', ctx.identity, { target: { user: { domain_id: domainId } } })
      return { status: 201, body: { user: viewUser(await createUser(keystone, body.user, domainId), baseUrl) } }
    },
    async showUser({ ctx, params, baseUrl }) {
      return { status: 200, body: { user: viewUser(await user(ctx, params.id, 'identity:get_user'), baseUrl) } }
    },
    async updateUser({ ctx, params, body, baseUrl }) {
      const row = await user(ctx, params.id, 'identity:update_user')
      return { status: 200, body: { user: viewUser(await changeUser(keystone, row, body.user), baseUrl) } }
    },
    async deleteUser({ ctx, params }) {
      await user(ctx, params.id, 'identity:delete_user')
      await removeUser(keystone, params.id)
      return { status: 204 }
    },
    async changePassword({ params, body }) {
      await changeOwnPassword(keystone, params.id, body.user.password, body.user.original_password)
      return { status: 204 }
    },
  }
}

export const groupHandlers = (keystone: Keystone): Handlers<typeof groupRoutes> => {
  const { database, policy, options } = keystone
  async function group(ctx: RequestContext, id: string, rule: string): Promise<GroupRow> {
    const row = await findGroup(database.read, id)
    authorize(policy, rule, ctx.identity, row ? { target: { group: row } } : {})
    if (!row) throw notFound('group', id)
    return row
  }
  async function pair(ctx: RequestContext, params: { id: string; user_id: string }, rule: string): Promise<void> {
    const row = await findGroup(database.read, params.id)
    const user = await findUser(database.read, params.user_id)
    authorize(policy, rule, ctx.identity, row && user ? { target: { group: row, user } } : {})
    if (!row) throw notFound('group', params.id)
    if (!user) throw notFound('user', params.user_id)
  }
  return {
    async listGroups(input) {
      const { ctx, query, baseUrl } = input
      authorize(policy, 'identity:list_groups', ctx.identity, domainTarget(ctx.identity))
      const listed = await listGroups(database.read, readList(query, groupFilters, options.list_limit, ownDomain(ctx.identity)))
      return { status: 200, body: { groups: listed.rows.map((row) => viewGroup(row, baseUrl)), ...listParts(input, '/groups', listed) } }
    },
    async createGroup({ ctx, body, baseUrl }) {
      const domainId = domainFor(body.group.domain_id, ctx.identity)
      authorize(policy, 'identity:create_group', ctx.identity, { target: { group: { domain_id: domainId } } })
      return { status: 201, body: { group: viewGroup(await createGroup(keystone, body.group, domainId), baseUrl) } }
    },
    async showGroup({ ctx, params, baseUrl }) {
      return { status: 200, body: { group: viewGroup(await group(ctx, params.id, 'identity:get_group'), baseUrl) } }
    },
    async updateGroup({ ctx, params, body, baseUrl }) {
      const row = await group(ctx, params.id, 'identity:update_group')
      return { status: 200, body: { group: viewGroup(await changeGroup(keystone, row, body.group), baseUrl) } }
    },
    async deleteGroup({ ctx, params }) {
      await group(ctx, params.id, 'identity:delete_group')
      await removeGroup(keystone, params.id)
      return { status: 204 }
    },
    async listGroupUsers(input) {
      const { ctx, params, query, baseUrl } = input
      await group(ctx, params.id, 'identity:list_users_in_group')
      const expiry = readExpiry(query.password_expires_at)
      const listed = await listUsers(database.read, readList(query, userFilters, options.list_limit, ownDomain(ctx.identity)), { groupId: params.id, ...(expiry && { expiry }) })
      return { status: 200, body: { users: listed.rows.map((row) => viewUser(row, baseUrl)), ...listParts(input, `/groups/${params.id}/users`, listed) } }
    },
    async checkGroupUser({ ctx, params }) {
      await pair(ctx, params, 'identity:check_user_in_group')
      if (!(await isMember(database.read, params.user_id, params.id))) throw notFound('user', `${params.user_id} in group ${params.id}`)
      return { status: 204 }
    },
    async addGroupUser({ ctx, params }) {
      await pair(ctx, params, 'identity:add_user_to_group')
      await addToGroup(keystone, params.user_id, params.id)
      return { status: 204 }
    },
    async removeGroupUser({ ctx, params }) {
      await pair(ctx, params, 'identity:remove_user_from_group')
      await removeFromGroup(keystone, params.user_id, params.id)
      return { status: 204 }
    },
    async listUserGroups(input) {
      const { ctx, params, query, baseUrl } = input
      const user = await findUser(database.read, params.id)
      authorize(policy, 'identity:list_groups_for_user', ctx.identity, user ? { user_id: user.id, target: { user } } : {})
      if (!user) throw notFound('user', params.id)
      const listed = await listGroups(database.read, readList(query, groupFilters, options.list_limit, ownDomain(ctx.identity)), { userId: params.id })
      return { status: 200, body: { groups: listed.rows.map((row) => viewGroup(row, baseUrl)), ...listParts(input, `/users/${params.id}/groups`, listed) } }
    },
  }
}
