// What can go wrong with a command: it failed, took too long, was refused by the helper, or the helper is gone.

import { passingErrorClass } from '#core/errors'

/** A program ended with another code than 0, was killed, or ran past its deadline. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed'
  readonly program: string
  /** Absent when a signal ended it. */
  readonly exitCode: number | undefined
  /** The last 4,000 characters of standard error. */
  readonly stderr: string
  readonly timedOut: boolean

  constructor(failure: { program: string; exitCode?: number | undefined; stderr: string; timedOut?: boolean }) {
    const how = failure.timedOut ? 'took too long' : `ended with code ${failure.exitCode ?? 'none'}`
    const words = failure.stderr.trim()
    super(`${failure.program} ${how}${words ? `: ${words.slice(-600)}` : ''}`)
    this.program = failure.program
    this.exitCode = failure.exitCode
    this.stderr = failure.stderr.slice(-4000)
    this.timedOut = failure.timedOut ?? false
  }
}

/** The privileged helper's allow-list does not know this argument. */
export class NotAllowed extends Error {
  override readonly name = 'NotAllowed'
}

/** The privileged helper ended; nothing that needs root can be done any more. */
export const HelperGone = passingErrorClass('HelperGone', 503, 'helper.gone')
