// Keys of claims: a claim that is repeated, or comes when its operation has given it back already, is known by its key.
import type { Migration } from '#core/db'

export const claimKeys: Migration = {
  name: '002-claim-keys',
  async up(db) {
    await db.schema.createTable('claim_keys')
      .addColumn('key', 'text', (column) => column.primaryKey())
      .addColumn('consumer_uuid', 'text', (column) => column.notNull())
      .addColumn('created_at', 'text', (column) => column.notNull())
      .execute()
    await db.schema.createIndex('claim_keys_age').on('claim_keys').column('created_at').execute()
  },
}
