// What can go wrong with a database handle or a statement, in one vocabulary for every engine.

import { passingErrorClass } from '../errors/index.ts'

export type ConstraintKind = 'unique' | 'foreign-key' | 'not-null' | 'check'

/** A statement broke a constraint. Only the statement was undone; the transaction is still open. */
export class ConstraintViolation extends Error {
  readonly kind: ConstraintKind
  /** What the engine named: columns as `table.column`, or the name of an index or constraint. */
  readonly names: readonly string[]

  constructor(kind: ConstraintKind, names: readonly string[], cause: unknown) {
    super(`A ${kind} constraint does not hold: ${names.join(', ') || 'not named by the database'}`, { cause })
    this.name = 'ConstraintViolation'
    this.kind = kind
    this.names = names
  }
}

/** The read handle or a second transaction was used inside a transaction of the same database; pass the transaction down. */
export class WrongHandle extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'WrongHandle'
  }
}

/** The transaction was not over in time, or did not get its turn in time. It is rolled back. */
export class TransactionTimeout extends Error {
  constructor(database: string, milliseconds: number, phase: 'waiting' | 'working') {
    super(
      phase === 'working'
        ? `A transaction on ${database} was not over after ${milliseconds} ms and is rolled back`
        : `A transaction on ${database} did not get its turn within ${milliseconds} ms`,
    )
    this.name = 'TransactionTimeout'
  }
}

/** The server of the database does not answer, or not any more. */
export class ConnectionLost extends Error {
  constructor(cause: unknown) {
    super(`The connection to the database is lost: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    this.name = 'ConnectionLost'
  }
}

/** A handle was used after its transaction ended, or after the database was closed. */
export class HandleClosed extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'HandleClosed'
  }
}

/** A value that no column can hold: undefined, NaN, a function, an object that is not JSON text yet. */
export class UnbindableValue extends TypeError {
  constructor(position: number, what: string, sql: string) {
    super(`Parameter ${position} of a statement is ${what}: ${sql.slice(0, 200)}`)
    this.name = 'UnbindableValue'
  }
}

/** The disk under a database is full: the transaction is rolled back, and may be tried again when there is room. */
export const DatabaseFull = passingErrorClass('DatabaseFull', 503, 'database.full')

/** The recorded migrations and the known ones do not fit together. */
export class MigrationMismatch extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'MigrationMismatch'
  }
}

function isViolation(error: unknown, kind: ConstraintKind, name: string | undefined): boolean {
  if (!(error instanceof ConstraintViolation) || error.kind !== kind) return false
  return name === undefined || error.names.some((known) => known === name || known.endsWith(`.${name}`))
}

/**
 * Whether a row with this key was there already.
 *
 * @param column a column (`name` or `table.name`) or the unique index that must be the one
 */
export function isUniqueViolation(error: unknown, column?: string): boolean {
  return isViolation(error, 'unique', column)
}

/** Whether a row refers to one that is not there, or one that is referred to would go. */
export function isForeignKeyViolation(error: unknown): boolean {
  return isViolation(error, 'foreign-key', undefined)
}
