// Guests that QEMU has stopped because a disk of theirs could not be written for want of room: they go on by themselves when there is room.
import type { Clock, Timer } from '#core/context'
import type { GuestMonitor } from './guest-monitor.ts'

export interface StarvedOptions {
  readonly clock: Clock
  readonly find: (serverId: string) => Promise<GuestMonitor | undefined>
  /** It runs again. */
  readonly resumed: (serverId: string) => void
}

const tryAgainSeconds = 5
/** A guest that still has no room stops at once; one that has not by then runs. */
const trialSeconds = 1

export class StarvedGuests {
  readonly #options: StarvedOptions
  readonly #timers = new Map<string, Timer>()
  readonly #onTrial = new Set<string>()

  constructor(options: StarvedOptions) {
    this.#options = options
  }

  /** Stops and starts of a guest on trial are no news. */
  isOnTrial(serverId: string): boolean {
    return this.#onTrial.has(serverId)
  }

  /** It stands still, or may: if it is for want of room, it is tried again and again. */
  async look(serverId: string): Promise<void> {
    const monitor = await this.#options.find(serverId)
    if (monitor === undefined || this.#timers.has(serverId) || !await monitor.isStarved()) return
    this.#timers.set(serverId, this.#options.clock.after(tryAgainSeconds * 1000, () => {
      this.#tryAgain(serverId).catch(() => {}).finally(() => {
        this.#onTrial.delete(serverId)
        if (!this.#timers.delete(serverId)) return
        this.look(serverId).catch(() => {})
      })
    }))
  }

  async #tryAgain(serverId: string): Promise<void> {
    const monitor = await this.#options.find(serverId)
    if (monitor === undefined || !await monitor.isStarved()) return
    this.#onTrial.add(serverId)
    await monitor.execute('cont')
    await this.#options.clock.sleep(trialSeconds * 1000)
    if (await monitor.powerState() === 'running') this.#options.resumed(serverId)
  }

  close(): void {
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
  }
}
