// Groups of users, and who is in them.
import { deferred, defineRoutes, Identifier, Nullable, type Static, Type } from '#core/spec'
import { byId, Description, EntityName, IdText, listParts, open, openChange, page, SelfLink, Text } from './schemas.ts'
import { User } from './users.ts'

export const Group = Type.Object({ id: Type.String(), name: Type.String(), domain_id: Type.String(), description: Type.String(), links: SelfLink }, open)
export type Group = Static<typeof Group>

const changeable = { name: Type.Optional(EntityName), description: Type.Optional(Description), domain_id: Type.Optional(Nullable(IdText)) }
const membership = Type.Object({ id: Identifier, user_id: Identifier })

export const groupRoutes = defineRoutes('keystone', {
  listGroups: {
    method: 'GET', path: '/groups', policy: deferred('identity:list_groups'), summary: 'List groups.',
    query: Type.Object({ ...page, name: Text, domain_id: Text }), reply: { 200: Type.Object({ groups: Type.Array(Group), ...listParts }) }, faults: [401, 403],
  },
  createGroup: {
    method: 'POST', path: '/groups', policy: deferred('identity:create_group'), summary: 'Create a group.',
    body: Type.Object({ group: Type.Object({ ...changeable, name: EntityName }, open) }), reply: { 201: Type.Object({ group: Group }) }, faults: [400, 401, 403, 409],
  },
  showGroup: {
    method: 'GET', path: '/groups/:id', policy: deferred('identity:get_group'), summary: 'Show a group.',
    params: byId, reply: { 200: Type.Object({ group: Group }) }, faults: [401, 403, 404],
  },
  updateGroup: {
    method: 'PATCH', path: '/groups/:id', policy: deferred('identity:update_group'), summary: 'Change a group.',
    params: byId, body: Type.Object({ group: Type.Object(changeable, openChange) }), reply: { 200: Type.Object({ group: Group }) }, faults: [400, 401, 403, 404, 409],
  },
  deleteGroup: {
    method: 'DELETE', path: '/groups/:id', policy: deferred('identity:delete_group'), summary: 'Delete a group; its users stay.',
    params: byId, reply: { 204: null }, faults: [401, 403, 404],
  },
  listGroupUsers: {
    method: 'GET', path: '/groups/:id/users', policy: deferred('identity:list_users_in_group'), summary: 'List the users in a group.',
    params: byId, query: Type.Object({ ...page, name: Text, enabled: Text, domain_id: Text, password_expires_at: Text }),
    reply: { 200: Type.Object({ users: Type.Array(User), ...listParts }) }, faults: [401, 403, 404],
  },
  checkGroupUser: {
    method: 'GET', path: '/groups/:id/users/:user_id', policy: deferred('identity:check_user_in_group'), summary: 'Ask whether a user is in a group.',
    params: membership, reply: { 204: null }, faults: [401, 403, 404],
  },
  addGroupUser: {
    method: 'PUT', path: '/groups/:id/users/:user_id', policy: deferred('identity:add_user_to_group'), summary: 'Put a user into a group.',
    params: membership, reply: { 204: null }, faults: [401, 403, 404],
  },
  removeGroupUser: {
    method: 'DELETE', path: '/groups/:id/users/:user_id', policy: deferred('identity:remove_user_from_group'), summary: 'Take a user out of a group.',
    params: membership, reply: { 204: null }, faults: [401, 403, 404],
  },
  listUserGroups: {
    method: 'GET', path: '/users/:id/groups', policy: deferred('identity:list_groups_for_user'), summary: 'List the groups that a user is in.',
    params: byId, query: Type.Object({ ...page, name: Text }), reply: { 200: Type.Object({ groups: Type.Array(Group), ...listParts }) }, faults: [401, 403, 404],
  },
})
