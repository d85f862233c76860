// A group of compute hosts with metadata in common, and perhaps an availability zone.

export interface Aggregate {
  readonly id: number
  readonly uuid: string
  readonly name: string
  readonly hosts: readonly string[]
  readonly metadata: Readonly<Record<string, string>>
  readonly createdAt: string
  readonly updatedAt: string | null
}

export const zoneKey = 'availability_zone'
