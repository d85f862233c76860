// Waiting for neutron to say that a server's ports are plugged. The word may come before anybody waits for it.
import type { Clock } from '#core/context'
import { VirtualInterfaceTimeout } from '../model/errors.ts'

interface Waiting {
  readonly traceId: string | undefined
  readonly missing: Set<string>
  failed: string | undefined
  tell: () => void
}

export class PortWaits {
  readonly #clock: Clock
  readonly #waiting = new Map<string, Waiting>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Before the ports are asked for: from now on the server's events are kept. @returns false when they were already */
  expect(serverId: string, traceId: string | undefined): boolean {
    if (this.#waiting.has(serverId)) return false
    this.#waiting.set(serverId, { traceId, missing: new Set(), failed: undefined, tell() {} })
    return true
  }

  /** These ports have to be plugged; those of which word came already are not among them any more. */
  need(serverId: string, portIds: readonly string[], plugged: ReadonlySet<string>): void {
    const waiting = this.#waiting.get(serverId)
    for (const id of portIds) if (!plugged.has(id) && !this.#early(serverId).has(id)) waiting?.missing.add(id)
  }

  readonly #heard = new Map<string, Set<string>>()

  #early(serverId: string): Set<string> {
    let heard = this.#heard.get(serverId)
    if (!heard) this.#heard.set(serverId, (heard = new Set()))
    return heard
  }

  /** @returns the trace to note it in, when somebody waits for this server */
  plugged(serverId: string, portId: string, ok: boolean): { readonly traceId: string | undefined } | undefined {
    const waiting = this.#waiting.get(serverId)
    if (!waiting) return undefined
    this.#early(serverId).add(portId)
    waiting.missing.delete(portId)
    if (!ok) waiting.failed = portId
    waiting.tell()
    return { traceId: waiting.traceId }
  }

  /** A port that is gone is not waited for. */
  gone(serverId: string, portId: string): void {
    const waiting = this.#waiting.get(serverId)
    if (waiting?.missing.delete(portId)) waiting.tell()
  }

  missing(serverId: string): readonly string[] {
    return [...(this.#waiting.get(serverId)?.missing ?? [])]
  }

  forget(serverId: string): void {
    this.#waiting.delete(serverId)
    this.#heard.delete(serverId)
  }

  /** @returns true when all are plugged, false when `milliseconds` are over first. @throws VirtualInterfaceTimeout when neutron says that one failed */
  async settle(serverId: string, milliseconds: number, signal: AbortSignal): Promise<boolean> {
    const waiting = this.#waiting.get(serverId)
    if (!waiting) return true
    const deadline = this.#clock.monotonic() + milliseconds
    for (;;) {
      signal.throwIfAborted()
      if (waiting.failed !== undefined) throw new VirtualInterfaceTimeout(`The network could not plug port ${waiting.failed} in.`, { portId: waiting.failed })
      if (waiting.missing.size === 0) return true
      const left = deadline - this.#clock.monotonic()
      if (left <= 0) return false
      await new Promise<void>((resolve) => {
        const done = () => {
          timer.cancel()
          signal.removeEventListener('abort', done)
          resolve()
        }
        const timer = this.#clock.after(left, done)
        signal.addEventListener('abort', done, { once: true })
        waiting.tell = done
      })
    }
  }
}
