// Quotas of projects and their defaults, and the limits that a project meets.
import { authenticated, Closed, defineRoutes, deferred, Identifier, Type } from '#core/spec'

const text = Type.Optional(Type.String({ maxLength: 255 }))
const ProjectParams = Type.Object({ project_id: Identifier })
const ClassParams = Type.Object({ class_name: Identifier })
const Amount = Type.Union([Type.Integer({ minimum: -1, maximum: 2_147_483_647 }), Type.String({ pattern: '^(-1|[0-9]{1,9})$' })])
const Amounts = Type.Record(Type.String({ maxLength: 300 }), Type.Unknown(), { minProperties: 1, maxProperties: 500 })
const Limits = Type.Record(Type.String(), Type.Union([Type.Integer(), Type.String()]))
const Shown = Type.Record(Type.String(), Type.Union([
  Type.Integer(), Type.String(), Closed({ limit: Type.Integer(), in_use: Type.Integer(), reserved: Type.Integer() }),
]))

export const quotaRoutes = defineRoutes('cinder', {
  showQuotas: {
    method: 'GET', path: '/os-quota-sets/:project_id', policy: deferred('volume_extension:quotas:show'), summary: "A project's quotas, with their use if asked for.",
    params: ProjectParams, query: Type.Object({ usage: text }), reply: { 200: Type.Object({ quota_set: Shown }) }, faults: [400, 403],
  },
  showDefaultQuotas: {
    method: 'GET', path: '/os-quota-sets/:project_id/defaults', policy: deferred('volume_extension:quotas:show'), summary: 'The quotas of a project that has none of its own.',
    params: ProjectParams, reply: { 200: Type.Object({ quota_set: Limits }) }, faults: [403],
  },
  updateQuotas: {
    method: 'PUT', path: '/os-quota-sets/:project_id', policy: 'volume_extension:quotas:update', summary: "Change a project's quotas.",
    params: ProjectParams, body: Closed({ quota_set: Amounts }), reply: { 200: Type.Object({ quota_set: Limits }) }, faults: [400, 403],
  },
  deleteQuotas: {
    method: 'DELETE', path: '/os-quota-sets/:project_id', policy: 'volume_extension:quotas:delete', summary: "Put a project's quotas back to the defaults.",
    params: ProjectParams, reply: { 200: null }, faults: [403],
  },
  showQuotaClass: {
    method: 'GET', path: '/os-quota-class-sets/:class_name', policy: 'volume_extension:quota_classes:get', summary: 'The quotas of a class; `default` holds for all projects.',
    params: ClassParams, reply: { 200: Type.Object({ quota_class_set: Limits }) }, faults: [403],
  },
  updateQuotaClass: {
    method: 'PUT', path: '/os-quota-class-sets/:class_name', policy: 'volume_extension:quota_classes:update', summary: 'Change the quotas of a class.',
    params: ClassParams,
    body: Closed({ quota_class_set: Type.Record(Type.String({ pattern: '^[a-zA-Z0-9_:. -]{1,300}$' }), Amount, { additionalProperties: false, maxProperties: 500 }) }),
    reply: { 200: Type.Object({ quota_class_set: Limits }) }, faults: [400, 403],
  },
})

export const limitRoutes = defineRoutes('cinder', {
  showLimits: {
    method: 'GET', path: '/limits', policy: authenticated, summary: 'The limits of the project, and what is used of them.',
    query: Type.Object({ project_id: text, tenant_id: text }),
    reply: { 200: Type.Object({ limits: Closed({ rate: Type.Array(Type.Never()), absolute: Type.Record(Type.String(), Type.Integer()) }) }) }, faults: [],
  },
})
