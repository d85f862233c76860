// Opening a database on PostgreSQL: its schema, the migrations, the triggers of the log of changes, the connections.
import type { Kysely } from 'kysely'
import type { Database } from './database.ts'
import { handleOn } from './executor.ts'
import type { PostgresOptions } from './location.ts'
import { pending } from './migrations.ts'
import { installTriggers } from './postgres-changes.ts'
import { PostgresConnection, type PostgresLocation, quoted } from './postgres-connection.ts'
import { PostgresDatabase } from './postgres-database.ts'
import { postgres } from './postgres-language.ts'
import { PostgresPool } from './postgres-pool.ts'
import { claimNumber } from './postgres-transaction.ts'

const usualConnections = 6

export async function openPostgres<T>(options: PostgresOptions): Promise<Database<T>> {
  const { name, clock, log, changes = [], connections = usualConnections } = options
  const location: PostgresLocation = { url: options.url, schema: name }
  const connection = await PostgresConnection.open(location)
  try {
    await prepare(connection, options)
  } finally {
    await connection.close()
  }
  return new PostgresDatabase<T>({
    name, clock, log, eventful: changes.length > 0,
    writers: new PostgresPool(() => PostgresConnection.open(location), connections, clock),
    readers: new PostgresPool(() => PostgresConnection.open(location, true), Math.ceil(connections / 2), clock),
  })
}

/** One process at a time. */
async function prepare(connection: PostgresConnection, options: PostgresOptions): Promise<void> {
  await connection.script(`select pg_advisory_lock(${claimNumber(`${options.name}/prepare`)})`)
  await connection.script(`create schema if not exists ${quoted(options.name)}`)
  await connection.script(`create table if not exists schema_migrations (
    name text not null primary key, applied_at text not null, position bigint generated always as identity)`)
  const applied = await connection.execute<{ name: string }>({ sql: 'select name from schema_migrations order by position', parameters: [] })
  const todo = pending(options, applied.rows.map((row) => row.name))
  if (todo.length > 0) {
    const db: Kysely<any> = handleOn({ query: (query) => connection.execute(query) }, postgres)
    await connection.script('begin')
    try {
      for (const migration of todo) {
        await migration.up(db)
        await db.insertInto('schema_migrations').values({ name: migration.name, applied_at: options.clock.now().toISOString() }).execute()
      }
      await connection.script('commit')
    } catch (error) {
      await connection.script('rollback').catch(() => undefined)
      throw error
    }
  }
  if (options.changes && options.changes.length > 0) await installTriggers(connection, options.name, options.changes)
}
