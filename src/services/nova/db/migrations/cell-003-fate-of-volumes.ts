// What becomes of a server's volumes when it is deleted: of those that are being detached, and of those that a failed build was given.
import type { Migration } from '#core/db'

export const cellFateOfVolumes: Migration = {
  name: '003-fate-of-volumes',
  async up(db) {
    await db.schema.alterTable('block_device_mappings').addColumn('detaching', 'integer', (column) => column.notNull().defaultTo(0)).execute()
    await db.schema.alterTable('block_device_mappings').addColumn('former_volume_id', 'text').execute()
    await db.schema.createIndex('block_device_mappings_former_volume').on('block_device_mappings').column('former_volume_id').execute()
  },
}
