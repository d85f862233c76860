// Limits and what is used of them: as a project reads them, and as admins set them for projects, users and classes.
import { Closed, deferred, defineRoutes, type Static, type TSchema, Type, versioned } from '#core/spec'
import { Filter } from './schemas.ts'
import { IdParams, Switch } from './values.ts'

const files = ['injected_files', 'injected_file_content_bytes', 'injected_file_path_bytes'] as const
const networks = ['fixed_ips', 'floating_ips', 'security_groups', 'security_group_rules'] as const
const lasting = ['instances', 'cores', 'ram', 'metadata_items', 'key_pairs', 'server_groups', 'server_group_members'] as const

function each<N extends string, S extends TSchema>(names: readonly N[], schema: S) {
  return Object.fromEntries(names.map((name) => [name, schema])) as Record<N, S>
}

const Limit = Type.Optional(Type.Union([Type.Integer({ minimum: -1, maximum: 2_147_483_647 }), Type.String({ pattern: '^(-0*1|0*[0-9]{1,9})$', maxLength: 20 })]))
const [newLasting, newFiles, newNetworks] = [each(lasting, Limit), each(files, Limit), each(networks, Limit)]
const AllLimits = Closed({ ...newLasting, ...newFiles, ...newNetworks })
export type LimitsWire = Static<typeof AllLimits>
const force = { force: Type.Optional(Switch) }

const amount = Type.Optional(Type.Integer())
const shown = { ...each(lasting, amount), ...each(files, amount), ...each(networks, amount) }
const detail = Type.Optional(Closed({ limit: Type.Integer(), in_use: Type.Integer(), reserved: Type.Integer() }))
const id = { id: Type.Optional(Type.String()) }
const QuotaSet = Closed({ quota_set: Closed({ ...id, ...shown }) })
const QuotaClass = Closed({ quota_class_set: Closed({ ...id, ...shown }) })

const query = versioned({ '2.1': Type.Object({ user_id: Filter }, { additionalProperties: true }), '2.75': Closed({ user_id: Filter }) })
const rule = <A extends string>(action: A) => deferred(`os_compute_api:os-quota-sets:${action}`)

export const quotaSetRoutes = defineRoutes('nova', {
  showQuotaSet: {
    method: 'GET', path: '/os-quota-sets/:id', policy: rule('show'), summary: 'What a project, or a user in it, may have.',
    params: IdParams, query, reply: { 200: QuotaSet }, faults: [400, 401, 403],
  },
  showQuotaSetInDetail: {
    method: 'GET', path: '/os-quota-sets/:id/detail', policy: rule('detail'), summary: 'The same with what is used.',
    params: IdParams, query, reply: { 200: Closed({ quota_set: Closed({ ...id, ...each(lasting, detail), ...each(files, detail), ...each(networks, detail) }) }) }, faults: [400, 401, 403],
  },
  showDefaultQuotaSet: {
    method: 'GET', path: '/os-quota-sets/:id/defaults', policy: rule('defaults'), summary: 'What a project may have for which nothing was set.',
    params: IdParams, reply: { 200: QuotaSet }, faults: [400, 401, 403],
  },
  updateQuotaSet: {
    method: 'PUT', path: '/os-quota-sets/:id', policy: rule('update'), summary: 'Set what a project, or a user in it, may have.',
    params: IdParams, query,
    body: versioned({
      '2.1': Closed({ quota_set: Closed({ ...newLasting, ...newFiles, ...newNetworks, ...force }) }),
      '2.36': Closed({ quota_set: Closed({ ...newLasting, ...newFiles, ...force }) }),
      '2.57': Closed({ quota_set: Closed({ ...newLasting, ...force }) }),
    }),
    reply: { 200: QuotaSet }, faults: [400, 401, 403],
  },
  deleteQuotaSet: {
    method: 'DELETE', path: '/os-quota-sets/:id', policy: rule('delete'), summary: 'Go back to the defaults.',
    params: IdParams, query, reply: { 202: null }, faults: [401, 403],
  },
})

export const quotaClassRoutes = defineRoutes('nova', {
  showQuotaClass: {
    method: 'GET', path: '/os-quota-class-sets/:id', policy: 'os_compute_api:os-quota-class-sets:show', summary: 'The limits of a class; `default` is what projects fall back to.',
    params: IdParams, reply: { 200: QuotaClass }, faults: [401, 403],
  },
  updateQuotaClass: {
    method: 'PUT', path: '/os-quota-class-sets/:id', policy: 'os_compute_api:os-quota-class-sets:update', summary: 'Set the limits of a class.',
    params: IdParams,
    body: versioned({
      '2.1': Closed({ quota_class_set: AllLimits }),
      '2.50': Closed({ quota_class_set: Closed({ ...newLasting, ...newFiles }) }),
      '2.57': Closed({ quota_class_set: Closed(newLasting) }),
    }),
    reply: { 200: QuotaClass }, faults: [400, 401, 403],
  },
})

export const limitRoutes = defineRoutes('nova', {
  showLimits: {
    method: 'GET', path: '/limits', policy: 'os_compute_api:limits', summary: "The project's limits and what it uses of them.",
    query: versioned({ '2.1': Type.Object({ tenant_id: Filter }, { additionalProperties: true }), '2.75': Closed({ tenant_id: Filter }) }),
    reply: { 200: Closed({ limits: Closed({ rate: Type.Array(Type.Unknown()), absolute: Type.Record(Type.String(), Type.Integer()) }) }) }, faults: [400, 401, 403],
  },
})
