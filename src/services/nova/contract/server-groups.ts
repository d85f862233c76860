// Server groups.
import { Closed, deferred, defineRoutes, type Static, Type, versioned } from '#core/spec'
import { Filter, ResourceName } from './schemas.ts'
import { IdParams, PositiveInteger } from './values.ts'

const OldPolicy = Type.Union([Type.Literal('affinity'), Type.Literal('anti-affinity')])
const Policy = Type.Union([Type.Literal('affinity'), Type.Literal('anti-affinity'), Type.Literal('soft-affinity'), Type.Literal('soft-anti-affinity')])
const withPolicies = <P extends typeof OldPolicy | typeof Policy>(policy: P) =>
  Closed({ server_group: Closed({ name: ResourceName, policies: Type.Array(policy, { minItems: 1, maxItems: 1 }) }) })
const WithRules = Closed({
  server_group: Closed({ name: ResourceName, policy: Policy, rules: Type.Optional(Closed({ max_server_per_host: Type.Optional(PositiveInteger) })) }),
})
export type NewServerGroupWire = Static<typeof WithRules>['server_group'] | Static<ReturnType<typeof withPolicies<typeof Policy>>>['server_group']

const ServerGroupBody = Closed({
  id: Type.String(), name: Type.String(), members: Type.Array(Type.String()), project_id: Type.Optional(Type.String()), user_id: Type.Optional(Type.String()),
  policies: Type.Optional(Type.Array(Policy)), metadata: Type.Optional(Closed({})),
  policy: Type.Optional(Policy), rules: Type.Optional(Closed({ max_server_per_host: Type.Optional(Type.Integer()) })),
})
export type ServerGroupBody = Static<typeof ServerGroupBody>
const OneGroup = Closed({ server_group: ServerGroupBody })
const filters = { all_projects: Filter, limit: Filter, offset: Filter }

export const serverGroupRoutes = defineRoutes('nova', {
  listServerGroups: {
    method: 'GET', path: '/os-server-groups', policy: 'os_compute_api:os-server-groups:index', summary: "The project's server groups; for admins everybody's.",
    query: versioned({ '2.1': Type.Object(filters, { additionalProperties: true }), '2.75': Type.Object(filters, { additionalProperties: false }) }),
    reply: { 200: Closed({ server_groups: Type.Array(ServerGroupBody) }) }, faults: [400, 401, 403],
  },
  createServerGroup: {
    method: 'POST', path: '/os-server-groups', policy: 'os_compute_api:os-server-groups:create', summary: 'Create a server group in the project of the caller.',
    body: versioned({ '2.1': withPolicies(OldPolicy), '2.15': withPolicies(Policy), '2.64': WithRules }), reply: { 200: OneGroup }, faults: [400, 401, 403],
  },
  showServerGroup: {
    method: 'GET', path: '/os-server-groups/:id', policy: deferred('os_compute_api:os-server-groups:show'), summary: 'One server group.',
    params: IdParams, reply: { 200: OneGroup }, faults: [401, 403, 404],
  },
  deleteServerGroup: {
    method: 'DELETE', path: '/os-server-groups/:id', policy: deferred('os_compute_api:os-server-groups:delete'), summary: 'Delete a server group; its servers stay.',
    params: IdParams, reply: { 204: null }, faults: [401, 403, 404],
  },
})
