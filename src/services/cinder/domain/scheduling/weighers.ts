// The scheduler's weighers, by upstream's names: each gives every pool a number, the sum decides.
import { capacityOf, type PoolState, promisableGiB, type Wanted } from './pools.ts'

export interface Weigher {
  readonly multiplier: number
  weigh(pool: PoolState, wanted: Wanted): number
}

export const weighers: Readonly<Record<string, Weigher>> = {
  /** Spread: most room first. */
  CapacityWeigher: { multiplier: 1, weigh: (pool) => Math.min(promisableGiB(capacityOf(pool)), Number.MAX_SAFE_INTEGER) },
  /** Least given away first. */
  AllocatedCapacityWeigher: { multiplier: -1, weigh: (pool) => capacityOf(pool).allocatedGiB },
}

/** The pools, best first. Each weigher's numbers are brought to 0..1 before they are multiplied and added. */
export function rank(names: readonly string[], pools: readonly PoolState[], wanted: Wanted): readonly PoolState[] {
  const totals = new Map(pools.map((pool) => [pool, 0]))
  for (const name of names) {
    const weigher = weighers[name]
    if (!weigher) throw new Error(`there is no scheduler weigher ${name}`)
    const numbers = pools.map((pool) => weigher.weigh(pool, wanted))
    const least = Math.min(...numbers)
    const span = Math.max(...numbers) - least
    pools.forEach((pool, at) => totals.set(pool, (totals.get(pool) ?? 0) + weigher.multiplier * (span === 0 ? 0 : ((numbers[at] ?? 0) - least) / span)))
  }
  return [...pools].sort((a, b) => (totals.get(b) ?? 0) - (totals.get(a) ?? 0) || a.name.localeCompare(b.name))
}
