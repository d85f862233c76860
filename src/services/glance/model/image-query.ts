// What a list of images can be asked for.
import type { Image, MemberStatus, Visibility } from './images.ts'

export type Comparison = '=' | '!=' | '>' | '>=' | '<' | '<='
export type SortColumn = 'name' | 'status' | 'container_format' | 'disk_format' | 'size' | 'id' | 'created_at' | 'updated_at'
export type EqualColumn = 'name' | 'status' | 'container_format' | 'disk_format' | 'id' | 'owner' | 'checksum' | 'os_hash_algo' | 'os_hash_value' | 'min_disk' | 'min_ram' | 'protected' | 'size'

export interface ImageQuery {
  /** Null for somebody who sees everything. */
  readonly viewer: { readonly projectId: string } | null
  readonly visibility: Visibility | 'all' | undefined
  readonly memberStatus: MemberStatus | 'all'
  readonly hidden: boolean
  readonly equal: readonly (readonly [column: EqualColumn, values: readonly (string | number)[]])[]
  readonly size: readonly (readonly [comparison: '>=' | '<=', bytes: number])[]
  readonly times: readonly (readonly [column: 'created_at' | 'updated_at', comparison: Comparison, at: string])[]
  readonly tags: readonly string[]
  readonly properties: readonly (readonly [name: string, value: string])[]
  readonly sort: readonly { readonly key: SortColumn; readonly direction: 'asc' | 'desc' }[]
  readonly marker: Image | undefined
  readonly limit: number
}
