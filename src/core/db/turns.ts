// SQLite answers at once, so a long run of queries would keep sockets and timers waiting. Every so many queries the
// next one waits for a turn of the event loop. Counted, not timed, so that a simulation repeats itself.

const queriesPerTurn = 256

export class Turns {
  readonly #nextTurn: () => Promise<void>
  #count = 0

  constructor(nextTurn: () => Promise<void>) {
    this.#nextTurn = nextTurn
  }

  /** Count a query; true when it should wait for the next turn first. */
  isDue(): boolean {
    if (++this.#count < queriesPerTurn) return false
    this.#count = 0
    return true
  }

  next(): Promise<void> {
    return this.#nextTurn()
  }
}
