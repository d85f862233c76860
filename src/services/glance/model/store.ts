// Where the bytes of images lie. A store knows bytes by a UUID that glance has chosen, and nothing else.
import type { Readable } from 'node:stream'

export interface ImageStore {
  readonly id: string
  readonly type: string
  /** For administrators. */
  readonly properties: Readonly<Record<string, string | number | boolean>>
  /** Begin to write bytes that nobody can read before `keep`. What an earlier try left under the id is gone. */
  create(bits: string): Promise<BitsWriter>
  /** Bytes `from` up to and including `to`. @throws BitsMissing */
  open(bits: string, from: number, to: number): Promise<Readable>
  /** Free the bytes, kept or not; succeeds when there are none. */
  remove(bits: string): Promise<void>
  /** All that lies in it, for comparison with the rows. */
  list(): Promise<readonly StoredBits[]>
}

export interface StoredBits {
  readonly bits: string
  readonly sizeBytes: number
  /** It was not kept: an upload is under way, or was cut off. */
  readonly partial: boolean
}

export interface BitsWriter {
  /** The buffer may be used again once it is resolved. @throws StoreFull */
  write(bytes: Uint8Array, at: number): Promise<void>
  /** All is written: make it durable, and readable under its id. */
  keep(): Promise<void>
  /** Close without keeping; what was written is removed by `remove`. */
  close(): Promise<void>
}
