// Whose turn it is to write: one at a time, in order of asking, and nobody waits for ever.
import type { Clock } from '../context/clock.ts'

interface Waiter {
  readonly go: () => void
  readonly refuse: (error: unknown) => void
}

export class WriterQueue {
  readonly #clock: Clock
  readonly #waiters: Waiter[] = []
  #taken = false
  #betweenTurns: (() => void)[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Take the turn when it is free; otherwise `wait` for it. */
  takeIfFree(): boolean {
    if (this.#taken) return false
    this.#taken = true
    return true
  }

  /** Resolves with the turn taken. Rejects with `late()` after the deadline, or with the signal's reason. */
  wait(milliseconds: number, late: () => Error, signal: AbortSignal | undefined): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const settle = () => {
        timer.cancel()
        signal?.removeEventListener('abort', onAbort)
      }
      const waiter: Waiter = {
        go: () => {
          settle()
          resolve()
        },
        refuse: (error) => {
          settle()
          reject(error)
        },
      }
      const leave = (error: unknown) => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1)
        waiter.refuse(error)
      }
      const onAbort = () => leave(signal?.reason)
      signal?.addEventListener('abort', onAbort, { once: true })
      const timer = this.#clock.after(milliseconds, () => leave(late()))
      this.#waiters.push(waiter)
    })
  }

  /** Give the turn back; it goes straight to the one who waited longest. */
  passOn(): void {
    const runs = this.#betweenTurns
    if (runs.length > 0) {
      this.#betweenTurns = []
      for (const run of runs) run()
    }
    const next = this.#waiters.shift()
    if (next) next.go()
    else this.#taken = false
  }

  /** Run when nobody has the turn: now, or before the next one gets it. */
  between<R>(run: () => R): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      const runAndSettle = () => {
        try {
          resolve(run())
        } catch (error) {
          reject(error)
        }
      }
      if (this.#taken) this.#betweenTurns.push(runAndSettle)
      else runAndSettle()
    })
  }

  refuseAll(error: unknown): void {
    for (const waiter of this.#waiters.splice(0)) waiter.refuse(error)
  }
}
