// How many servers a project may still have, counted from rows in the transaction that adds them.
import type { Db } from '#core/db'
import { lockClaim } from '#core/db'
import type { NovaSettings } from '../../../config.ts'
import type { ApiTables } from '../../../db/api-tables.ts'
import { limitsSet, serverUse } from '../../../db/quota-use.ts'
import { OverQuota } from '../../../model/errors.ts'
import { unlimited } from '../../../model/quota.ts'
import type { FlavorSnapshot } from '../../../model/server.ts'

const counted = ['instances', 'cores', 'ram'] as const

interface Claimant {
  readonly projectId: string
  readonly userId: string
}

interface Count {
  readonly min: number
  readonly max: number
}

/**
 * How many of the servers the quotas of the project, and of the user in it, allow: at most `max`.
 *
 * @throws OverQuota when it is less than `min`
 */
export async function allowedCount(tx: Db<ApiTables>, settings: NovaSettings, { projectId, userId }: Claimant, flavor: FlavorSnapshot, { min, max }: Count): Promise<number> {
  // Two requests of a project are counted one after the other.
  await lockClaim(tx, 'quota', projectId)
  const limits = await limitsSet(tx, projectId, userId)
  const used = await serverUse(tx, projectId)
  const each = { instances: 1, cores: flavor.vcpus, ram: flavor.memoryMiB }
  const configured = { instances: settings.quota_instances, cores: settings.quota_cores, ram: settings.quota_ram }
  const resources = counted.map((name) => ({ name, limit: limits.project.get(name) ?? configured[name], used: used[name], each: each[name] }))
  if (counted.some((name) => limits.user.has(name))) {
    const usedByUser = await serverUse(tx, projectId, userId)
    resources.push(...counted.map((name) => ({ name, limit: limits.user.get(name) ?? unlimited, used: usedByUser[name], each: each[name] })))
  }
  const room = (resource: (typeof resources)[number]) => (resource.limit < 0 || resource.each === 0 ? Infinity : Math.floor((resource.limit - resource.used) / resource.each))
  const allowed = Math.min(max, ...resources.map(room))
  if (allowed >= min) return allowed
  // Of one that both limits are too small for, the project's is named.
  const over = counted.flatMap((name) => resources.find((resource) => resource.name === name && room(resource) < max) ?? [])
  // As many as were wanted at the most; of servers the range is told.
  const requested = ({ name, each }: (typeof resources)[number]) => (name === 'instances' && min < max ? `${min}-${max}` : each * max)
  const list = (values: readonly (string | number)[]) => values.join(', ')
  throw new OverQuota(
    `Quota exceeded for ${list(over.map(({ name }) => name))}: Requested ${list(over.map(requested))}, but already used ${list(over.map((resource) => resource.used))} of ${list(over.map(({ limit }) => limit))} ${list(over.map(({ name }) => name))}`,
  )
}
