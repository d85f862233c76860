// One attempt at a transaction on PostgreSQL: serializable, statement by statement, its claims taken before it begins.
import { createHash } from 'node:crypto'
import type { CompiledQuery, QueryResult } from 'kysely'
import { ConnectionLost, ConstraintViolation } from './errors.ts'
import { isConflict, type PostgresConnection } from './postgres-connection.ts'
import { OpenTransaction } from './transaction.ts'

/** Thrown to end an attempt whose claim is held by another; the next attempt waits for it before it begins. */
class ClaimIsHeld extends Error {}

/** How long a statement that was called off may take to end before its connection is given up. */
const patienceMilliseconds = 2_000

/** Claims and turns taken before the transaction began are the session's, and outlive it. */
const letGo = 'select pg_advisory_unlock_all()'

export class PostgresTransaction extends OpenTransaction {
  readonly #connection: PostgresConnection
  /** The name of the database: claims are known to the whole server. */
  readonly #name: string
  /** What earlier attempts asked for, and this one: to be held before the next begins. */
  readonly #claims: Set<string>
  readonly #held = new Set<string>()
  #begun = false
  #savepoint = false
  #met: Error | undefined
  #undone: Promise<void> | undefined
  #last: Promise<unknown> = Promise.resolve()

  constructor(connection: PostgresConnection, name: string, claims: Set<string>) {
    super()
    this.#connection = connection
    this.#name = name
    this.#claims = claims
  }

  /** Why it must be run again, whatever became of its work: another transaction stood in its way. */
  get met(): Error | undefined {
    return this.#met
  }

  /** Wait for what earlier attempts asked for, all in one order. @param alone no other transaction of the database runs meanwhile */
  async prepare(alone: boolean): Promise<void> {
    const turn = this.#noting(this.#connection.script(`select pg_advisory_lock${alone ? '' : '_shared'}(${this.#number('')})`))
    if (alone) await turn
    else turn.catch(() => undefined)
    for (const key of [...this.#claims].sort()) await this.#inTurn(() => this.#wait(key))
  }

  query<R>(query: CompiledQuery<unknown>): Promise<QueryResult<R>> {
    return this.#inTurn(() => this.#run<R>(query))
  }

  /**
   * Before the first statement it is waited for. Later, waiting would not help, since this transaction sees the rows as
   * they were at its first statement: when another holds the claim, the attempt ends and the next begins with it.
   */
  claim(key: string): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#held.has(key)) return
      this.#claims.add(key)
      if (!this.#begun) return await this.#wait(key)
      const { rows } = await this.#answer<{ free: number }>(`select pg_try_advisory_xact_lock(${this.#number(key)}) as free`)
      if (rows[0]?.free === 1) return void this.#held.add(key)
      throw (this.#met = new ClaimIsHeld('another transaction holds what this one claims'))
    })
  }

  /** @param change what the triggers of the log of changes must know, as a statement; absent where there are none @returns whether events were written */
  async commit(change: string | undefined): Promise<boolean> {
    return this.#inTurn(async () => {
      this.end(undefined)
      const before = change === undefined ? '' : `${change}; set constraints all immediate; select current_setting('nimbo.eventful', true) as eventful; `
      const results = await this.#connection.script(`${this.#begun ? `${before}commit; ` : ''}${letGo}`).catch((error: unknown) => {
        // With the connection the answer was lost: it may have been committed, and is not run again.
        if (isConflict(error) && !(error instanceof ConnectionLost)) this.#met = error
        throw error
      })
      if (!this.#begun) return false
      // Where a statement failed before and nobody minded, the server says ROLLBACK to a COMMIT.
      if (!results.some(({ command }) => command === 'COMMIT')) throw new Error('The transaction was not committed: one of its statements had failed')
      return results.some(({ rows }) => (rows[0] as { eventful?: string | null } | undefined)?.eventful === '1')
    })
  }

  /** Undo everything, breaking off what still runs. Never throws: a connection that does not answer is given up. */
  rollback(why: unknown): Promise<void> {
    this.end(why)
    return (this.#undone ??= this.#undo())
  }

  async #undo(): Promise<void> {
    const running = this.#last.catch(() => undefined)
    if (this.#connection.isBusy) await this.#atMost(this.#connection.cancel())
    await this.#atMost(running.then(async () => {
      if (!this.#connection.isLost) await this.#connection.script(`${this.#begun ? 'rollback; ' : ''}${letGo}`)
    }))
  }

  async #run<R>(query: CompiledQuery<unknown>): Promise<QueryResult<R>> {
    if (!this.#begun) {
      this.#begun = true
      void this.#connection.script('begin isolation level serializable').catch(() => undefined)
    }
    // A broken constraint undoes its statement only, as on SQLite; what is sent ahead costs no time of its own.
    const writes = query.query.kind !== 'SelectQueryNode' && query.query.kind !== 'RawNode'
    if (writes) {
      void this.#connection.script(this.#savepoint ? 'release savepoint s; savepoint s' : 'savepoint s').catch(() => undefined)
      this.#savepoint = true
    }
    try {
      return await this.#noting(this.#connection.execute<R>(query))
    } catch (error) {
      if (writes && error instanceof ConstraintViolation) {
        await this.#connection.script('rollback to savepoint s')
        if (error.kind === 'unique' && !(await this.#noting(this.#connection.seesRival(error.cause)))) this.#met = error
      }
      throw error
    }
  }

  async #wait(key: string): Promise<void> {
    if (this.#held.has(key)) return
    await this.#noting(this.#connection.script(`select pg_advisory_lock(${this.#number(key)})`))
    this.#held.add(key)
  }

  async #answer<R>(sql: string): Promise<QueryResult<R>> {
    return this.#noting(this.#connection.execute<R>({ sql, parameters: [] }))
  }

  async #noting<R>(answer: Promise<R>): Promise<R> {
    try {
      return await answer
    } catch (error) {
      if (isConflict(error)) this.#met = error
      throw error
    }
  }

  /** One at a time, in the order of asking, as on SQLite. */
  #inTurn<R>(run: () => Promise<R>): Promise<R> {
    const mine = this.#last.then(() => {
      this.refuseWhenOver()
      return run()
    })
    this.#last = mine.catch(() => undefined)
    return mine
  }

  async #atMost(work: Promise<void>): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => { timer = setTimeout(() => resolve(this.#connection.destroy()), patienceMilliseconds) })
    await Promise.race([work.catch(() => this.#connection.destroy()), late])
    clearTimeout(timer)
  }

  #number(key: string): bigint {
    return claimNumber(`${this.#name}/${key}`)
  }
}

/** Advisory locks are known by 64 bits. */
export function claimNumber(text: string): bigint {
  return createHash('sha256').update(text).digest().readBigInt64BE(0)
}
