// A flavor as nova's own parts speak of it.

export interface Flavor {
  /** The id that clients see. */
  readonly id: string
  /** The id of its row. */
  readonly rowId: number
  readonly name: string
  readonly memoryMiB: number
  readonly vcpus: number
  readonly rootGiB: number
  readonly ephemeralGiB: number
  readonly swapMiB: number
  readonly rxtxFactor: number
  readonly disabled: boolean
  readonly isPublic: boolean
  readonly description: string | null
  readonly extraSpecs: Readonly<Record<string, string>>
}

export type NewFlavor = Omit<Flavor, 'rowId' | 'disabled' | 'extraSpecs'>
