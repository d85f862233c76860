// Migrations go forward only: what is new runs at opening, all in one transaction, and is recorded by name.
import type { Kysely } from 'kysely'
import type { Clock } from '../context/clock.ts'
import { MigrationMismatch } from './errors.ts'
import { handleOn } from './executor.ts'
import type { SqliteConnection } from './sqlite-connection.ts'
import { SqliteTransaction } from './transaction.ts'
import { Turns } from './turns.ts'

export interface Migration {
  /** Never changed once released; the order is the list's. */
  readonly name: string
  up(db: Kysely<any>): Promise<void>
}

interface MigrationTables {
  schema_migrations: { name: string; applied_at: string }
}

/**
 * Bring the schema up to date. With nothing to do it costs one query.
 *
 * @throws MigrationMismatch when the file was written by a newer version, or a migration was slipped in before an applied one
 */
export async function migrate(
  connection: SqliteConnection,
  options: { readonly name: string; readonly migrations: readonly Migration[]; readonly clock: Clock },
): Promise<void> {
  if (pending(options, applied(connection)).length === 0) return
  // Rebuilding a table drops one that others refer to; what they refer to is checked before the commit instead.
  connection.run('pragma foreign_keys = off')
  connection.run('begin immediate')
  const transaction = new SqliteTransaction(connection, new Turns(() => Promise.resolve()))
  try {
    connection.run('create table if not exists schema_migrations (name text not null primary key, applied_at text not null)')
    const db = handleOn<MigrationTables>(transaction)
    for (const migration of pending(options, applied(connection))) {
      await migration.up(db)
      await db.insertInto('schema_migrations')
        .values({ name: migration.name, applied_at: options.clock.now().toISOString() })
        .execute()
    }
    const broken = connection.rows<{ table: string; parent: string }>('pragma foreign_key_check')[0]
    if (broken) throw new MigrationMismatch(`After migrating ${options.name}, a row of ${broken.table} refers to no row of ${broken.parent}`)
    transaction.commit()
  } catch (error) {
    transaction.rollback(error)
    throw error
  } finally {
    connection.forgetStatements()
    connection.run('pragma foreign_keys = on')
  }
}

function applied(connection: SqliteConnection): readonly string[] {
  try {
    return connection.rows<{ name: string }>('select name from schema_migrations order by rowid').map((row) => row.name)
  } catch (error) {
    if (error instanceof Error && error.message === 'no such table: schema_migrations') return []
    throw error
  }
}

export function pending(options: { readonly name: string; readonly migrations: readonly Migration[] }, done: readonly string[]): readonly Migration[] {
  done.forEach((name, index) => {
    const known = options.migrations[index]?.name
    if (known === name) return
    throw new MigrationMismatch(
      known === undefined
        ? `The database ${options.name} has migration ${name}, which this version does not know; run the version that wrote it`
        : `The database ${options.name} has migration ${name} where this version has ${known}; migrations are only ever appended`,
    )
  })
  return options.migrations.slice(done.length)
}
