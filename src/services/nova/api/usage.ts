// Handlers and views of what projects used.
import { BadRequest } from '#core/errors'
import { type Handlers, readPage } from '#core/http'
import type { Version } from '#core/spec'
import type { UsageBody, usageRoutes } from '../contract/usage.ts'
import { requireRule } from '../domain/authorize.ts'
import type { Nova } from '../domain/nova.ts'
import { type Period, type ProjectUsage, type ServerUsage, usageIn } from '../domain/usage.ts'
import { nextLinks } from './links.ts'
import { microseconds } from './values.ts'

type UsageQuery = { start?: readonly string[]; end?: readonly string[]; detailed?: readonly string[]; limit?: readonly string[]; marker?: readonly string[] }

export const usageHandlers = (nova: Nova): Handlers<typeof usageRoutes> => {
  /** In pages of servers, which the client may choose from 2.40. */
  function read(query: UsageQuery, version: Version) {
    const now = nova.runtime.clock.now()
    // Of several times the first counts. Upstream reads the clock for the start and then for the end: a period without either is a moment.
    const asked: Period = { start: readTime(query.start?.[0], new Date(now.getTime() - 1)), stop: readTime(query.end?.[0], now) }
    const { limit, marker } = readPage(version.atLeast('2.40') ? { ...query } : {}, { sortable: [], defaultSort: [], maxLimit: nova.settings.max_limit })
    return { asked, page: { limit, ...(marker !== undefined && { marker }) } }
  }
  const serverIds = (projects: readonly ProjectUsage[]) => projects.flatMap(({ servers }) => servers.map(({ server }) => server.uuid))

  return {
    async listUsage({ query, version, ...where }) {
      const { asked, page } = read(query, version)
      const { period, projects } = await usageIn(nova, asked, undefined, page)
      const detailed = (query as UsageQuery).detailed?.[0] === '1'
      const next = version.atLeast('2.40') ? nextLinks(where, 'os-simple-tenant-usage', page.limit, serverIds(projects)) : undefined
      return { status: 200, body: { tenant_usages: projects.map((usage) => viewUsage(usage, period, detailed)), ...(next && { tenant_usages_links: next }) } }
    },
    async showUsage({ ctx, params: { id }, query, version, ...where }) {
      requireRule(nova, ctx, 'os_compute_api:os-simple-tenant-usage:show', { project_id: id })
      const { asked, page } = read(query, version)
      const { period, projects } = await usageIn(nova, asked, id, page)
      const next = version.atLeast('2.40') ? nextLinks(where, `os-simple-tenant-usage/${encodeURIComponent(id)}`, page.limit, serverIds(projects)) : undefined
      const [usage] = projects
      return { status: 200, body: { tenant_usage: usage ? viewUsage(usage, period, true) : {}, ...(next && { tenant_usage_links: next }) } }
    },
  }
}

/** As upstream's three formats, in UTC. */
function readTime(text: string | undefined, absent: Date): Date {
  if (!text) return absent
  const [, day, time, fraction = '0'] = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?$/.exec(text) ?? []
  const read = new Date(`${day}T${time}.${fraction.slice(0, 3).padEnd(3, '0')}Z`)
  if (day === undefined || Number.isNaN(read.getTime())) throw new BadRequest('Invalid datetime string: Datetime is in invalid format')
  return read
}

function viewUsage(usage: ProjectUsage, { start, stop }: Period, detailed: boolean): UsageBody {
  return {
    tenant_id: usage.projectId, start: microseconds(start.toISOString()), stop: microseconds(stop.toISOString()), total_hours: usage.hours,
    total_vcpus_usage: usage.vcpuHours, total_memory_mb_usage: usage.memoryHours, total_local_gb_usage: usage.diskHours,
    ...(detailed && { server_usages: usage.servers.map(viewServer) }),
  }
}

function viewServer({ server, flavorName, hours, localGiB, uptimeSeconds }: ServerUsage) {
  const { terminated_at: ended } = server
  return {
    instance_id: server.uuid, name: server.display_name, tenant_id: server.project_id, flavor: flavorName, state: ended === null ? server.vm_state : 'terminated', hours,
    uptime: uptimeSeconds, vcpus: server.vcpus, memory_mb: server.memory_mb, local_gb: localGiB, started_at: microseconds(server.launched_at ?? server.created_at),
    ended_at: ended === null ? null : microseconds(ended),
  }
}
