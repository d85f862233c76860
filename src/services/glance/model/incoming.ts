// A stream that a client is sending to this process, and how it ended.
import type { Readable } from 'node:stream'

export interface Incoming {
  readonly content: Readable
  /** How many bytes the client said would come. */
  readonly announcedBytes: number | undefined
  readonly mostBytes: number
  error?: Error
}
