// Quota: what a project may use, its types included. Usage is counted from rows in the transaction that claims, so that
// requests side by side never overshoot.
import { type Db, lockClaim } from '#core/db'
import { classLimits, projectLimits, type TypeUsage, usageByType } from '../db/quotas.ts'
import type { CinderTables } from '../db/tables.ts'
import { typeNames } from '../db/volume-types.ts'
import { QuotaExceeded } from '../model/errors.ts'
import type { Settings } from '../config.ts'

/** What upstream's quota sets name. Snapshots, backups and groups are not built: nothing is ever used of them. */
const plain = ['volumes', 'per_volume_gigabytes', 'snapshots', 'gigabytes', 'backups', 'backup_gigabytes', 'groups'] as const

export interface Quota {
  readonly limit: number
  readonly inUse: number
}

function builtIn(settings: Settings): Readonly<Record<string, number>> {
  return {
    volumes: settings.quota_volumes, gigabytes: settings.quota_gigabytes, per_volume_gigabytes: settings.per_volume_size_limit,
    snapshots: 10, backups: 10, backup_gigabytes: 1000, groups: 10,
  }
}

/** The names of all limits, those per type included. */
export async function quotaNames(db: Db<CinderTables>): Promise<string[]> {
  const types = await typeNames(db)
  return [...plain, ...types.flatMap((name) => [`volumes_${name}`, `gigabytes_${name}`, `snapshots_${name}`])]
}

/** Limits that hold where a project has none of its own. */
export async function defaultLimits(db: Db<CinderTables>, settings: Settings, className = 'default'): Promise<Record<string, number>> {
  const given = await classLimits(db, className)
  const base = builtIn(settings)
  return Object.fromEntries((await quotaNames(db)).map((name) => [name, given.get(name) ?? base[name] ?? -1]))
}

/** All quotas of a project with their use. */
export async function quotasOf(db: Db<CinderTables>, settings: Settings, projectId: string): Promise<Record<string, Quota>> {
  const limits = await defaultLimits(db, settings)
  const own = await projectLimits(db, projectId)
  const used = countUp(await usageByType(db, projectId))
  return Object.fromEntries(Object.entries(limits).map(([name, limit]) => [name, { limit: own.get(name) ?? limit, inUse: used[name] ?? 0 }]))
}

function countUp(usage: readonly TypeUsage[]): Record<string, number> {
  const used: Record<string, number> = { volumes: 0, gigabytes: 0 }
  for (const { typeName, volumes, gigabytes } of usage) {
    used['volumes'] = (used['volumes'] ?? 0) + volumes
    used['gigabytes'] = (used['gigabytes'] ?? 0) + gigabytes
    used[`volumes_${typeName}`] = volumes
    used[`gigabytes_${typeName}`] = gigabytes
  }
  return used
}

export interface Claim {
  readonly projectId: string
  readonly typeName: string
  readonly volumes: number
  readonly gigabytes: number
  /** The size that the one volume will have. */
  readonly volumeGiB: number
  /** GiB of the claim that the rows hold already. */
  readonly counted?: number
}

/**
 * Check that a claim fits. To be called in the transaction that makes it.
 *
 * @throws QuotaExceeded
 */
export async function checkQuota(tx: Db<CinderTables>, settings: Settings, claim: Claim): Promise<void> {
  const { typeName } = claim
  await lockClaim(tx, 'quota', claim.projectId)
  const own = await projectLimits(tx, claim.projectId)
  const shared = await classLimits(tx, 'default')
  const base = builtIn(settings)
  const limitOf = (name: string): number => own.get(name) ?? shared.get(name) ?? base[name] ?? -1
  const largest = limitOf('per_volume_gigabytes')
  if (largest >= 0 && claim.volumeGiB > largest) {
    throw over('VolumeSizeExceedsLimit', `Requested volume size ${claim.volumeGiB}G is larger than maximum allowed limit ${largest}G.`)
  }
  const used = countUp(await usageByType(tx, claim.projectId))
  for (const name of ['gigabytes', `gigabytes_${typeName}`]) {
    const more = claim.gigabytes + (claim.counted ?? 0)
    const [limit, consumed] = [limitOf(name), (used[name] ?? 0) - (claim.counted ?? 0)]
    if (limit >= 0 && more > 0 && consumed + more > limit) {
      throw over('VolumeSizeExceedsAvailableQuota', `Requested volume or snapshot exceeds allowed ${name} quota. Requested ${more}G, quota is ${limit}G and ${consumed}G has been consumed.`)
    }
  }
  for (const name of ['volumes', `volumes_${typeName}`]) {
    const limit = limitOf(name)
    if (limit >= 0 && claim.volumes > 0 && (used[name] ?? 0) + claim.volumes > limit) {
      throw over('VolumeLimitExceeded', `Maximum number of volumes allowed (${limit}) exceeded for quota '${name}'.`)
    }
  }
}

/** As upstream, with its kind before the words and a Retry-After of nothing (cinder/api/middleware/fault.py; cinder/exception.py, QuotaError). */
function over(kind: string, message: string): Error {
  return new QuotaExceeded(`${kind}: ${message}`, { retryAfter: 0, headers: { 'Retry-After': '0' } })
}
