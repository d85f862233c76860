// One open transaction: what its handle may do, what ends it, and what is to happen after its commit.
import type { CompiledQuery, Kysely, QueryResult } from 'kysely'
import type { Logger } from '../observe/log.ts'
import { HandleClosed, WrongHandle } from './errors.ts'
import type { Gate } from './gate.ts'
import { TargetExecutor, type QueryTarget } from './executor.ts'
import type { SqliteConnection } from './sqlite-connection.ts'
import type { Turns } from './turns.ts'

export class OpenTransaction implements QueryTarget {
  readonly #connection: SqliteConnection
  readonly #turns: Turns
  readonly #gate: Gate | undefined
  #afterCommit: (() => void)[] | undefined
  #ended: { readonly why: unknown } | undefined

  constructor(connection: SqliteConnection, turns: Turns, gate?: Gate) {
    this.#connection = connection
    this.#turns = turns
    this.#gate = gate
  }

  get isOpen(): boolean {
    return this.#ended === undefined
  }

  async query<R>(query: CompiledQuery<unknown>): Promise<QueryResult<R>> {
    if (this.#turns.isDue()) await this.#turns.next()
    if (this.#gate) await this.#gate.pass('query')
    if (this.#ended) throw new HandleClosed('This transaction is over; nothing may be asked of it any more', this.#ended.why)
    return this.#connection.execute<R>(query)
  }

  afterCommit(run: () => void): void {
    if (this.#ended) throw new HandleClosed('This transaction is over; what should follow its commit comes too late', this.#ended.why)
    ;(this.#afterCommit ??= []).push(run)
  }

  commit(): void {
    this.#connection.run('commit')
    this.#ended = { why: undefined }
  }

  /** Undo everything. Nothing happens when it ended before. */
  rollback(why: unknown): void {
    if (this.#ended) return
    this.#ended = { why }
    if (this.#connection.inTransaction) this.#connection.run('rollback')
  }

  /** Only for a transaction that was committed. */
  announce(log: Logger): void {
    if (!this.#afterCommit) return
    for (const run of this.#afterCommit) {
      try {
        run()
      } catch (error) {
        log.error({ err: error }, 'what should follow a commit failed')
      }
    }
  }
}

/** The open transaction behind a handle. @throws WrongHandle when the handle is not one of a transaction */
export function transactionOf(tx: Kysely<any>): OpenTransaction {
  const executor: unknown = tx.getExecutor()
  const target: unknown = executor instanceof TargetExecutor ? executor.target : undefined
  if (target instanceof OpenTransaction) return target
  throw new WrongHandle('This needs a transaction, not a handle for reading')
}

/**
 * Call `run` once the transaction is committed; never when it is rolled back. Several run in order. They run outside the
 * transaction, and what they throw is logged: the commit stands.
 *
 * @throws WrongHandle when `tx` is a handle for reading
 */
export function afterCommit(tx: Kysely<any>, run: () => void): void {
  transactionOf(tx).afterCommit(run)
}

/**
 * Hold a row until the transaction ends, so that nobody else can claim it meanwhile. SQLite has one writer, which holds
 * everything already; other engines select it for update.
 *
 * @throws WrongHandle when `tx` is a handle for reading
 */
export async function lockRow<T, Table extends keyof T & string>(
  tx: Kysely<T>,
  _table: Table,
  _column: keyof T[Table] & string,
  _value: unknown,
): Promise<void> {
  if (!transactionOf(tx).isOpen) throw new HandleClosed('This transaction is over; it can lock no row')
}
