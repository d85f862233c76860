// The scheduler's filters, by upstream's names. Each is a pure question: may this pool hold that volume?
import { capacityOf, type PoolState, promisableGiB, type Wanted } from './pools.ts'
import { satisfies } from './requirements.ts'

export type Filter = (pool: PoolState, wanted: Wanted) => boolean

export const availabilityZoneFilter: Filter = (pool, { availabilityZone }) => pool.zone === availabilityZone

/** Room for the size, over-subscription and reserve counted (cinder/scheduler/filters/capacity_filter.py). */
export const capacityFilter: Filter = (pool, { sizeGiB }) => {
  const capacity = capacityOf(pool)
  if (capacity.totalGiB <= 0) return false
  if (capacity.thin) {
    const used = (capacity.provisionedGiB + sizeGiB) / capacity.totalGiB
    const real = capacity.freeGiB - (Number.isFinite(capacity.totalGiB) ? capacity.totalGiB * capacity.reservedShare : 0)
    return used <= capacity.overSubscription && real * capacity.overSubscription >= sizeGiB
  }
  return promisableGiB(capacity) >= sizeGiB
}

/** The type's extra specs against what the backend says of itself; specs with a foreign scope are not its matter. */
export const capabilitiesFilter: Filter = ({ capabilities }, { extraSpecs }) => {
  for (const [key, wanted] of Object.entries(extraSpecs)) {
    const [scope, name] = key.includes(':') ? [key.slice(0, key.indexOf(':')), key.slice(key.indexOf(':') + 1)] : ['capabilities', key]
    if (scope !== 'capabilities' || wanted === null) continue
    let offered: unknown = capabilities
    for (const part of name.split(':')) offered = typeof offered === 'object' && offered !== null ? (offered as Record<string, unknown>)[part] : undefined
    if (offered === undefined || !(Array.isArray(offered) ? offered : [offered]).some((each) => satisfies(each, wanted))) return false
  }
  return true
}

export const filters: Readonly<Record<string, Filter>> = {
  AvailabilityZoneFilter: availabilityZoneFilter,
  CapacityFilter: capacityFilter,
  CapabilitiesFilter: capabilitiesFilter,
}

/** Pools that pass all filters, and how many each of the others fell to. */
export function applyFilters(names: readonly string[], pools: readonly PoolState[], wanted: Wanted): { passed: readonly PoolState[]; refused: ReadonlyMap<string, number> } {
  const refused = new Map<string, number>()
  let passed = pools
  for (const name of names) {
    const filter = filters[name]
    if (!filter) throw new Error(`there is no scheduler filter ${name}`)
    const before = passed.length
    passed = passed.filter((pool) => filter(pool, wanted))
    if (passed.length < before) refused.set(name, before - passed.length)
  }
  return { passed, refused }
}
