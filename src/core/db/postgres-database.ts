// A database on PostgreSQL: several transactions at once, each as if it were alone; one that met another is run again.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { CompiledQuery, QueryResult } from 'kysely'
import { currentCause } from '../context/cause.ts'
import type { Clock } from '../context/clock.ts'
import type { Logger } from '../observe/log.ts'
import type { Database, Db, TransactionOptions } from './database.ts'
import { ConnectionLost, HandleClosed, TransactionTimeout, WrongHandle } from './errors.ts'
import { handleOn } from './executor.ts'
import { literalText } from './postgres-connection.ts'
import { postgres } from './postgres-language.ts'
import type { PostgresPool } from './postgres-pool.ts'
import { PostgresTransaction } from './postgres-transaction.ts'

export interface PostgresDatabaseOptions {
  readonly name: string
  readonly writers: PostgresPool
  readonly readers: PostgresPool
  /** Its tables leave events. */
  readonly eventful: boolean
  readonly clock: Clock
  readonly log: Logger
}

const defaultTimeoutMilliseconds = 10_000
const slowTransactionMilliseconds = 1_000
/** After so many conflicts a transaction is run alone, so that it gets through. */
const conflictsBeforeAlone = 3
const mostAttempts = 20

export class PostgresDatabase<T> implements Database<T> {
  readonly name: string
  readonly read: Db<T>
  readonly #options: PostgresDatabaseOptions
  readonly #inside = new AsyncLocalStorage<PostgresTransaction>()
  readonly #listeners = new Set<() => void>()
  #closing: Promise<void> | undefined

  constructor(options: PostgresDatabaseOptions) {
    this.name = options.name
    this.#options = options
    this.read = handleOn<T>({ query: (query) => this.#read(query) }, postgres)
  }

  hear(listener: () => void): { stop(): void } {
    this.#listeners.add(listener)
    return { stop: () => void this.#listeners.delete(listener) }
  }

  async transaction<R>(work: (tx: Db<T>) => Promise<R>, options: TransactionOptions = {}): Promise<R> {
    if (this.#inside.getStore()?.isOpen) {
      throw new WrongHandle(`A transaction on ${this.name} began inside another one; pass the open one down`)
    }
    const { clock, log } = this.#options
    const timeout = options.timeoutMilliseconds ?? defaultTimeoutMilliseconds
    const began = clock.monotonic()
    const claims = new Set<string>()
    for (let attempt = 1, conflicts = 0; ; attempt++) {
      const result = await this.#attempt(work, claims, { timeout, deadline: began + 2 * timeout, signal: options.signal, alone: conflicts >= conflictsBeforeAlone })
      if ('value' in result) {
        const milliseconds = Math.round(clock.monotonic() - began)
        if (milliseconds >= slowTransactionMilliseconds) log.warn({ database: this.name, milliseconds, attempt }, 'a slow transaction')
        return result.value
      }
      if (attempt >= mostAttempts) throw result.met
      // An attempt that ended for a claim only learned what to ask for first.
      if (claims.size === result.claims) conflicts++
      log.debug({ database: this.name, attempt, err: result.met }, 'a transaction met another and is run again')
      if (result.met instanceof ConnectionLost) await clock.sleep(Math.min(10 * 2 ** attempt, 500), options.signal)
    }
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #attempt<R>(
    work: (tx: Db<T>) => Promise<R>, claims: Set<string>,
    { timeout, deadline, signal, alone }: { timeout: number; deadline: number; signal: AbortSignal | undefined; alone: boolean },
  ): Promise<{ value: R } | { met: Error; claims: number }> {
    const { writers, clock, log } = this.#options
    signal?.throwIfAborted()
    const waiting = Math.max(0, Math.min(timeout, deadline - clock.monotonic()))
    const connection = await writers.take(waiting, () => new TransactionTimeout(this.name, timeout, 'waiting'), signal)
    const known = claims.size
    const transaction = new PostgresTransaction(connection, this.name, claims)
    let value: R
    let eventful: boolean
    try {
      signal?.throwIfAborted()
      const done = (async () => {
        await transaction.prepare(alone)
        return this.#inside.run(transaction, work, handleOn<T>(transaction, postgres))
      })()
      value = await this.#bounded(transaction, done, timeout, signal)
      if (transaction.met) throw transaction.met
      eventful = await transaction.commit(this.#options.eventful ? this.#change() : undefined)
    } catch (error) {
      await transaction.rollback(error)
      if (transaction.met && !(error instanceof TransactionTimeout) && !signal?.aborted) return { met: transaction.met, claims: known }
      throw error
    } finally {
      writers.give(connection)
    }
    if (eventful) for (const listener of this.#listeners) listener()
    transaction.announce(log)
    return { value }
  }

  /** The work's result, or the rejection by deadline or signal, whichever comes first; the work is not waited for then. */
  #bounded<R>(transaction: PostgresTransaction, work: Promise<R>, timeout: number, signal: AbortSignal | undefined): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      let settled = false
      const settle = (how: () => void) => {
        if (settled) return
        settled = true
        timer.cancel()
        signal?.removeEventListener('abort', onAbort)
        how()
      }
      const giveUp = (error: unknown) => settle(() => void transaction.rollback(error).then(() => reject(error)))
      const timer = this.#options.clock.after(timeout, () => giveUp(new TransactionTimeout(this.name, timeout, 'working')))
      const onAbort = () => giveUp(signal?.reason)
      signal?.addEventListener('abort', onAbort, { once: true })
      // The work began already, and may have been called off by what it did.
      if (signal?.aborted) onAbort()
      work.then((result) => settle(() => resolve(result)), (error: unknown) => settle(() => reject(error)))
    })
  }

  async #read<R>(query: CompiledQuery<unknown>): Promise<QueryResult<R>> {
    if (this.#inside.getStore()?.isOpen) {
      throw new WrongHandle(`A transaction on ${this.name} is open here; use it, not the handle for reading: ${query.sql.slice(0, 200)}`)
    }
    const { readers } = this.#options
    for (let attempt = 1; ; attempt++) {
      const connection = await readers.take(defaultTimeoutMilliseconds, () => new TransactionTimeout(this.name, defaultTimeoutMilliseconds, 'waiting'))
      try {
        return await connection.execute<R>(query)
      } catch (error) {
        // One that lay idle while the server was restarted.
        if (!(error instanceof ConnectionLost) || attempt > 3) throw error
      } finally {
        readers.give(connection)
      }
    }
  }

  /** What the triggers ask for: the time, and on whose account. */
  #change(): string {
    const cause = currentCause()
    const settings = { now: String(this.#options.clock.now().getTime()), operation: cause?.operationId ?? '', request: cause?.requestId ?? '' }
    return `select ${Object.entries(settings).map(([name, value]) => `set_config('nimbo.${name}', ${literalText(value)}, true)`).join(', ')}`
  }

  async #close(): Promise<void> {
    const why = new HandleClosed(`The database ${this.name} is closed`)
    await Promise.all([this.#options.writers.close(why), this.#options.readers.close(why)])
  }
}
