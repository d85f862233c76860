// What a durable operation is: a declared list of steps with their undo, one of them the pivot (DESIGN.md).
import type { CallContext, RequestContext } from '#core/context'
import type { Db } from '#core/db'
import { AppError, describe, toWireError } from '#core/errors'
import type { TSchema } from '#core/spec'

/** What a step is given. It is also the `CallContext` of the driver calls and the source of remote calls' keys. */
export interface OperationRun<I = unknown> extends CallContext {
  readonly id: string
  readonly kind: string
  readonly resourceId: string
  readonly input: I
  /** Counts the tries of this step, from 1. */
  readonly attempt: number
  /** Identity and trace of the request that began it; never a token. */
  readonly ctx: RequestContext
  /** What an earlier step returned, from the journal. */
  result<T>(step: string): T | undefined
  /** The idempotency key of this operation's step, for a create elsewhere. */
  key(step: string): string
  /**
   * Waits for others: for other operations, or for an answer that takes as long as it likes. Meanwhile this operation takes no room
   * from those that could work, among which may be the one that it waits for.
   */
  aside<T>(waiting: Promise<T>): Promise<T>
  /** Why it is undone; absent while it goes forward. */
  readonly fault?: OperationFault
}

/** Why an operation failed, for its owner. */
export interface OperationFault {
  readonly step: string
  readonly status: number
  readonly code: string
  readonly message: string
  /** For operators only, never for its owner: what lay behind it, the nearest first. */
  readonly causes?: readonly string[]
  /** It was called off, not broken. */
  readonly cancelled: boolean
  /** It is undone back to and including this step, and then goes forward again from there. */
  readonly again?: string
}

/**
 * Thrown by a step before the pivot: undo back to and including the step `from`, then go on from there anew, on another
 * host for instance. How often is for the thrower to count.
 */
export class StartAgain extends AppError {
  readonly from: string
  constructor(from: string, reason: unknown) {
    const { status, code } = toWireError(reason)
    super(status, code, describe(reason), {}, reason)
    this.from = from
  }
}

interface StepBody<S, I> {
  /** Does the work; may run again after a crash, so it is idempotent. What it returns is journalled. */
  run?(service: S, run: OperationRun<I>): Promise<unknown>
  /** Instead of `run`: database work only, committed together with its journal entry, so it happens exactly once. */
  commit?(tx: Db<any>, service: S, run: OperationRun<I>): Promise<unknown>
  /** Decided from input and earlier results, the same each time: there is nothing to do, and nothing to undo. */
  skip?(run: OperationRun<I>): boolean
  /** Takes back what `run` did, wholly or halfway done; idempotent. */
  undo?(service: S, run: OperationRun<I>): Promise<void>
  /** Further tries before the step counts as failed, with growing pauses. Before the pivot the default is none. */
  retries?: number
}

export interface Step<S = any, I = any> extends StepBody<S, I> {
  readonly name: string
  readonly pivot: boolean
}

export function step<S, I>(name: string, body: StepBody<S, I>): Step<S, I> {
  return { name, pivot: false, ...body }
}

/** From here on the operation only goes forward: this step and those after it are tried until they succeed. */
export function pivot<S, I>(name: string, body: StepBody<S, I>): Step<S, I> {
  return { name, pivot: true, ...body }
}

export interface Definition<S = any, I = any> {
  readonly kind: string
  readonly input: TSchema
  readonly deadlineSeconds: number
  /** After a crash before the pivot: go on, or take back. */
  readonly onCrash: 'resume' | 'undo'
  readonly steps: readonly Step<S, I>[]
  /** In the transaction that ends the operation after its undo: the resource's fault or its return to rest. */
  failed?(tx: Db<any>, service: S, run: OperationRun<I>, fault: OperationFault): Promise<void>
}

export function defineOperation<S, I>(kind: string, rest: Omit<Definition<S, I>, 'kind'>): Definition<S, I> {
  if (rest.steps.filter((each) => each.pivot).length > 1) throw new Error(`operation ${kind} has more than one pivot`)
  for (const each of rest.steps) {
    if ((each.run === undefined) === (each.commit === undefined)) throw new Error(`step ${each.name} of ${kind} needs either run or commit`)
  }
  return { kind, ...rest }
}
