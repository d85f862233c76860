// The one capability context: what a role may reach of the world outside, handed in and never taken globally.
import type { Logger } from '../observe/log.ts'
import type { Clock } from './clock.ts'
import type { Ids, Random } from './random.ts'

export interface Capabilities {
  readonly clock: Clock
  readonly random: Random
  readonly ids: Ids
  readonly log: Logger
}

/** What a driver call carries: who gave up, which lease speaks, where to log. */
export interface CallContext {
  /** Aborted when the caller's deadline passed or the operation was cancelled. */
  readonly signal: AbortSignal
  /** The lease's number; a host refuses one lower than it has seen (DESIGN.md, effects that cross a host). */
  readonly epoch: number
  readonly log: Logger
}
