// Quotas: how many of each thing a project may have.
import { authenticated, Closed, defineRoutes, deferred, Type } from '#core/spec'
import { Id, LooseInteger } from './common.ts'

const params = Type.Object({ project_id: Id })
const Limits = Type.Record(Type.String(), Type.Integer())
/** With `check_limit`, no limit may be below what is used; `force` asks for what is the rule without it. */
const WantedLimits = Type.Unsafe<Readonly<Record<string, unknown>>>(
  Type.Object({ force: Type.Optional(Type.Unknown()), check_limit: Type.Optional(Type.Unknown()) }, { additionalProperties: LooseInteger }),
)

export const quotaRoutes = defineRoutes('neutron', {
  listQuotas: {
    method: 'GET', path: '/quotas', policy: deferred('get_quota'), summary: 'List the projects that have quotas of their own.',
    reply: { 200: Type.Object({ quotas: Type.Array(Type.Record(Type.String(), Type.Unknown())) }) }, faults: [401, 403],
  },
  showQuotaTenant: {
    method: 'GET', path: '/quotas/tenant', policy: authenticated, summary: 'Show whose quotas the caller uses, under its old name.',
    reply: { 200: Type.Object({ tenant: Closed({ tenant_id: Type.String() }) }) }, faults: [400, 401],
  },
  showQuotaProject: {
    method: 'GET', path: '/quotas/project', policy: authenticated, summary: 'Show whose quotas the caller uses.',
    reply: { 200: Type.Object({ project: Closed({ project_id: Type.String() }) }) }, faults: [400, 401],
  },
  showQuota: {
    method: 'GET', path: '/quotas/:project_id', policy: deferred('get_quota'), summary: 'Show the quotas of a project.',
    params, reply: { 200: Type.Object({ quota: Limits }) }, faults: [401, 403],
  },
  showDefaultQuota: {
    method: 'GET', path: '/quotas/:project_id/default', policy: deferred('get_quota'), summary: 'Show the quotas of a project that has none of its own.',
    params, reply: { 200: Type.Object({ quota: Limits }) }, faults: [401, 403],
  },
  showQuotaDetails: {
    method: 'GET', path: '/quotas/:project_id/details.json', policy: deferred('get_quota'), summary: 'Show the quotas of a project and what it uses of them.',
    params, reply: { 200: Type.Object({ quota: Type.Record(Type.String(), Closed({ limit: Type.Integer(), used: Type.Integer(), reserved: Type.Integer() })) }) }, faults: [401, 403],
  },
  showQuotaDetailsPlain: {
    method: 'GET', path: '/quotas/:project_id/details', policy: deferred('get_quota'), summary: 'The same without the ending.',
    params, reply: { 200: Type.Object({ quota: Type.Record(Type.String(), Closed({ limit: Type.Integer(), used: Type.Integer(), reserved: Type.Integer() })) }) }, faults: [401, 403],
  },
  updateQuota: {
    method: 'PUT', path: '/quotas/:project_id', policy: deferred('update_quota'), summary: 'Set quotas of a project.',
    params, body: Closed({ quota: WantedLimits }), reply: { 200: Type.Object({ quota: Limits }) }, faults: [400, 401, 403],
  },
  deleteQuota: {
    method: 'DELETE', path: '/quotas/:project_id', policy: deferred('delete_quota'), summary: 'Let the defaults apply to a project again.',
    params, reply: { 204: null }, faults: [401, 403, 404],
  },
})
