// What glance's stories work with.
import type { Capabilities } from '#core/context'
import type { Database } from '#core/db'
import type { PolicyCheck } from '#core/http'
import type { Operations } from '#core/operations'
import type { Recorder } from '#core/trace'
import type { GlanceTables } from '../db/tables.ts'
import type { Incoming } from '../model/incoming.ts'
import type { ImageStore } from '../model/store.ts'
import type { Digests } from './digests.ts'

export interface Limits {
  readonly image_size_cap: number
  readonly image_member_quota: number
  readonly image_property_quota: number
  readonly image_tag_quota: number
  /** MiB */
  readonly image_size_total: number
  readonly image_count_total: number
  readonly image_count_uploading: number
}

export interface Glance extends Capabilities {
  readonly database: Database<GlanceTables>
  readonly operations: Operations<Glance>
  readonly policy: PolicyCheck
  readonly store: ImageStore
  readonly digests: Digests
  readonly limits: Limits
  readonly trace: Recorder
  /** Streams that clients are sending to this process, by the id of their bytes. */
  readonly incoming: Map<string, Incoming>
}
