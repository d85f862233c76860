// The rows of placement. What a provider's consumers hold in all is not a column: it is the sum of their allocations.

export interface ProviderRow {
  uuid: string
  name: string
  generation: number
  parent_uuid: string | null
  root_uuid: string
  /** The change (see `changes`) that last touched the provider or anything of it. */
  revision: number
  created_at: string
  updated_at: string
}

export interface InventoryRow {
  provider_uuid: string
  resource_class: string
  total: number
  reserved: number
  min_unit: number
  max_unit: number
  step_size: number
  allocation_ratio: number
  updated_at: string
}

export interface ConsumerRow {
  uuid: string
  project_id: string
  user_id: string
  consumer_type: string | null
  generation: number
  created_at: string
  updated_at: string
}

export interface AllocationRow {
  consumer_uuid: string
  provider_uuid: string
  resource_class: string
  used: number
  created_at: string
}

export interface PlacementTables {
  /** One row that counts the changes: who holds a view of the providers sees by it whether the view is still right. */
  changes: { id: number; revision: number; topology_revision: number }
  resource_providers: ProviderRow
  inventories: InventoryRow
  provider_traits: { provider_uuid: string; trait: string }
  provider_aggregates: { provider_uuid: string; aggregate_uuid: string }
  /** Custom ones; the standard ones are code. */
  resource_classes: { name: string; created_at: string }
  traits: { name: string; created_at: string }
  consumers: ConsumerRow
  allocations: AllocationRow
  /** Keys that a claim came with, or its release. */
  claim_keys: { key: string; consumer_uuid: string; created_at: string }
}
