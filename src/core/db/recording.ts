// Has the connection that writes record changes, and tells those who listen after each commit that left events.
import { currentCause } from '../context/cause.ts'
import type { Clock } from '../context/clock.ts'
import { type Change, triggerFor } from './changes.ts'
import type { SqliteConnection } from './sqlite-connection.ts'

export class Recording {
  readonly #listeners = new Set<() => void>()
  /** An event was written since the last commit. */
  #eventful = false

  constructor(writer: SqliteConnection, changes: readonly Change[], clock: Clock) {
    writer.define('nimbo_now', () => {
      this.#eventful = true
      return clock.now().getTime()
    })
    writer.define('nimbo_cause', (what) => (what === 'operation' ? currentCause()?.operationId : currentCause()?.requestId) ?? null)
    for (const change of changes) writer.run(triggerFor(change))
  }

  hear(listener: () => void): { stop(): void } {
    this.#listeners.add(listener)
    return { stop: () => void this.#listeners.delete(listener) }
  }

  committed(): void {
    if (!this.#eventful) return
    this.#eventful = false
    for (const listener of this.#listeners) listener()
  }
}
