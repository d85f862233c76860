// The scheduler's one decision: on which pool a volume goes. The pools are those that report; the choice is noted with the volume.
import type { Capabilities, RequestContext } from '#core/context'
import type { Database } from '#core/db'
import { mark, type Recorder, traced } from '#core/trace'
import type { Pool, ServiceReport } from '#contract/cinder'
import type { Settings } from '../../config.ts'
import { listServices } from '../../db/services.ts'
import type { CinderTables } from '../../db/tables.ts'
import { findType } from '../../db/volume-types.ts'
import { findVolumeRow, updateVolume } from '../../db/volumes.ts'
import { NoValidBackend, VolumeNotFound } from '../../model/errors.ts'
import { backendOf } from '../../model/volume.ts'
import type { ServiceView } from '../service-view.ts'
import { applyFilters, capacityFilter } from './filters.ts'
import type { PoolState, Wanted } from './pools.ts'
import { rank } from './weighers.ts'

export interface Scheduler extends Capabilities {
  readonly database: Database<CinderTables>
  readonly settings: Settings
  readonly alive: ServiceView
  readonly trace: Recorder
  /** GiB promised to a pool since its last report. */
  readonly promised: Map<string, { since: string; gib: number }>
  /** Monotonic: since when this scheduler hears reports. */
  readonly startedAt: number
  readonly stopping: AbortController
}

/** A backend that is known, and has not reported since this scheduler started, is waited for so long after that start. */
const graceMilliseconds = 20_000
const longestPauseMilliseconds = 1000

/** The pools of backends that live, with what was promised since they reported. */
export function livingPools({ alive, clock, settings, promised }: Pick<Scheduler, 'alive' | 'clock' | 'settings' | 'promised'>): PoolState[] {
  const now = clock.now()
  return alive.backends()
    .filter((report) => alive.isUp(report.binary, report.host, now, settings.service_down_time))
    .flatMap((report) => report.pools.map((pool) => ({ name: pool.name, zone: report.zone, capabilities: withPromises(pool, report, promised) })))
}

function withPromises(pool: Pool, report: ServiceReport, promised: Scheduler['promised']): Readonly<Record<string, unknown>> {
  const promise = promised.get(pool.name)
  if (!promise) return pool.capabilities
  if (promise.since < report.at) {
    promised.delete(pool.name)
    return pool.capabilities
  }
  const add = (key: string, gib: number) => (typeof pool.capabilities[key] === 'number' ? { [key]: (pool.capabilities[key] as number) + gib } : {})
  return {
    ...pool.capabilities, ...add('allocated_capacity_gb', promise.gib), ...add('provisioned_capacity_gb', promise.gib),
    ...(pool.capabilities['thin_provisioning_support'] === true ? {} : add('free_capacity_gb', -promise.gib)),
  }
}

/** @throws NoValidBackend saying which filter refused how many */
export async function placeVolume(scheduler: Scheduler, ctx: RequestContext, volumeId: string): Promise<{ host: string }> {
  mark(scheduler.trace, scheduler.clock, ctx, 42)
  const host = await traced(scheduler.trace, scheduler.clock, ctx, 43, () => choose(scheduler, volumeId), (chosen) => chosen)
  mark(scheduler.trace, scheduler.clock, ctx, 44)
  return { host }
}

async function choose(scheduler: Scheduler, volumeId: string): Promise<string> {
  const { database, settings, clock } = scheduler
  const row = await findVolumeRow(database.read, volumeId)
  if (!row) throw new VolumeNotFound(`Volume ${volumeId} could not be found.`)
  if (row.host !== null) return row.host
  const type = await findType(database.read, { id: row.volume_type_id })
  const wanted: Wanted = {
    sizeGiB: row.size, availabilityZone: row.availability_zone, extraSpecs: type?.extraSpecs ?? {}, multiattach: row.multiattach === 1,
  }
  const best = await onceReported(scheduler, async () => {
    const disabled = await backendsThatAre(scheduler, 'disabled')
    const pools = livingPools(scheduler).filter((pool) => !disabled.includes(backendOf(pool.name)))
    const { passed, refused } = applyFilters(settings.scheduler_default_filters, pools, wanted)
    const [first] = rank(settings.scheduler_default_weighers, passed, wanted)
    if (first) return first
    const why = pools.length === 0 ? 'no backend is up and enabled' : [...refused].map(([name, count]) => `${name} refused ${count}`).join(', ')
    throw new NoValidBackend(`No valid backend was found. No weighed backends available: ${why}.`)
  })
  // Of two that choose for the same volume, since the request came twice, the first one has chosen.
  const { host, mine } = await database.transaction(async (tx) => {
    const host = (await findVolumeRow(tx, volumeId))?.host ?? null
    if (host !== null) return { host, mine: false }
    await updateVolume(tx, volumeId, { host: best.name, updated_at: clock.now().toISOString() })
    return { host: best.name, mine: true }
  })
  if (mine) promise(scheduler, best.name, row.size)
  return host
}

async function backendsThatAre({ database }: Scheduler, state: 'enabled' | 'disabled'): Promise<string[]> {
  const services = await listServices(database.read, { binary: 'cinder-volume' })
  return services.filter(({ disabled }) => (disabled === 1) === (state === 'disabled')).map(({ host }) => host)
}

/**
 * Look for a place; while nothing is found, backends that were there before this scheduler started get the time to report.
 * What nobody has room for fails at once when all have.
 */
async function onceReported<T>(scheduler: Scheduler, look: () => Promise<T>): Promise<T> {
  const { alive, clock, startedAt, stopping } = scheduler
  for (let pause = 20; ; pause = Math.min(pause * 2, longestPauseMilliseconds)) {
    try {
      return await look()
    } catch (error) {
      const isWaitedFor = (backend: string) => alive.lastHeard('cinder-volume', backend) === undefined
      if (!(error instanceof NoValidBackend) || clock.monotonic() - startedAt >= graceMilliseconds || !(await backendsThatAre(scheduler, 'enabled')).some(isWaitedFor)) throw error
    }
    await clock.sleep(pause, stopping.signal)
  }
}

function promise({ promised, clock }: Scheduler, pool: string, gib: number): void {
  const known = promised.get(pool)
  promised.set(pool, { since: clock.now().toISOString(), gib: (known?.gib ?? 0) + gib })
}

/** @throws NoValidBackend when the volume's own pool has no room for so much more */
export async function checkGrowth(scheduler: Scheduler, volumeId: string, moreGiB: number): Promise<void> {
  const row = await findVolumeRow(scheduler.database.read, volumeId)
  if (!row) throw new VolumeNotFound(`Volume ${volumeId} could not be found.`)
  const wanted: Wanted = { sizeGiB: moreGiB, availabilityZone: row.availability_zone, extraSpecs: {}, multiattach: false }
  const own = await onceReported(scheduler, async () => {
    const pool = livingPools(scheduler).find((each) => each.name === row.host)
    if (!pool || !capacityFilter(pool, wanted)) throw new NoValidBackend(`The backend of the volume has no room for ${moreGiB} GiB more.`)
    return pool
  })
  promise(scheduler, own.name, moreGiB)
}
