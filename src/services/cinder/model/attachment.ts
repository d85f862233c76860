// One use of a volume by a server or a host.
import type { AttachStatus } from './volume-states.ts'

/** What a hypervisor tells of itself. Only the names that cinder reads are listed. */
export interface Connector {
  readonly host?: string
  readonly mountpoint?: string
  readonly mode?: string
  readonly [key: string]: unknown
}

export interface Attachment {
  readonly id: string
  readonly volumeId: string
  readonly projectId: string
  readonly serverId: string | null
  readonly status: AttachStatus
  readonly host: string | null
  readonly device: string | null
  readonly mode: string | null
  readonly connector: Connector | null
  readonly connectionInfo: Readonly<Record<string, unknown>> | null
  readonly attachedAt: Date | null
  readonly createdAt: Date
}
