// What projects and users hold over all providers.
import { consumersByType, usagesByClass, usagesByType, type UsageOf } from '../db/allocations.ts'
import type { Placement } from './change.ts'

export async function usagesOf(placement: Placement, of: UsageOf): Promise<Record<string, number>> {
  const rows = await usagesByClass(placement.database.read, of)
  return Object.fromEntries(rows.map((row) => [row.resource_class, Number(row.used)]))
}

/** By consumer type, with the count of consumers; all under one key when that is asked for. */
export async function usagesByConsumerType(placement: Placement, of: UsageOf): Promise<Record<string, Record<string, number>>> {
  const db = placement.database.read
  const [rows, counts] = [await usagesByType(db, of), await consumersByType(db, of)]
  const usages: Record<string, Record<string, number>> = {}
  const keyOf = (type: string | null) => (of.consumerType === 'all' ? 'all' : (type ?? 'unknown'))
  for (const { consumer_type: type, count } of counts) {
    const group = (usages[keyOf(type)] ??= { consumer_count: 0 })
    group['consumer_count'] = (group['consumer_count'] ?? 0) + Number(count)
  }
  for (const row of rows) {
    const group = (usages[keyOf(row.consumer_type)] ??= {})
    group[row.resource_class] = (group[row.resource_class] ?? 0) + Number(row.used)
  }
  return usages
}
