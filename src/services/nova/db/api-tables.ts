// The tables of nova's API database: what a request needs before its server has a cell, and what all cells share.
import type { Generated } from '#core/db'
import type { AuditTables } from '#core/audit'
import type { OperationTables } from '#core/operations'

export interface FlavorRow {
  id: Generated<number>
  /** The id that clients see; chosen by the admin or a UUID. */
  flavorid: string
  name: string
  memory_mb: number
  vcpus: number
  root_gb: number
  ephemeral_gb: number
  swap: number
  rxtx_factor: number
  disabled: number
  is_public: number
  description: string | null
  created_at: string
  updated_at: string | null
}

export interface KeyPairRow {
  id: Generated<number>
  name: string
  user_id: string
  type: 'ssh' | 'x509'
  fingerprint: string
  public_key: string
  created_at: string
}

/** Which cell has a server, and what it counts for against the quota of its project. */
export interface InstanceMappingRow {
  instance_uuid: string
  /** Null until it is placed; cell0 keeps what could not be scheduled. */
  cell: string | null
  project_id: string
  user_id: string
  vcpus: number
  memory_mb: number
  /** Its deletion was asked for: it counts no more. */
  queued_for_delete: number
  created_at: string
}

/** A server that has no row in a cell yet. `instance` is that row to be, as JSON. */
export interface BuildRequestRow {
  instance_uuid: string
  project_id: string
  instance: string
  created_at: string
}

/** What the scheduler is to place, and where it was tried: kept for as long as the server lives. */
export interface RequestSpecRow {
  instance_uuid: string
  spec: string
  /** JSON list of `{ host, reason }` where the build failed. */
  tried_hosts: string
  created_at: string
}

export interface AggregateRow {
  id: Generated<number>
  uuid: string
  name: string
  created_at: string
  updated_at: string | null
}

export interface ServerGroupRow {
  id: Generated<number>
  uuid: string
  project_id: string
  user_id: string
  name: string
  policy: string
  /** Of an anti-affinity group; null for one. */
  max_server_per_host: number | null
  created_at: string
}

export interface ApiTables extends OperationTables, AuditTables {
  cell_mappings: { name: string; uuid: string; disabled: number; created_at: string }
  host_mappings: { host: string; cell: string; created_at: string }
  flavors: FlavorRow
  flavor_extra_specs: { flavor_id: number; key: string; value: string }
  flavor_projects: { flavor_id: number; project_id: string }
  key_pairs: KeyPairRow
  instance_mappings: InstanceMappingRow
  build_requests: BuildRequestRow
  request_specs: RequestSpecRow
  aggregates: AggregateRow
  aggregate_hosts: { aggregate_id: number; host: string }
  aggregate_metadata: { aggregate_id: number; key: string; value: string }
  server_groups: ServerGroupRow
  server_group_members: { instance_uuid: string; group_id: number }
  /** An empty `user_id` is the project's own limit. */
  quotas: { project_id: string; user_id: string; resource: string; hard_limit: number; created_at: string; updated_at: string | null }
  quota_classes: { class_name: string; resource: string; hard_limit: number; created_at: string; updated_at: string | null }
}
