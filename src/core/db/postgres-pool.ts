// The connections of one database: opened as they are needed, up to a number, handed out in the order of asking.
import type { Clock } from '../context/clock.ts'
import type { PostgresConnection } from './postgres-connection.ts'

interface Waiter {
  readonly go: (connection: PostgresConnection | undefined) => void
  readonly refuse: (error: unknown) => void
}

export class PostgresPool {
  readonly #open: () => Promise<PostgresConnection>
  readonly #most: number
  readonly #clock: Clock
  readonly #idle: PostgresConnection[] = []
  readonly #waiters: Waiter[] = []
  #taken = 0
  #closed: { readonly why: unknown; readonly empty: () => void } | undefined

  constructor(open: () => Promise<PostgresConnection>, most: number, clock: Clock) {
    this.#open = open
    this.#most = most
    this.#clock = clock
  }

  /** Rejects with `late()` after the deadline, or with the signal's reason. */
  async take(milliseconds: number, late: () => Error, signal?: AbortSignal): Promise<PostgresConnection> {
    if (this.#closed) throw this.#closed.why
    const ready = this.#taken < this.#most ? void this.#taken++ : await this.#wait(milliseconds, late, signal)
    const connection = ready ?? this.#nextIdle()
    if (connection) return connection
    try {
      return await this.#open()
    } catch (error) {
      this.#passOn(undefined)
      throw error
    }
  }

  give(connection: PostgresConnection): void {
    this.#passOn(connection.isLost ? undefined : connection)
  }

  /** Refuses those that wait, waits for those that work. */
  async close(why: unknown): Promise<void> {
    if (this.#closed) return
    const empty = Promise.withResolvers<void>()
    this.#closed = { why, empty: empty.resolve }
    for (const waiter of this.#waiters.splice(0)) waiter.refuse(why)
    if (this.#taken > 0) await empty.promise
    await Promise.all(this.#idle.splice(0).map((connection) => connection.close()))
  }

  #nextIdle(): PostgresConnection | undefined {
    let connection = this.#idle.pop()
    while (connection?.isLost) connection = this.#idle.pop()
    return connection
  }

  /** The place goes straight to the one who waited longest, with the connection if it is still good. */
  #passOn(connection: PostgresConnection | undefined): void {
    const next = this.#waiters.shift()
    if (next) return next.go(connection)
    if (connection) this.#idle.push(connection)
    this.#taken--
    if (this.#taken === 0) this.#closed?.empty()
  }

  #wait(milliseconds: number, late: () => Error, signal: AbortSignal | undefined): Promise<PostgresConnection | undefined> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        timer.cancel()
        signal?.removeEventListener('abort', onAbort)
      }
      const waiter: Waiter = {
        go: (connection) => {
          settle()
          resolve(connection)
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
}
