// The operations, their journal, and the keys of internal creates: in the database of the service that owns them.
import type { Migration } from '#core/db'

export type OperationStatus = 'pending' | 'running' | 'undoing' | 'done' | 'failed' | 'cancelled'

export interface OperationRow {
  id: string
  kind: string
  resource_id: string
  project_id: string | null
  input: string
  identity: string
  request_id: string
  trace_id: string | null
  status: OperationStatus
  /** Index of the step that runs or is undone. */
  position: number
  attempt: number
  epoch: number
  lease_owner: string | null
  lease_until: string | null
  cancel_requested: number
  not_before: string | null
  deadline_at: string
  fault: string | null
  created_at: string
  finished_at: string | null
}

export interface OperationStepRow {
  operation_id: string
  sequence: number
  step: string
  phase: 'run' | 'undo'
  attempt: number
  status: 'started' | 'done' | 'failed'
  result: string | null
  error: string | null
  started_at: string
  ended_at: string | null
}

export interface OperationTables {
  operations: OperationRow
  operation_steps: OperationStepRow
  idempotency_keys: { key: string; value: string; created_at: string }
}

export const operationMigration: Migration = {
  name: '000-operations',
  async up(db) {
    await db.schema.createTable('operations')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('resource_id', 'text', (column) => column.notNull())
      .addColumn('project_id', 'text')
      .addColumn('input', 'text', (column) => column.notNull())
      .addColumn('identity', 'text', (column) => column.notNull())
      .addColumn('request_id', 'text', (column) => column.notNull())
      .addColumn('trace_id', 'text')
      .addColumn('status', 'text', (column) => column.notNull())
      .addColumn('position', 'integer', (column) => column.notNull())
      .addColumn('attempt', 'integer', (column) => column.notNull())
      .addColumn('epoch', 'integer', (column) => column.notNull())
      .addColumn('lease_owner', 'text')
      .addColumn('lease_until', 'text')
      .addColumn('cancel_requested', 'integer', (column) => column.notNull())
      .addColumn('not_before', 'text')
      .addColumn('deadline_at', 'text', (column) => column.notNull())
      .addColumn('fault', 'text')
      .addColumn('created_at', 'text', (column) => column.notNull())
      .addColumn('finished_at', 'text')
      .execute()
    await db.schema.createIndex('operations_open').on('operations').columns(['finished_at', 'created_at']).execute()
    await db.schema.createIndex('operations_resource').on('operations').columns(['resource_id', 'created_at']).execute()
    await db.schema.createTable('operation_steps')
      .addColumn('operation_id', 'text', (column) => column.notNull())
      .addColumn('sequence', 'integer', (column) => column.notNull())
      .addColumn('step', 'text', (column) => column.notNull())
      .addColumn('phase', 'text', (column) => column.notNull())
      .addColumn('attempt', 'integer', (column) => column.notNull())
      .addColumn('status', 'text', (column) => column.notNull())
      .addColumn('result', 'text')
      .addColumn('error', 'text')
      .addColumn('started_at', 'text', (column) => column.notNull())
      .addColumn('ended_at', 'text')
      .addPrimaryKeyConstraint('operation_steps_pk', ['operation_id', 'sequence'])
      .execute()
    await db.schema.createTable('idempotency_keys')
      .addColumn('key', 'text', (column) => column.primaryKey())
      .addColumn('value', 'text', (column) => column.notNull())
      .addColumn('created_at', 'text', (column) => column.notNull())
      .execute()
  },
}
