// Files that were given with the request for a server, for its config drive and its metadata.
import type { Migration } from '#core/db'

export const cellInjectedFiles: Migration = {
  name: '002-injected-files',
  async up(db) {
    await db.schema.createTable('injected_files')
      .addColumn('instance_uuid', 'text', (column) => column.notNull()).addColumn('position', 'integer', (column) => column.notNull())
      .addColumn('path', 'text', (column) => column.notNull()).addColumn('contents', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('injected_files_pk', ['instance_uuid', 'position'])
      .execute()
  },
}
