// What projects used in a period.
import { Closed, deferred, defineRoutes, Nullable, type Static, Type, versioned } from '#core/spec'
import { Filter } from './schemas.ts'
import { IdParams, Links } from './values.ts'

const ServerUsage = Closed({
  instance_id: Type.String(), name: Type.String(), tenant_id: Type.String(), flavor: Type.String(), state: Type.String(), hours: Type.Number(), uptime: Type.Integer(),
  vcpus: Type.Integer(), memory_mb: Type.Integer(), local_gb: Type.Integer(), started_at: Type.String(), ended_at: Nullable(Type.String()),
})
const UsageBody = Closed({
  tenant_id: Type.String(), start: Type.String(), stop: Type.String(), total_hours: Type.Number(), total_vcpus_usage: Type.Number(),
  total_memory_mb_usage: Type.Number(), total_local_gb_usage: Type.Number(), server_usages: Type.Optional(Type.Array(ServerUsage)),
})
export type UsageBody = Static<typeof UsageBody>

const period = { start: Filter, end: Filter }
const paging = { limit: Filter, marker: Filter }
const queries = <P extends typeof period>(own: P) => versioned({
  '2.1': Type.Object(own, { additionalProperties: true }), '2.40': Type.Object({ ...own, ...paging }, { additionalProperties: true }), '2.75': Closed({ ...own, ...paging }),
})

export const usageRoutes = defineRoutes('nova', {
  listUsage: {
    method: 'GET', path: '/os-simple-tenant-usage', policy: 'os_compute_api:os-simple-tenant-usage:list', summary: 'What all projects used in a period.',
    query: queries({ ...period, detailed: Filter }),
    reply: { 200: Closed({ tenant_usages: Type.Array(UsageBody), tenant_usages_links: Type.Optional(Links) }) }, faults: [400, 401, 403],
  },
  showUsage: {
    method: 'GET', path: '/os-simple-tenant-usage/:id', policy: deferred('os_compute_api:os-simple-tenant-usage:show'), summary: 'What one project used in a period.',
    params: IdParams, query: queries(period),
    reply: { 200: Closed({ tenant_usage: Type.Union([UsageBody, Closed({})]), tenant_usage_links: Type.Optional(Links) }) }, faults: [400, 401, 403],
  },
})
