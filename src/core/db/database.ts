// A database as a service sees it: a handle for reading, and transactions on the one connection that writes.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { CompiledQuery, Kysely, QueryResult } from 'kysely'
import type { Clock } from '../context/clock.ts'
import type { Logger } from '../observe/log.ts'
import type { Change } from './changes.ts'
import { HandleClosed, TransactionTimeout, WrongHandle } from './errors.ts'
import { handleOn, type QueryTarget } from './executor.ts'
import type { Gate } from './gate.ts'
import { Recording } from './recording.ts'
import { isBusy, type SqliteConnection } from './sqlite-connection.ts'
import { SqliteTransaction } from './transaction.ts'
import { Turns } from './turns.ts'
import { WriterQueue } from './writer-queue.ts'

/** What repository functions take first: the handle for reading or a transaction. */
export type Db<T> = Kysely<T>

export interface TransactionOptions {
  /** Rolls back at once and rejects with the signal's reason. */
  readonly signal?: AbortSignal
  /** How long it may wait for its turn, and then how long it may work; 10 seconds unless said otherwise. */
  readonly timeoutMilliseconds?: number
}

export interface Database<T> {
  readonly name: string
  /** For reading only. Inside a transaction of the same database a query on it throws WrongHandle. */
  readonly read: Db<T>
  /**
   * Do `work` in one transaction: committed when it resolves, rolled back when it rejects. One at a time, in order.
   *
   * @throws WrongHandle inside another transaction of the same database
   * @throws TransactionTimeout
   */
  transaction<R>(work: (tx: Db<T>) => Promise<R>, options?: TransactionOptions): Promise<R>
  /** Call `listener` after each commit of this process that left events. */
  hear(listener: () => void): { stop(): void }
  /** Waits for the open transaction, refuses those that wait. */
  close(): Promise<void>
}

export interface SqliteDatabaseOptions {
  readonly name: string
  readonly writer: SqliteConnection
  readonly reader: SqliteConnection
  /** Both connections share their pages, as they do in memory: a read waits while a transaction is open. */
  readonly sharesPages: boolean
  /** Each leaves an event in the table `events`. */
  readonly changes: readonly Change[]
  readonly clock: Clock
  readonly log: Logger
  /** Whose turn it is, where several share the connections. */
  readonly queue?: WriterQueue
  readonly recording?: Recording
  readonly gate?: Gate
}

const defaultTimeoutMilliseconds = 10_000
const slowTransactionMilliseconds = 250
/** How long a read tries again when another process holds the file. */
const readPatienceMilliseconds = 2_000

export class SqliteDatabase<T> implements Database<T> {
  readonly name: string
  readonly read: Db<T>
  readonly #options: SqliteDatabaseOptions
  readonly #turns: Turns
  readonly #inside = new AsyncLocalStorage<SqliteTransaction>()
  readonly #queue: WriterQueue
  readonly #gate: Gate | undefined
  readonly #recording: Recording
  #closing = false

  constructor(options: SqliteDatabaseOptions) {
    this.name = options.name
    this.#options = options
    this.#turns = new Turns(() => options.clock.turn())
    this.#queue = options.queue ?? new WriterQueue(options.clock)
    this.#gate = options.gate
    const target: QueryTarget = { query: (query) => this.#read(query) }
    this.read = handleOn<T>(target)
    this.#recording = options.recording ?? new Recording(options.writer, options.changes, options.clock)
  }

  hear(listener: () => void): { stop(): void } {
    return this.#recording.hear(listener)
  }

  /** The same database as one role among several sees it, which may be cut off without the others: for the simulation. */
  behind(gate: Gate, clock: Clock, log: Logger): Database<T> {
    return new SqliteDatabase<T>({ ...this.#options, clock, log, queue: this.#queue, recording: this.#recording, gate })
  }

  async transaction<R>(work: (tx: Db<T>) => Promise<R>, options: TransactionOptions = {}): Promise<R> {
    if (this.#inside.getStore()?.isOpen) {
      throw new WrongHandle(`A transaction on ${this.name} began inside another one; pass the open one down`)
    }
    if (this.#turns.isDue()) await this.#turns.next()
    this.#refuseWhenClosed()
    const gate = this.#gate
    const signal = gate ? AbortSignal.any([gate.closed, ...(options.signal ? [options.signal] : [])]) : options.signal
    signal?.throwIfAborted()
    const timeout = options.timeoutMilliseconds ?? defaultTimeoutMilliseconds
    if (!this.#queue.takeIfFree()) {
      await this.#queue.wait(timeout, () => new TransactionTimeout(this.name, timeout, 'waiting'), signal)
    }
    const transaction = new SqliteTransaction(this.#options.writer, this.#turns, gate)
    const began = this.#options.clock.monotonic()
    let result: R
    try {
      await this.#begin(began + timeout, timeout, signal)
      const handle = handleOn<T>(transaction)
      const done = this.#inside.run(transaction, work, handle)
      result = await this.#bounded(transaction, gate ? done.then((value) => passed(gate, 'commit', value)) : done, timeout, signal)
      transaction.commit()
    } catch (error) {
      this.#rollback(transaction, error)
      throw error
    } finally {
      this.#queue.passOn()
      this.#reportSlow(began)
    }
    this.#recording.committed()
    if (gate) await gate.pass('committed')
    transaction.announce(this.#options.log)
    return result
  }

  async close(): Promise<void> {
    if (this.#closing) return
    this.#closing = true
    this.#queue.refuseAll(new HandleClosed(`The database ${this.name} is closed`))
    await this.#queue.between(() => {
      this.#options.reader.close()
      this.#options.writer.close()
    })
  }

  async #read<R>(query: CompiledQuery<unknown>): Promise<QueryResult<R>> {
    if (this.#inside.getStore()?.isOpen) {
      throw new WrongHandle(`A transaction on ${this.name} is open here; use it, not the handle for reading: ${query.sql.slice(0, 200)}`)
    }
    if (this.#turns.isDue()) await this.#turns.next()
    if (this.#gate) await this.#gate.pass('read')
    const run = () => {
      this.#refuseWhenClosed()
      return this.#options.reader.execute<R>(query)
    }
    if (this.#options.sharesPages) return await this.#queue.between(run)
    try {
      return run()
    } catch (error) {
      if (!isBusy(error)) throw error
      return await this.#tryAgain(run, readPatienceMilliseconds)
    }
  }

  /** BEGIN IMMEDIATE takes the write lock at once, so that no later statement can fail for it. */
  async #begin(deadline: number, timeout: number, signal: AbortSignal | undefined): Promise<void> {
    try {
      this.#options.writer.run('begin immediate')
    } catch (error) {
      if (!isBusy(error)) throw error
      const left = deadline - this.#options.clock.monotonic()
      await this.#tryAgain(() => this.#options.writer.run('begin immediate'), left, signal).catch((last: unknown) => {
        throw isBusy(last) ? new TransactionTimeout(this.name, timeout, 'waiting') : last
      })
    }
  }

  async #tryAgain<R>(run: () => R, patience: number, signal?: AbortSignal): Promise<R> {
    const { clock } = this.#options
    const deadline = clock.monotonic() + patience
    for (let pause = 1; ; pause = Math.min(pause * 2, 50)) {
      await clock.sleep(pause, signal)
      try {
        return run()
      } catch (error) {
        if (!isBusy(error) || clock.monotonic() >= deadline) throw error
      }
    }
  }

  /** The work's result, or the rejection by deadline or signal, whichever comes first; the work is not waited for then. */
  #bounded<R>(transaction: SqliteTransaction, work: Promise<R>, timeout: number, signal: AbortSignal | undefined): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      const giveUp = (error: unknown) => {
        this.#rollback(transaction, error)
        reject(error)
      }
      const timer = this.#options.clock.after(timeout, () => giveUp(new TransactionTimeout(this.name, timeout, 'working')))
      const onAbort = () => giveUp(signal?.reason)
      signal?.addEventListener('abort', onAbort, { once: true })
      const settle = () => {
        timer.cancel()
        signal?.removeEventListener('abort', onAbort)
      }
      // The work began already, and may have been called off by what it did.
      if (signal?.aborted) onAbort()
      work.then(
        (result) => {
          settle()
          resolve(result)
        },
        (error: unknown) => {
          settle()
          reject(error)
        },
      )
    })
  }

  #rollback(transaction: SqliteTransaction, why: unknown): void {
    try {
      transaction.rollback(why)
    } catch (error) {
      this.#options.log.error({ database: this.name, err: error }, 'a rollback failed')
    }
  }

  #refuseWhenClosed(): void {
    if (this.#closing) throw new HandleClosed(`The database ${this.name} is closed`)
  }

  #reportSlow(began: number): void {
    const milliseconds = Math.round(this.#options.clock.monotonic() - began)
    if (milliseconds >= slowTransactionMilliseconds) {
      this.#options.log.warn({ database: this.name, milliseconds }, 'a slow transaction kept the writer')
    }
  }
}

async function passed<R>(gate: Gate, point: Parameters<Gate['pass']>[0], value: R): Promise<R> {
  await gate.pass(point)
  return value
}
