// An image as the domain sees it.

export type Visibility = 'public' | 'private' | 'shared' | 'community'
export type ImageStatus = 'queued' | 'saving' | 'active' | 'deactivated'
export type MemberStatus = 'pending' | 'accepted' | 'rejected'

export interface Image {
  readonly id: string
  readonly name: string | null
  readonly status: ImageStatus
  readonly visibility: Visibility
  readonly owner: string | null
  readonly diskFormat: string | null
  readonly containerFormat: string | null
  readonly minDiskGiB: number
  readonly minRamMiB: number
  readonly isProtected: boolean
  readonly isHidden: boolean
  readonly sizeBytes: number | null
  readonly virtualSizeBytes: number | null
  readonly checksum: string | null
  readonly hashAlgorithm: string | null
  readonly hashValue: string | null
  /** Names the bytes in the store; another one for each upload. */
  readonly bits: string | null
  readonly createdAt: string
  readonly updatedAt: string
  readonly properties: ReadonlyMap<string, string>
  readonly tags: readonly string[]
}

export interface Member {
  readonly imageId: string
  readonly projectId: string
  readonly status: MemberStatus
  readonly createdAt: string
  readonly updatedAt: string
}

export const hashAlgorithm = 'sha512'
