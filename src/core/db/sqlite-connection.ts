// One connection to a SQLite file: prepared statements kept by their text, values bound, errors translated.
import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite'
import type { CompiledQuery, QueryResult } from 'kysely'
import { tryAgain } from '../errors/index.ts'
import { ConstraintViolation, DatabaseFull, UnbindableValue, type ConstraintKind } from './errors.ts'

/** Statements kept per generation; at most two generations are alive (see `prepare`). */
const statementsPerGeneration = 200

interface Statement {
  readonly prepared: StatementSync
  readonly returnsRows: boolean
}

const constraintKinds: Readonly<Record<number, ConstraintKind>> = {
  275: 'check', // SQLITE_CONSTRAINT_CHECK
  787: 'foreign-key', // SQLITE_CONSTRAINT_FOREIGNKEY
  1299: 'not-null', // SQLITE_CONSTRAINT_NOTNULL
  1555: 'unique', // SQLITE_CONSTRAINT_PRIMARYKEY
  2067: 'unique', // SQLITE_CONSTRAINT_UNIQUE
  2579: 'unique', // SQLITE_CONSTRAINT_ROWID
}

export class SqliteConnection {
  readonly #handle: DatabaseSync
  #young = new Map<string, Statement>()
  #old = new Map<string, Statement>()

  constructor(handle: DatabaseSync) {
    this.#handle = handle
  }

  /** Whether a transaction is open; SQLite ends it by itself after some errors, a full disk for one. */
  get inTransaction(): boolean {
    return this.#handle.isTransaction
  }

  /** A statement of our own without parameters or rows. @throws the engine's error, translated */
  run(sql: string): void {
    try {
      this.#prepare(sql).prepared.run()
    } catch (error) {
      throw translate(error)
    }
  }

  /** The rows of a statement of our own without parameters. @throws the engine's error, translated */
  rows<R>(sql: string): R[] {
    try {
      return this.#handle.prepare(sql).all() as R[]
    } catch (error) {
      throw translate(error)
    }
  }

  /** A function that statements may call. */
  define(name: string, answer: (...values: SQLOutputValue[]) => SQLInputValue): void {
    this.#handle.function(name, { varargs: true }, answer)
  }

  execute<R>(query: CompiledQuery<unknown>): QueryResult<R> {
    const { sql, parameters } = query
    try {
      const statement = this.#prepare(sql)
      const values = bind(parameters, sql)
      if (statement.returnsRows) return { rows: statement.prepared.all(...values) as R[] }
      const { changes, lastInsertRowid } = statement.prepared.run(...values)
      return { insertId: BigInt(lastInsertRowid), numAffectedRows: BigInt(changes), rows: [] }
    } catch (error) {
      throw translate(error)
    }
  }

  forgetStatements(): void {
    this.#young = new Map()
    this.#old = new Map()
  }

  close(): void {
    this.forgetStatements()
    this.#handle.close()
  }

  /** Two generations instead of a list in order of use: a hit among the young costs one look-up. */
  #prepare(sql: string): Statement {
    const known = this.#young.get(sql)
    if (known) return known
    let statement = this.#old.get(sql)
    if (!statement) {
      const prepared = this.#handle.prepare(sql)
      statement = { prepared, returnsRows: prepared.columns().length > 0 }
    }
    if (this.#young.size >= statementsPerGeneration) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(sql, statement)
    return statement
  }
}

/** Whether another process holds the lock, so that trying again may help. */
export function isBusy(error: unknown): boolean {
  const code = (error as { errcode?: unknown } | null)?.errcode
  return typeof code === 'number' && ((code & 0xff) === 5 || (code & 0xff) === 6) // SQLITE_BUSY, SQLITE_LOCKED
}

function bind(parameters: readonly unknown[], sql: string): SQLInputValue[] {
  const values: SQLInputValue[] = []
  for (let index = 0; index < parameters.length; index++) values.push(toSqlite(parameters[index], index, sql))
  return values
}

function toSqlite(value: unknown, index: number, sql: string): SQLInputValue {
  switch (typeof value) {
    case 'string':
    case 'bigint':
      return value
    case 'number':
      if (!Number.isFinite(value)) throw new UnbindableValue(index + 1, String(value), sql)
      return value
    case 'boolean':
      return value ? 1 : 0
    case 'object':
      if (value === null || value instanceof Uint8Array) return value
      if (value instanceof Date) return value.toISOString()
      throw new UnbindableValue(index + 1, 'an object (store it with toJson)', sql)
    default:
      throw new UnbindableValue(index + 1, typeof value, sql)
  }
}

/** Beside SQLITE_FULL: what SQLite says when it cannot lengthen its shared memory, or make a file durable that the disk has no room for. */
const fullCodes: readonly number[] = [13, 1034, 4874] // SQLITE_FULL, SQLITE_IOERR_FSYNC, SQLITE_IOERR_SHMSIZE

/** `UNIQUE constraint failed: ports.mac, ports.network_id`, or `…: index 'name'`. */
function translate(error: unknown): unknown {
  const { errcode, message } = error as { errcode?: unknown; message: string }
  if (typeof errcode === 'number' && fullCodes.includes(errcode)) {
    return new DatabaseFull('The cloud’s disk is full: nothing of this was done. Try again when there is room.', tryAgain, error)
  }
  const kind = typeof errcode === 'number' ? constraintKinds[errcode] : undefined
  if (!kind) return error
  const list = /constraint failed: (.+)$/.exec(message)?.[1] ?? ''
  const names = list.split(', ').map((name) => /^index '(.+)'$/.exec(name)?.[1] ?? name)
  return new ConstraintViolation(kind, list ? names : [], error)
}
