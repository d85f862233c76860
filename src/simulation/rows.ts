// The databases of a simulated cloud, looked at from outside.
import type { Kysely } from '#core/db'
import type { Storage } from './storage.ts'

export type Row = Readonly<Record<string, any>>

/** Where the services keep their operations. */
export const operationDatabases = ['nova_api', 'nova_cell0', 'nova_cell1', 'neutron', 'cinder', 'glance'] as const

/** Hears a sentence for each thing that is wrong. */
export type Say = (sentence: string) => void

/** A cloud at rest, as it is looked at from outside. */
export interface AtRest {
  readonly rows: Rows
  /** The worlds of the engines, by the names under which they are kept. */
  readonly kept: ReadonlyMap<string, unknown>
}

/** All rows of all databases, as they are now. */
export interface Rows {
  of(database: string, table: string): Promise<readonly Row[]>
}

export function rowsOf(storage: Storage): Rows {
  return {
    async of(database, table) {
      const opened = await storage.database(database)
      if (!opened) return []
      return (opened.read as Kysely<any>).selectFrom(table).selectAll().execute() as Promise<Row[]>
    },
  }
}
