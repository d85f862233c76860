// How many servers a project may still have, counted from rows in the transaction that adds them.
import type { Db } from '#core/db'
import { lockRow } from '#core/db'
import type { NovaSettings } from '../../../config.ts'
import type { ApiTables } from '../../../db/api-tables.ts'
import { limitsSet, serverUse } from '../../../db/quota-use.ts'
import { OverQuota } from '../../../model/errors.ts'
import type { FlavorSnapshot } from '../../../model/server.ts'

interface Count {
  readonly min: number
  readonly max: number
}

/**
 * How many of the servers the quota allows, at most `max`.
 *
 * @throws OverQuota when it is less than `min`
 */
export async function allowedCount(tx: Db<ApiTables>, settings: NovaSettings, projectId: string, flavor: FlavorSnapshot, { min, max }: Count): Promise<number> {
  // Two requests of a project are counted one after the other.
  await lockRow(tx, 'quotas', 'project_id', projectId)
  const limits = await limitsSet(tx, projectId)
  const used = await serverUse(tx, projectId)
  const resources = [
    { name: 'instances', limit: limits.get('instances') ?? settings.quota_instances, used: used.instances, each: 1 },
    { name: 'cores', limit: limits.get('cores') ?? settings.quota_cores, used: used.cores, each: flavor.vcpus },
    { name: 'ram', limit: limits.get('ram') ?? settings.quota_ram, used: used.ram, each: flavor.memoryMiB },
  ]
  const room = (resource: (typeof resources)[number]) => (resource.limit < 0 || resource.each === 0 ? Infinity : Math.floor((resource.limit - resource.used) / resource.each))
  const allowed = Math.min(max, ...resources.map(room))
  if (allowed >= min) return allowed
  const over = resources.filter((resource) => room(resource) < min)
  const list = (values: readonly (string | number)[]) => values.join(', ')
  throw new OverQuota(
    `Quota exceeded for ${list(over.map(({ name }) => name))}: Requested ${list(over.map(({ each }) => each * min))}, but already used ${list(over.map((each) => each.used))} of ${list(over.map(({ limit }) => limit))} ${list(over.map(({ name }) => name))}`,
  )
}
