// Opening a database: for SQLite the file and its rights, two connections, the settings, the migrations.
import { closeSync, chmodSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { SqliteDatabase, type Database } from './database.ts'
import type { OpenDatabaseOptions, SqliteOptions } from './location.ts'
import { migrate } from './migrations.ts'
import { SqliteConnection } from './sqlite-connection.ts'

/** Each statement of another process may keep the event loop waiting this long; after it we wait without blocking. */
const busyTimeoutMilliseconds = 5
/** Per connection. Several databases are open at once. */
const cacheKiB = 2_048
/** A checkpoint syncs twice and keeps the event loop waiting meanwhile; a page that changed often is copied once. */
const pagesPerCheckpoint = 4_000

let databasesInMemory = 0

export async function openDatabase<T>(options: OpenDatabaseOptions): Promise<Database<T>> {
  if ('file' in options) return openSqlite<T>(options)
  // Its client takes a while to load, and most clouds never need it.
  const { openPostgres } = await import('./postgres-open.ts')
  return openPostgres<T>(options)
}

async function openSqlite<T>(options: SqliteOptions): Promise<Database<T>> {
  const inMemory = options.file === ':memory:'
  // Two connections to memory share one database by its name (sqlite.org/inmemorydb.html).
  const location = inMemory ? `file:nimbo-${++databasesInMemory}?mode=memory&cache=shared` : options.file
  if (!inMemory) makeFile(location)
  const writer = connect(location)
  try {
    writer.run(`pragma synchronous = ${options.synchronous ?? 'NORMAL'}`)
    if (!inMemory) {
      writer.rows('pragma journal_mode = wal')
      writer.rows(`pragma wal_autocheckpoint = ${pagesPerCheckpoint}`)
    }
    await migrate(writer, options)
    const reader = connect(location)
    reader.run('pragma query_only = on')
    return new SqliteDatabase<T>({
      name: options.name, writer, reader, sharesPages: inMemory, changes: options.changes ?? [], clock: options.clock, log: options.log,
    })
  } catch (error) {
    writer.close()
    throw error
  }
}

/** @throws DatabaseFull already here, where there is no room for what connections share */
function connect(location: string): SqliteConnection {
  const connection = new SqliteConnection(new DatabaseSync(location, {
    timeout: busyTimeoutMilliseconds, enableForeignKeyConstraints: true, enableDoubleQuotedStringLiterals: false,
  }))
  try {
    connection.run(`pragma cache_size = -${cacheKiB}`)
    connection.run('pragma temp_store = memory')
    return connection
  } catch (error) {
    connection.close()
    throw error
  }
}

/** SQLite gives the files beside it (-wal, -shm) the same rights. */
function makeFile(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  closeSync(openSync(file, 'a', 0o600))
  chmodSync(file, 0o600)
}
