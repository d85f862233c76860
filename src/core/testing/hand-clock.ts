// A clock that stands until a test moves it.
import { type Clock, systemClock } from '#core/context'

export interface HandClock extends Clock {
  /** Timers that are due on the way go off in their order, each at its time, and what they begin goes on meanwhile. */
  move(seconds: number): Promise<void>
}

export function handClock(): HandClock {
  const began = Date.UTC(2026, 0, 1)
  const timers = new Set<{ readonly at: number; readonly run: () => void }>()
  let elapsed = 0
  const after = (milliseconds: number, run: () => void) => {
    const timer = { at: elapsed + milliseconds, run }
    timers.add(timer)
    return { cancel: () => void timers.delete(timer) }
  }
  return {
    now: () => new Date(began + elapsed), monotonic: () => elapsed, after,
    sleep: (milliseconds, signal) => new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      const timer = after(milliseconds, resolve)
      signal?.addEventListener('abort', () => {
        timer.cancel()
        reject(signal.reason)
      }, { once: true })
    }),
    turn: systemClock.turn,
    async move(seconds) {
      const end = elapsed + seconds * 1000
      for (;;) {
        const [next] = [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)
        if (!next) break
        timers.delete(next)
        elapsed = next.at
        next.run()
        await systemClock.turn()
      }
      elapsed = end
    },
  }
}
