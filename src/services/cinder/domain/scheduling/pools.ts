// What the scheduler knows of a pool, and what it looks for.

export interface PoolState {
  /** `host@backend#pool`. */
  readonly name: string
  readonly zone: string
  readonly capabilities: Readonly<Record<string, unknown>>
}

export interface Wanted {
  readonly sizeGiB: number
  readonly availabilityZone: string
  readonly extraSpecs: Readonly<Record<string, string | null>>
  readonly multiattach: boolean
}

export interface Capacity {
  readonly totalGiB: number
  readonly freeGiB: number
  readonly allocatedGiB: number
  readonly provisionedGiB: number
  readonly thin: boolean
  readonly overSubscription: number
  readonly reservedShare: number
}

const number = (value: unknown, fallback: number): number => (typeof value === 'number' ? value : value === 'infinite' ? Number.POSITIVE_INFINITY : fallback)

export function capacityOf({ capabilities }: Pick<PoolState, 'capabilities'>): Capacity {
  const totalGiB = number(capabilities['total_capacity_gb'], 0)
  return {
    totalGiB, freeGiB: number(capabilities['free_capacity_gb'], 0),
    allocatedGiB: number(capabilities['allocated_capacity_gb'], 0),
    provisionedGiB: number(capabilities['provisioned_capacity_gb'], 0),
    thin: capabilities['thin_provisioning_support'] === true,
    overSubscription: Math.max(1, number(capabilities['max_over_subscription_ratio'], 1)),
    reservedShare: number(capabilities['reserved_percentage'], 0) / 100,
  }
}

/** Free GiB as they may be promised: what is reserved is taken off, and a thin pool promises more than it has. */
export function promisableGiB(capacity: Capacity): number {
  const { totalGiB, freeGiB, provisionedGiB, thin, overSubscription, reservedShare } = capacity
  const reserved = Number.isFinite(totalGiB) ? totalGiB * reservedShare : 0
  if (thin) return totalGiB * overSubscription - provisionedGiB - reserved
  return Math.floor(freeGiB - reserved)
}
