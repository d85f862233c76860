// A clock that runs so many times as fast, for a test of what pauses between its tries.
import { type Clock, systemClock } from '#core/context'

export function quickClock(times: number): Clock {
  const began = Date.now()
  return {
    ...systemClock, now: () => new Date(began + (Date.now() - began) * times), monotonic: () => systemClock.monotonic() * times,
    after: (milliseconds, run) => systemClock.after(milliseconds / times, run), sleep: (milliseconds, signal) => systemClock.sleep(milliseconds / times, signal),
  }
}
