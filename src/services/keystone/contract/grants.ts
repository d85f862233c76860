// Who has which role: granted on projects, domains and the system, also inherited by what is below, and listed over all.
import { deferred, defineRoutes, Identifier, Nullable, Type } from '#core/spec'
import { Role } from './roles.ts'
import { Flag, IdName, listParts, Text } from './schemas.ts'

const actorOn = Type.Object({ target_id: Identifier, actor_id: Identifier })
const roleOn = Type.Object({ target_id: Identifier, actor_id: Identifier, role_id: Identifier })
const systemActor = Type.Object({ actor_id: Identifier })
const systemRole = Type.Object({ actor_id: Identifier, role_id: Identifier })
const roles = { 200: Type.Object({ roles: Type.Array(Role), ...listParts }) }
const done = { 204: null }

const list = <const P extends string>(path: P) =>
  ({ method: 'GET', path, policy: deferred('identity:list_grants'), summary: 'List the roles given there.', params: actorOn, reply: roles, faults: [401, 403, 404] }) as const
const check = <const P extends string>(path: P) =>
  ({ method: 'GET', path, policy: deferred('identity:check_grant'), summary: 'Ask whether a role is given there.', params: roleOn, reply: done, faults: [401, 403, 404] }) as const
const give = <const P extends string>(path: P) =>
  ({ method: 'PUT', path, policy: deferred('identity:create_grant'), summary: 'Give a role there.', params: roleOn, reply: done, faults: [400, 401, 403, 404] }) as const
const take = <const P extends string>(path: P) =>
  ({ method: 'DELETE', path, policy: deferred('identity:revoke_grant'), summary: 'Take a role away; tokens lose it at once.', params: roleOn, reply: done, faults: [401, 403, 404] }) as const

export const grantRoutes = defineRoutes('keystone', {
  listProjectUserRoles: list('/projects/:target_id/users/:actor_id/roles'),
  checkProjectUserRole: check('/projects/:target_id/users/:actor_id/roles/:role_id'),
  giveProjectUserRole: give('/projects/:target_id/users/:actor_id/roles/:role_id'),
  takeProjectUserRole: take('/projects/:target_id/users/:actor_id/roles/:role_id'),
  listProjectGroupRoles: list('/projects/:target_id/groups/:actor_id/roles'),
  checkProjectGroupRole: check('/projects/:target_id/groups/:actor_id/roles/:role_id'),
  giveProjectGroupRole: give('/projects/:target_id/groups/:actor_id/roles/:role_id'),
  takeProjectGroupRole: take('/projects/:target_id/groups/:actor_id/roles/:role_id'),
  listDomainUserRoles: list('/domains/:target_id/users/:actor_id/roles'),
  checkDomainUserRole: check('/domains/:target_id/users/:actor_id/roles/:role_id'),
  giveDomainUserRole: give('/domains/:target_id/users/:actor_id/roles/:role_id'),
  takeDomainUserRole: take('/domains/:target_id/users/:actor_id/roles/:role_id'),
  listDomainGroupRoles: list('/domains/:target_id/groups/:actor_id/roles'),
  checkDomainGroupRole: check('/domains/:target_id/groups/:actor_id/roles/:role_id'),
  giveDomainGroupRole: give('/domains/:target_id/groups/:actor_id/roles/:role_id'),
  takeDomainGroupRole: take('/domains/:target_id/groups/:actor_id/roles/:role_id'),
  listInheritedProjectUserRoles: list('/OS-INHERIT/projects/:target_id/users/:actor_id/roles/inherited_to_projects'),
  checkInheritedProjectUserRole: check('/OS-INHERIT/projects/:target_id/users/:actor_id/roles/:role_id/inherited_to_projects'),
  giveInheritedProjectUserRole: give('/OS-INHERIT/projects/:target_id/users/:actor_id/roles/:role_id/inherited_to_projects'),
  takeInheritedProjectUserRole: take('/OS-INHERIT/projects/:target_id/users/:actor_id/roles/:role_id/inherited_to_projects'),
  listInheritedProjectGroupRoles: list('/OS-INHERIT/projects/:target_id/groups/:actor_id/roles/inherited_to_projects'),
  checkInheritedProjectGroupRole: check('/OS-INHERIT/projects/:target_id/groups/:actor_id/roles/:role_id/inherited_to_projects'),
  giveInheritedProjectGroupRole: give('/OS-INHERIT/projects/:target_id/groups/:actor_id/roles/:role_id/inherited_to_projects'),
  takeInheritedProjectGroupRole: take('/OS-INHERIT/projects/:target_id/groups/:actor_id/roles/:role_id/inherited_to_projects'),
  listInheritedDomainUserRoles: list('/OS-INHERIT/domains/:target_id/users/:actor_id/roles/inherited_to_projects'),
  checkInheritedDomainUserRole: check('/OS-INHERIT/domains/:target_id/users/:actor_id/roles/:role_id/inherited_to_projects'),
  giveInheritedDomainUserRole: give('/OS-INHERIT/domains/:target_id/users/:actor_id/roles/:role_id/inherited_to_projects'),
  takeInheritedDomainUserRole: take('/OS-INHERIT/domains/:target_id/users/:actor_id/roles/:role_id/inherited_to_projects'),
  listInheritedDomainGroupRoles: list('/OS-INHERIT/domains/:target_id/groups/:actor_id/roles/inherited_to_projects'),
  checkInheritedDomainGroupRole: check('/OS-INHERIT/domains/:target_id/groups/:actor_id/roles/:role_id/inherited_to_projects'),
  giveInheritedDomainGroupRole: give('/OS-INHERIT/domains/:target_id/groups/:actor_id/roles/:role_id/inherited_to_projects'),
  takeInheritedDomainGroupRole: take('/OS-INHERIT/domains/:target_id/groups/:actor_id/roles/:role_id/inherited_to_projects'),
  listSystemUserRoles: {
    method: 'GET', path: '/system/users/:actor_id/roles', policy: 'identity:list_system_grants_for_user', summary: 'List the roles of a user on the system.',
    params: systemActor, reply: roles, faults: [401, 403, 404],
  },
  checkSystemUserRole: {
    method: 'GET', path: '/system/users/:actor_id/roles/:role_id', policy: 'identity:check_system_grant_for_user', summary: 'Ask whether a user has a role on the system.',
    params: systemRole, reply: done, faults: [401, 403, 404],
  },
  giveSystemUserRole: {
    method: 'PUT', path: '/system/users/:actor_id/roles/:role_id', policy: 'identity:create_system_grant_for_user', summary: 'Give a user a role on the system.',
    params: systemRole, reply: done, faults: [400, 401, 403, 404],
  },
  takeSystemUserRole: {
    method: 'DELETE', path: '/system/users/:actor_id/roles/:role_id', policy: 'identity:revoke_system_grant_for_user', summary: 'Take a role on the system from a user.',
    params: systemRole, reply: done, faults: [401, 403, 404],
  },
  listSystemGroupRoles: {
    method: 'GET', path: '/system/groups/:actor_id/roles', policy: 'identity:list_system_grants_for_group', summary: 'List the roles of a group on the system.',
    params: systemActor, reply: roles, faults: [401, 403, 404],
  },
  checkSystemGroupRole: {
    method: 'GET', path: '/system/groups/:actor_id/roles/:role_id', policy: 'identity:check_system_grant_for_group', summary: 'Ask whether a group has a role on the system.',
    params: systemRole, reply: done, faults: [401, 403, 404],
  },
  giveSystemGroupRole: {
    method: 'PUT', path: '/system/groups/:actor_id/roles/:role_id', policy: 'identity:create_system_grant_for_group', summary: 'Give a group a role on the system.',
    params: systemRole, reply: done, faults: [400, 401, 403, 404],
  },
  takeSystemGroupRole: {
    method: 'DELETE', path: '/system/groups/:actor_id/roles/:role_id', policy: 'identity:revoke_system_grant_for_group', summary: 'Take a role on the system from a group.',
    params: systemRole, reply: done, faults: [401, 403, 404],
  },
})

const Party = Type.Object({ id: Type.String(), name: Type.Optional(Type.String()), domain: Type.Optional(Nullable(IdName)) })
const RoleAssignment = Type.Object({
  role: Party, user: Type.Optional(Party), group: Type.Optional(Party),
  scope: Type.Object({
    project: Type.Optional(Party), domain: Type.Optional(Party), system: Type.Optional(Type.Object({ all: Type.Boolean() })),
    'OS-INHERIT:inherited_to': Type.Optional(Type.String()),
  }),
  links: Type.Object({ assignment: Type.String(), membership: Type.Optional(Type.String()), prior_role: Type.Optional(Type.String()) }),
})

export const roleAssignmentRoutes = defineRoutes('keystone', {
  listRoleAssignments: {
    method: 'GET', path: '/role_assignments', policy: deferred('identity:list_role_assignments', 'identity:list_role_assignments_for_tree'),
    summary: 'List assignments, as they were given or as they take effect.',
    query: Type.Object({
      'role.id': Text, 'user.id': Text, 'group.id': Text, 'scope.project.id': Text, 'scope.domain.id': Text, 'scope.system': Text,
      'scope.OS-INHERIT:inherited_to': Text, effective: Flag, include_names: Flag, include_subtree: Flag,
    }),
    reply: { 200: Type.Object({ role_assignments: Type.Array(RoleAssignment), links: Type.Object({ self: Type.String(), next: Type.Null(), previous: Type.Null() }) }) },
    faults: [400, 401, 403, 404],
  },
})
