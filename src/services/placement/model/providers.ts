// A resource provider as the domain sees it: with all that a decision about it needs.

export interface Inventory {
  readonly total: number
  readonly reserved: number
  readonly minUnit: number
  readonly maxUnit: number
  readonly stepSize: number
  readonly allocationRatio: number
  readonly updatedAt: string
}

export interface Provider {
  readonly uuid: string
  readonly name: string
  /** Grows with each change that a client must know of before it changes the provider itself. */
  readonly generation: number
  readonly parent: string | undefined
  readonly root: string
  readonly createdAt: string
  readonly updatedAt: string
  readonly inventories: ReadonlyMap<string, Inventory>
  /** What all consumers hold, by resource class. */
  readonly used: ReadonlyMap<string, number>
  readonly traits: ReadonlySet<string>
  readonly aggregates: ReadonlySet<string>
}

export const largestUnit = 2_147_483_647

export function capacityOf(inventory: Inventory): number {
  return (inventory.total - inventory.reserved) * inventory.allocationRatio
}

/** Whether an amount is a portion that the inventory gives out. */
export function isPortion(inventory: Inventory, amount: number): boolean {
  return amount >= inventory.minUnit && amount <= inventory.maxUnit && amount % inventory.stepSize === 0
}

export function canGive(provider: Provider, resourceClass: string, amount: number): boolean {
  const inventory = provider.inventories.get(resourceClass)
  if (!inventory || !isPortion(inventory, amount)) return false
  return (provider.used.get(resourceClass) ?? 0) + amount <= capacityOf(inventory)
}
