// Asking another role to do something for an operation, which may be repeated: one that is only starting is waited for, and one that went
// away in the middle of it is asked again.
import { AppError } from '#core/errors'
import type { OperationRun } from '#core/operations'
import { AnswerLost } from '#core/rpc'
import { schedulerRpc, volumeRpc } from '#contract/cinder'
import type { Cinder } from './cinder.ts'

/** After its own start this role has not heard everybody yet. */
const graceMilliseconds = 20_000
const longestPauseMilliseconds = 1000

/** Ask the role of a backend. @throws ServiceUnavailable when it does not listen and counts as down */
export function askBackend<T>(cinder: Cinder, run: OperationRun<unknown>, backend: string, ask: (role: ReturnType<Cinder['volumes']['on']>) => Promise<T>): Promise<T> {
  const { alive, clock, settings } = cinder
  return whileItStarts(cinder, run, volumeRpc.topic, () => alive.isUp('cinder-volume', backend, clock.now(), settings.service_down_time), () => ask(cinder.volumes.on(backend)))
}

/** The same of whichever scheduler is free. */
export function askScheduler<T>(cinder: Cinder, run: OperationRun<unknown>, ask: (role: ReturnType<Cinder['scheduler']['any']>) => Promise<T>): Promise<T> {
  const { alive, clock, settings } = cinder
  return whileItStarts(cinder, run, schedulerRpc.topic, () => alive.zones('cinder-scheduler', clock.now(), settings.service_down_time).length > 0, () => ask(cinder.scheduler.any()))
}

async function whileItStarts<T>({ clock, startedAt }: Cinder, { aside, signal }: OperationRun<unknown>, topic: string, countsAsUp: () => boolean, ask: () => Promise<T>): Promise<T> {
  for (let pause = 20; ; pause = Math.min(pause * 2, longestPauseMilliseconds)) {
    signal.throwIfAborted()
    try {
      return await ask()
    } catch (error) {
      const isSilent = error instanceof AppError && error.code === 'service_unavailable' && error.details['topic'] === topic
      const isDown = clock.monotonic() - startedAt >= graceMilliseconds && !countsAsUp()
      if (!(error instanceof AnswerLost) && (!isSilent || isDown)) throw error
    }
    await aside(clock.sleep(pause, signal))
  }
}
