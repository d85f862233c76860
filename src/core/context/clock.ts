// Time as a capability: every part asks its clock, so a test or a simulation can move it.

export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Wall-clock time. */
  now(): Date
  /** Milliseconds that only grow, for durations. */
  monotonic(): number
  /** Call `run` once after `milliseconds`; the timer never keeps a process alive on its own. */
  after(milliseconds: number, run: () => void): Timer
  /** Wait. Rejects with the signal's reason when it is aborted. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>
  /** Let whatever waits already go first: requests that came, timers that are due. */
  turn(): Promise<void>
}

export const systemClock: Clock = {
  now: () => new Date(),
  monotonic: () => performance.now(),
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds)
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
  sleep(milliseconds, signal) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', stop)
        resolve()
      }, milliseconds)
      const stop = () => {
        clearTimeout(timer)
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', stop, { once: true })
    })
  },
  turn: () => new Promise((resolve) => setImmediate(resolve)),
}
