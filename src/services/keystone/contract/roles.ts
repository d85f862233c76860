// Roles, and which role implies which.
import { deferred, defineRoutes, Identifier, Nullable, type Static, Type } from '#core/spec'
import { byId, Description, EntityName, IdText, listParts, open, openChange, page, ResourceOptions, SelfLink, Text } from './schemas.ts'

export const Role = Type.Object({
  id: Type.String(), name: Type.String(), domain_id: Nullable(Type.String()), description: Nullable(Type.String()), options: Type.Object({}), links: SelfLink,
}, open)
export type Role = Static<typeof Role>

const changeable = {
  name: Type.Optional(EntityName), description: Type.Optional(Description), domain_id: Type.Optional(Nullable(IdText)), options: Type.Optional(ResourceOptions),
}

const RoleLink = Type.Object({ id: Type.String(), name: Type.String(), links: SelfLink })
const byImplication = Type.Object({ id: Identifier, implied_id: Identifier })
const Implication = Type.Object({ role_inference: Type.Object({ prior_role: RoleLink, implies: RoleLink }), links: SelfLink })

export const roleRoutes = defineRoutes('keystone', {
  listRoles: {
    method: 'GET', path: '/roles', policy: deferred('identity:list_roles', 'identity:list_domain_roles'), summary: 'List roles; those of one domain with domain_id.',
    query: Type.Object({ ...page, name: Text, domain_id: Text }), reply: { 200: Type.Object({ roles: Type.Array(Role), ...listParts }) }, faults: [401, 403],
  },
  createRole: {
    method: 'POST', path: '/roles', policy: deferred('identity:create_role', 'identity:create_domain_role'), summary: 'Create a role.',
    body: Type.Object({ role: Type.Object({ ...changeable, name: EntityName }, open) }),
    reply: { 201: Type.Object({ role: Role }) }, faults: [400, 401, 403, 409],
  },
  showRole: {
    method: 'GET', path: '/roles/:id', policy: deferred('identity:get_role', 'identity:get_domain_role'), summary: 'Show a role.',
    params: byId, reply: { 200: Type.Object({ role: Role }) }, faults: [401, 403, 404],
  },
  updateRole: {
    method: 'PATCH', path: '/roles/:id', policy: deferred('identity:update_role', 'identity:update_domain_role'), summary: 'Change a role.',
    params: byId, body: Type.Object({ role: Type.Object(changeable, openChange) }), reply: { 200: Type.Object({ role: Role }) }, faults: [400, 401, 403, 404, 409],
  },
  deleteRole: {
    method: 'DELETE', path: '/roles/:id', policy: deferred('identity:delete_role', 'identity:delete_domain_role'), summary: 'Delete a role with its assignments.',
    params: byId, reply: { 204: null }, faults: [401, 403, 404],
  },
  listImpliedRoles: {
    method: 'GET', path: '/roles/:id/implies', policy: 'identity:list_implied_roles', summary: 'List what a role implies directly.',
    params: byId, reply: { 200: Type.Object({ role_inference: Type.Object({ prior_role: RoleLink, implies: Type.Array(RoleLink) }), links: SelfLink }) }, faults: [401, 403, 404],
  },
  showImpliedRole: {
    method: 'GET', path: '/roles/:id/implies/:implied_id', policy: 'identity:get_implied_role', summary: 'Show that one role implies another.',
    params: byImplication, reply: { 200: Implication }, faults: [401, 403, 404],
  },
  checkImpliedRole: {
    method: 'HEAD', path: '/roles/:id/implies/:implied_id', policy: 'identity:check_implied_role', summary: 'Ask whether one role implies another.',
    params: byImplication, reply: { 204: null }, faults: [401, 403, 404],
  },
  createImpliedRole: {
    method: 'PUT', path: '/roles/:id/implies/:implied_id', policy: 'identity:create_implied_role', summary: 'Let a role imply another.',
    params: byImplication, reply: { 201: Implication }, faults: [400, 401, 403, 404, 409],
  },
  deleteImpliedRole: {
    method: 'DELETE', path: '/roles/:id/implies/:implied_id', policy: 'identity:delete_implied_role', summary: 'Let a role no longer imply another.',
    params: byImplication, reply: { 204: null }, faults: [401, 403, 404],
  },
  listRoleInferences: {
    method: 'GET', path: '/role_inferences', policy: 'identity:list_role_inference_rules', summary: 'List all implications.',
    reply: { 200: Type.Object({ role_inferences: Type.Array(Type.Object({ prior_role: RoleLink, implies: Type.Array(RoleLink) })), links: SelfLink }) }, faults: [401, 403],
  },
})
