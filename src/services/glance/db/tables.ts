// The rows of glance.
import type { AuditTables } from '#core/audit'
import type { OperationTables } from '#core/operations'

export interface ImageRow {
  id: string
  name: string | null
  status: string
  visibility: string
  owner: string | null
  disk_format: string | null
  container_format: string | null
  min_disk: number
  min_ram: number
  protected: number
  os_hidden: number
  size: number | null
  virtual_size: number | null
  checksum: string | null
  os_hash_algo: string | null
  os_hash_value: string | null
  /** Names the bytes in the store. */
  bits: string | null
  created_at: string
  updated_at: string
}

export interface MemberRow {
  image_id: string
  member_id: string
  status: string
  created_at: string
  updated_at: string
}

export interface GlanceTables extends OperationTables, AuditTables {
  images: ImageRow
  image_properties: { image_id: string; name: string; value: string }
  image_tags: { image_id: string; tag: string }
  image_members: MemberRow
  /** Uploads under way, with the bytes that they claim of their owner's quota. */
  uploads: { bits: string; image_id: string; owner: string | null; claimed_bytes: number }
}
