// Randomness and identifiers as capabilities: seeded in the simulation, from the operating system otherwise.
import { randomBytes, randomInt, randomUUID } from 'node:crypto'

export interface Random {
  bytes(count: number): Buffer
  /** A whole number from 0 up to, but not including, `below`. */
  integer(below: number): number
}

export interface Ids {
  uuid(): string
  /** `req-` and a UUID, as OpenStack's request ids look. */
  requestId(): string
}

export const systemRandom: Random = { bytes: (count) => randomBytes(count), integer: (below) => randomInt(below) }

export const systemIds: Ids = { uuid: () => randomUUID(), requestId: () => `req-${randomUUID()}` }
