// What an auditor finds: something that is there and should not be, or should be there and is not.
import type { RequestContext } from '#core/context'

/** One thing in which rows and reality differ, as a single look saw it. */
export interface Difference {
  readonly kind: string
  /** The id of the row, or the name of the thing. With kind and host it tells findings apart. */
  readonly resource: string
  /** Where it was seen, when it belongs to a host. */
  readonly host?: string
  /** What is so, for the one who runs the cloud. */
  readonly message: string
  /** What its repair must know; never stored, since a repair looks again first. */
  readonly about?: Readonly<Record<string, unknown>>
}

/**
 * `by-itself`: plainly safe, the auditor does it. `when-asked`: what is removed cannot be had again, so a person decides.
 * `none`: nothing that a program could do.
 */
export type Remedy = 'by-itself' | 'when-asked' | 'none'

export interface Kind {
  readonly remedy: Remedy
  /** What a person may do about it. */
  readonly advice: string
  /** Puts it right; may be repeated. @returns what was done @throws when it cannot be done, with a message for a person */
  repair?(ctx: RequestContext, difference: Difference): Promise<string>
}

export interface Looked {
  readonly differences: readonly Difference[]
  /** Hosts that could not be looked at: what was found there before stands. */
  readonly unseen?: readonly string[]
}

/** One comparison. It only reads; what belongs to a living operation it leaves out. */
export interface Check {
  readonly name: string
  readonly kinds: Readonly<Record<string, Kind>>
  look(ctx: RequestContext): Promise<Looked>
}

/** A difference that lasted: it has an age, and ends as `repaired` or, when it was put right otherwise, as `gone`. */
export interface Finding {
  readonly id: string
  readonly check: string
  readonly kind: string
  readonly resource: string
  readonly host: string
  readonly message: string
  readonly advice: string
  readonly remedy: Remedy
  readonly state: 'open' | 'repaired' | 'gone'
  readonly firstSeen: string
  readonly lastSeen: string
  readonly endedAt: string | null
  /** How often a repair was tried, and what came of the last try. */
  readonly tries: number
  readonly done: string
}

export const keyOf = ({ kind, resource, host = '' }: Pick<Difference, 'kind' | 'resource' | 'host'>) => `${kind} ${resource} ${host}`
