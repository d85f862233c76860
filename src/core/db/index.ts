// Databases: handles, transactions, migrations, the errors of statements, and Kysely's own names for the db folders.
export { sql, type ColumnType, type Expression, type Generated, type Insertable, type Kysely, type Selectable, type SqlBool, type Updateable } from 'kysely'
export { type Change, changesOf, eventMigration, type EventRow, type EventSql, type EventTables, literal, type Watched } from './changes.ts'
export { type Database, type Db, type SqliteDatabase, type TransactionOptions } from './database.ts'
export {
  ConstraintViolation, DatabaseFull, HandleClosed, MigrationMismatch, TransactionTimeout, UnbindableValue, WrongHandle,
  isForeignKeyViolation, isUniqueViolation, type ConstraintKind,
} from './errors.ts'
export type { Gate, GatePoint } from './gate.ts'
export { fromJson, toJson } from './json.ts'
export { afterMarker, orderings, type SortColumn, type SortedBy } from './keyset.ts'
export type { Migration } from './migrations.ts'
export type { OpenDatabaseOptions, PostgresServer, SqliteFile, Synchronous } from './location.ts'
export { openDatabase } from './open.ts'
export { statement } from './statement.ts'
export { beginsWith, contains } from './text.ts'
export { afterCommit, lockClaim } from './transaction.ts'
export { transition, type TransitionOptions } from './transition.ts'
