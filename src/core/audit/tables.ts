// The findings of a service's auditor, in the service's own database: they have an age, and survive a restart.
import type { Migration } from '#core/db'

export interface FindingRow {
  id: string
  check_name: string
  kind: string
  resource: string
  host: string
  message: string
  advice: string
  remedy: 'by-itself' | 'when-asked' | 'none'
  state: 'open' | 'repaired' | 'gone'
  first_seen: string
  last_seen: string
  ended_at: string | null
  tries: number
  done: string
}

export interface AuditTables {
  audit_findings: FindingRow
}

export const auditMigration: Migration = {
  name: 'audit-findings',
  async up(db) {
    await db.schema.createTable('audit_findings')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('check_name', 'text', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('resource', 'text', (column) => column.notNull())
      .addColumn('host', 'text', (column) => column.notNull())
      .addColumn('message', 'text', (column) => column.notNull())
      .addColumn('advice', 'text', (column) => column.notNull())
      .addColumn('remedy', 'text', (column) => column.notNull())
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('first_seen', 'text', (column) => column.notNull())
      .addColumn('last_seen', 'text', (column) => column.notNull())
      .addColumn('ended_at', 'text')
      .addColumn('tries', 'integer', (column) => column.notNull())
      .addColumn('done', 'text', (column) => column.notNull())
      .addUniqueConstraint('audit_findings_thing', ['kind', 'resource', 'host'])
      .execute()
    await db.schema.createIndex('audit_findings_state').on('audit_findings').columns(['state', 'first_seen']).execute()
  },
}
