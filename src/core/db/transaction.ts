// One open transaction: what its handle may do, what ends it, and what is to happen after its commit.
import type { CompiledQuery, Kysely, QueryResult } from 'kysely'
import type { Logger } from '../observe/log.ts'
import { HandleClosed, WrongHandle } from './errors.ts'
import type { Gate } from './gate.ts'
import { TargetExecutor, type QueryTarget } from './executor.ts'
import type { SqliteConnection } from './sqlite-connection.ts'
import type { Turns } from './turns.ts'

/** On any engine. */
export abstract class OpenTransaction implements QueryTarget {
  #afterCommit: (() => void)[] | undefined
  #ended: { readonly why: unknown } | undefined

  get isOpen(): boolean {
    return this.#ended === undefined
  }

  abstract query<R>(query: CompiledQuery<unknown>): Promise<QueryResult<R>>

  /** Hold a claim until the end. */
  abstract claim(key: string): Promise<void>

  afterCommit(run: () => void): void {
    this.refuseWhenOver('what should follow its commit comes too late')
    ;(this.#afterCommit ??= []).push(run)
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

  protected end(why: unknown): void {
    this.#ended ??= { why }
  }

  /** @throws HandleClosed */
  protected refuseWhenOver(consequence = 'nothing may be asked of it any more'): void {
    if (this.#ended) throw new HandleClosed(`This transaction is over; ${consequence}`, this.#ended.why)
  }
}

export class SqliteTransaction extends OpenTransaction {
  readonly #connection: SqliteConnection
  readonly #turns: Turns
  readonly #gate: Gate | undefined

  constructor(connection: SqliteConnection, turns: Turns, gate?: Gate) {
    super()
    this.#connection = connection
    this.#turns = turns
    this.#gate = gate
  }

  async query<R>(query: CompiledQuery<unknown>): Promise<QueryResult<R>> {
    if (this.#turns.isDue()) await this.#turns.next()
    if (this.#gate) await this.#gate.pass('query')
    this.refuseWhenOver()
    return this.#connection.execute<R>(query)
  }

  /** The one writer holds everything already. */
  async claim(): Promise<void> {
    this.refuseWhenOver()
  }

  commit(): void {
    this.#connection.run('commit')
    this.end(undefined)
  }

  /** Undo everything. Nothing happens when it ended before. */
  rollback(why: unknown): void {
    if (!this.isOpen) return
    this.end(why)
    if (this.#connection.inTransaction) this.#connection.run('rollback')
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
 * Stand in line for what `parts` name (a project's quota, a subnet's addresses), and hold it until the transaction ends.
 * For whoever counts, or looks for what is free, before writing: two that do so at once on PostgreSQL would otherwise
 * find out only at the commit, and one would run again. Ask for it first: what was read before the wait is read again.
 *
 * @throws WrongHandle when `tx` is a handle for reading
 */
export async function lockClaim(tx: Kysely<any>, ...parts: readonly string[]): Promise<void> {
  await transactionOf(tx).claim(parts.join('/'))
}
