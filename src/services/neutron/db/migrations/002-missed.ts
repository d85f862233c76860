// What an agent is besides its identity, for servers that have not heard of it yet, and whether something could not be said to it.
import type { Migration } from '#core/db'
import type { LooseDb } from '../loose.ts'

export const missedMigration: Migration = {
  name: '002-missed',
  async up(db: LooseDb) {
    await db.schema.alterTable('agents').addColumn('configurations', 'text', (column) => column.notNull().defaultTo('{}')).execute()
    await db.schema.alterTable('agents').addColumn('started_at', 'text', (column) => column.notNull().defaultTo('')).execute()
    await db.schema.alterTable('agents').addColumn('missed', 'integer', (column) => column.notNull().defaultTo(0)).execute()
  },
}
