// A backend that cannot begin does not keep the cloud from starting: it counts as down, and is tried again in the background.
import type { CallContext, Capabilities } from '#core/context'

export interface Beginning extends Pick<Capabilities, 'clock' | 'log'> {
  readonly backend: string
  /** Whatever it began before it failed is begun again. @returns the role that works */
  begin(call: CallContext): Promise<{ stop(): Promise<void> }>
  /** Let go of a backend that never began. */
  giveUp(): Promise<void>
}

const longestPauseSeconds = 60

/** Returns after the first attempt, however that ended. */
export async function beginWhenAble({ clock, log, backend, begin, giveUp }: Beginning): Promise<{ stop(): Promise<void> }> {
  const stopping = new AbortController()
  const { signal } = stopping
  let role: { stop(): Promise<void> } | undefined

  async function attempt(number: number): Promise<void> {
    try {
      role = await begin({ signal, epoch: 0, log })
      if (number > 1) log.info({ backend, attempt: number }, 'the backend is up')
    } catch (error) {
      if (signal.aborted) return
      log.error({ err: error, backend, attempt: number, pauseSeconds: pauseOf(number) }, 'the backend cannot begin: its service is down, and it will be tried again')
    }
  }
  async function again(): Promise<void> {
    for (let number = 2; role === undefined && !signal.aborted; number++) {
      await clock.sleep(pauseOf(number - 1) * 1000, signal).catch(() => undefined)
      if (!signal.aborted) await attempt(number)
    }
  }

  await attempt(1)
  const trying = again()
  return {
    async stop() {
      stopping.abort()
      await trying
      await (role ? role.stop() : giveUp())
    },
  }
}

const pauseOf = (attempt: number) => Math.min(longestPauseSeconds, 2 ** (attempt - 1))
