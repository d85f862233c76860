// Server groups, and the servers in them.
import type { Migration } from '#core/db'

export const apiServerGroups: Migration = {
  name: '002-server-groups',
  async up(db) {
    const { schema } = db
    await schema.createTable('server_groups')
      .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
      .addColumn('uuid', 'text', (column) => column.notNull().unique())
      .addColumn('project_id', 'text', (column) => column.notNull()).addColumn('user_id', 'text', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull()).addColumn('policy', 'text', (column) => column.notNull())
      .addColumn('max_server_per_host', 'integer').addColumn('created_at', 'text', (column) => column.notNull())
      .execute()
    await schema.createIndex('server_groups_project').on('server_groups').columns(['project_id', 'id']).execute()
    // A server is in one group at most.
    await schema.createTable('server_group_members')
      .addColumn('instance_uuid', 'text', (column) => column.primaryKey())
      .addColumn('group_id', 'integer', (column) => column.notNull().references('server_groups.id').onDelete('cascade'))
      .execute()
    await schema.createIndex('server_group_members_group').on('server_group_members').column('group_id').execute()
  },
}
