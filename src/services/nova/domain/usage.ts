// What projects used in a period: hours of servers, and of their CPUs, memory and disk.
import { BadRequest } from '#core/errors'
import { fromJson } from '#core/db'
import type { Instance } from '../db/instances.ts'
import { serversInPeriod } from '../db/usage.ts'
import type { Nova } from './nova.ts'

export interface Period {
  readonly start: Date
  readonly stop: Date
}

export interface ServerUsage {
  readonly server: Instance
  readonly flavorName: string
  readonly hours: number
  readonly localGiB: number
  readonly uptimeSeconds: number
}

export interface ProjectUsage {
  readonly projectId: string
  readonly hours: number
  readonly vcpuHours: number
  readonly memoryHours: number
  readonly diskHours: number
  readonly servers: readonly ServerUsage[]
}

/** The server's time within the period. */
export function hoursIn({ start, stop }: Period, launched: Date | null, terminated: Date | null): number {
  if (!launched || launched > stop || (terminated && terminated < start)) return 0
  const from = Math.max(launched.getTime(), start.getTime())
  const to = Math.min(terminated?.getTime() ?? Number.POSITIVE_INFINITY, stop.getTime())
  return (to - from) / 3_600_000
}

const date = (text: string | null) => (text === null ? null : new Date(text))

function usageOf(server: Instance, period: Period, now: Date): ServerUsage {
  const [launched, terminated] = [date(server.launched_at), date(server.terminated_at)]
  const ran = (terminated ?? now).getTime() - (launched ?? now).getTime()
  return {
    server, flavorName: fromJson<{ name?: string }>(server.flavor).name ?? '', hours: hoursIn(period, launched, terminated),
    localGiB: server.root_gb + server.ephemeral_gb, uptimeSeconds: Math.trunc(ran / 1000),
  }
}

/** By project and then by server, so that a page goes on where the one before it ended. A period ends now at the latest. */
export async function usageIn(nova: Nova, asked: Period, projectId: string | undefined, page: { limit: number; marker?: string }): Promise<{ period: Period; projects: ProjectUsage[] }> {
  const now = nova.runtime.clock.now()
  if (asked.start >= asked.stop) throw new BadRequest('Invalid start time. The start time cannot occur after the end time.')
  const period = { start: asked.start, stop: asked.stop > now ? now : asked.stop }
  const servers = await serversInPeriod(nova.cells.cell1.read, { start: period.start.toISOString(), stop: period.stop.toISOString() }, projectId, page)
  if (!servers) throw new BadRequest(`Marker ${page.marker} could not be found.`)
  const byProject = Map.groupBy(servers.map((server) => usageOf(server, period, now)), ({ server }) => server.project_id)
  const projects = [...byProject].map(([id, usages]) => {
    const total = (weight: (usage: ServerUsage) => number) => usages.reduce((sum, usage) => sum + weight(usage) * usage.hours, 0)
    return {
      projectId: id, servers: usages, hours: total(() => 1), vcpuHours: total(({ server }) => server.vcpus), memoryHours: total(({ server }) => server.memory_mb),
      diskHours: total(({ localGiB }) => localGiB),
    }
  })
  return { period, projects }
}
