// Users and their passwords.
import { anonymous, Closed, deferred, defineRoutes, Nullable, type Static, Type } from '#core/spec'
import { byId, Description, Enabled, EntityName, IdText, listParts, open, openChange, page, SelfLink, Text } from './schemas.ts'

/** Never in a reply, never in a log. */
const Password = Type.String({ minLength: 1, maxLength: 4096 })

const Switch = Type.Optional(Nullable(Type.Boolean()))
const UserOptions = Type.Object({
  ignore_change_password_upon_first_use: Switch, ignore_password_expiry: Switch, ignore_lockout_failure_attempts: Switch,
  ignore_user_inactivity: Switch, lock_password: Switch,
}, { additionalProperties: false })

export const User = Type.Object({
  id: Type.String(), name: Type.String(), domain_id: Type.String(), enabled: Type.Boolean(), password_expires_at: Nullable(Type.String()),
  default_project_id: Type.Optional(Type.String()), options: Type.Object({}), links: SelfLink,
}, open)
export type User = Static<typeof User>

const changeable = {
  name: Type.Optional(EntityName), enabled: Type.Optional(Enabled), description: Type.Optional(Description), password: Type.Optional(Nullable(Password)),
  default_project_id: Type.Optional(Nullable(IdText)), domain_id: Type.Optional(Nullable(IdText)), options: Type.Optional(UserOptions),
}

export const userRoutes = defineRoutes('keystone', {
  listUsers: {
    method: 'GET', path: '/users', policy: deferred('identity:list_users'), summary: 'List users.',
    query: Type.Object({ ...page, name: Text, enabled: Text, domain_id: Text, password_expires_at: Text }),
    reply: { 200: Type.Object({ users: Type.Array(User), ...listParts }) }, faults: [400, 401, 403],
  },
  createUser: {
    method: 'POST', path: '/users', policy: deferred('identity:create_user'), summary: 'Create a user.',
    body: Type.Object({ user: Type.Object({ ...changeable, name: EntityName }, open) }), reply: { 201: Type.Object({ user: User }) }, faults: [400, 401, 403, 409],
  },
  showUser: {
    method: 'GET', path: '/users/:id', policy: deferred('identity:get_user'), summary: 'Show a user.',
    params: byId, reply: { 200: Type.Object({ user: User }) }, faults: [401, 403, 404],
  },
  updateUser: {
    method: 'PATCH', path: '/users/:id', policy: deferred('identity:update_user'), summary: 'Change a user; disabling it or setting its password ends its tokens.',
    params: byId, body: Type.Object({ user: Type.Object(changeable, openChange) }), reply: { 200: Type.Object({ user: User }) }, faults: [400, 401, 403, 404, 409],
  },
  deleteUser: {
    method: 'DELETE', path: '/users/:id', policy: deferred('identity:delete_user'), summary: 'Delete a user.',
    params: byId, reply: { 204: null }, faults: [401, 403, 404],
  },
  changePassword: {
    method: 'POST', path: '/users/:id/password', policy: anonymous, summary: "Change one's own password, knowing the old one.",
    params: byId, body: Type.Object({ user: Closed({ password: Password, original_password: Type.String() }) }),
    reply: { 204: null }, faults: [400, 401, 403],
  },
})
