// A volume as the domain knows it, in its newest shape.
import type { AttachStatus, VolumeStatus } from './volume-states.ts'
import type { Attachment } from './attachment.ts'

export type Metadata = Readonly<Record<string, string>>

export interface Volume {
  readonly id: string
  readonly projectId: string
  readonly userId: string
  readonly name: string | null
  readonly description: string | null
  readonly sizeGiB: number
  readonly status: VolumeStatus
  /** What it was before an extension. */
  readonly previousStatus: VolumeStatus | null
  readonly attachStatus: AttachStatus
  readonly availabilityZone: string
  /** `host@backend#pool`, once the scheduler has chosen. */
  readonly host: string | null
  readonly serviceId: string | null
  readonly bootable: boolean
  readonly multiattach: boolean
  /** Set by an administrator or the first attachment; absent before. */
  readonly readOnly: boolean | null
  readonly typeId: string
  readonly typeName: string
  /** The trace in which it was made. */
  readonly traceId: string | null
  readonly createdAt: Date
  readonly updatedAt: Date | null
  readonly metadata: Metadata
  readonly imageMetadata: Metadata
  readonly attachments: readonly Attachment[]
}

/** `host@backend` of `host@backend#pool`: where the volume role listens. */
export function backendOf(host: string): string {
  const end = host.indexOf('#')
  return end < 0 ? host : host.slice(0, end)
}
