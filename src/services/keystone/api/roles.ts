// Handlers of roles and of what they imply.
import type { RequestContext } from '#core/context'
import type { Handlers } from '#core/http'
import type { roleRoutes } from '../contract/roles.ts'
import { findRole, listRoles, type RoleRow } from '../db/roles.ts'
import { type Keystone, roleGraph } from '../domain/keystone.ts'
import { addImplication, changeRole, createRole, notImplied, removeImplication, removeRole } from '../domain/roles.ts'
import { notFound } from '../model/errors.ts'
import { type Filterable, listParts, readList } from './lists.ts'
import { authorize } from './policy.ts'
import { viewRole, viewRoleLink } from './views.ts'

const filters: Filterable = { name: 'text' }

export const roleHandlers = (keystone: Keystone): Handlers<typeof roleRoutes> => {
  const { database, policy, options } = keystone

  /** A role of one domain has rules of its own. */
  async function role(ctx: RequestContext, id: string, verb: 'get' | 'update' | 'delete'): Promise<RoleRow> {
    const row = await findRole(database.read, id)
    authorize(policy, row && row.domain_id !== '' ? `identity:${verb}_domain_role` : `identity:${verb}_role`, ctx.identity, row ? { target: { role: row } } : {})
    if (!row) throw notFound('role', id)
    return row
  }

  async function known(id: string): Promise<RoleRow> {
    const row = await findRole(database.read, id)
    if (!row) throw notFound('role', id)
    return row
  }

  /** @throws NotFound unless the first implies the second directly */
  async function implication(id: string, impliedId: string): Promise<readonly [RoleRow, RoleRow]> {
    const pair = [await known(id), await known(impliedId)] as const
    if (!(await roleGraph(keystone)).implied.get(id)?.includes(impliedId)) throw notImplied(id, impliedId)
    return pair
  }

  const viewImplication = ([prior, implied]: readonly [RoleRow, RoleRow], baseUrl: string) => ({
    role_inference: { prior_role: viewRoleLink(prior, baseUrl), implies: viewRoleLink(implied, baseUrl) },
    links: { self: `${baseUrl}/roles/${prior.id}/implies/${implied.id}` },
  })

  return {
    async listRoles(input) {
      const { ctx, query, baseUrl } = input
      const { identity } = ctx
      authorize(policy, query.domain_id === undefined ? 'identity:list_roles' : 'identity:list_domain_roles', identity, { caller_domain_id: identity.domainId })
      const listed = await listRoles(database.read, query.domain_id ?? '', readList(query, filters, options.list_limit))
      return { status: 200, body: { roles: listed.rows.map((row) => viewRole(row, baseUrl)), ...listParts(input, '/roles', listed) } }
    },
    async createRole({ ctx, body, baseUrl }) {
      authorize(policy, typeof body.role.domain_id === 'string' ? 'identity:create_domain_role' : 'identity:create_role', ctx.identity)
      return { status: 201, body: { role: viewRole(await createRole(keystone, body.role), baseUrl) } }
    },
    async showRole({ ctx, params, baseUrl }) {
      return { status: 200, body: { role: viewRole(await role(ctx, params.id, 'get'), baseUrl) } }
    },
    async updateRole({ ctx, params, body, baseUrl }) {
      const row = await role(ctx, params.id, 'update')
      return { status: 200, body: { role: viewRole(await changeRole(keystone, row, body.role), baseUrl) } }
    },
    async deleteRole({ ctx, params }) {
      await removeRole(keystone, await role(ctx, params.id, 'delete'))
      return { status: 204 }
    },
    async listImpliedRoles({ params, baseUrl }) {
      const prior = await known(params.id)
      const graph = await roleGraph(keystone)
      const implied = (graph.implied.get(prior.id) ?? []).flatMap((id) => graph.byId.get(id) ?? [])
      return {
        status: 200,
        body: {
          role_inference: { prior_role: viewRoleLink(prior, baseUrl), implies: implied.map((each) => viewRoleLink(each, baseUrl)) },
          links: { self: `${baseUrl}/roles/${prior.id}/implies` },
        },
      }
    },
    async showImpliedRole({ params, baseUrl }) {
      return { status: 200, body: viewImplication(await implication(params.id, params.implied_id), baseUrl) }
    },
    async checkImpliedRole({ params }) {
      await implication(params.id, params.implied_id)
      return { status: 204 }
    },
    async createImpliedRole({ params, baseUrl }) {
      return { status: 201, body: viewImplication(await addImplication(keystone, params.id, params.implied_id), baseUrl) }
    },
    async deleteImpliedRole({ params }) {
      await removeImplication(keystone, params.id, params.implied_id)
      return { status: 204 }
    },
    async listRoleInferences({ baseUrl }) {
      const { byId, implied } = await roleGraph(keystone)
      const inferences = [...implied].flatMap(([priorId, impliedIds]) => {
        const prior = byId.get(priorId)
        return prior ? [{ prior_role: viewRoleLink(prior, baseUrl), implies: impliedIds.flatMap((id) => byId.get(id) ?? []).map((each) => viewRoleLink(each, baseUrl)) }] : []
      })
      return { status: 200, body: { role_inferences: inferences, links: { self: `${baseUrl}/role_inferences` } } }
    },
  }
}
