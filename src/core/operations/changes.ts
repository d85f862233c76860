// What the log of changes says of operations: their begin, each step's start and end, their turning back, their end.
import { type Change, type EventSql, literal } from '#core/db'

const about = (sql: EventSql, row: string) => ({
  project_id: `${row}.project_id`, resource_type: sql.upTo('.', `${row}.kind`), resource_id: `${row}.resource_id`,
  operation_id: `${row}.id`, request_id: `${row}.request_id`,
})
const step = (sql: EventSql) => sql.object({ kind: 'o.kind', step: 'new.step', phase: 'new.phase', attempt: 'new.attempt', status: 'new.status' })

/** `pending` to `running` is none: the first step's start says it. */
const turning = (sql: EventSql) => `${sql.differs('old.status', 'new.status')} and not (old.status = 'pending' and new.status = 'running')`
const type = `case new.status when 'undoing' then ${literal('operation.undoing')} when 'running' then ${literal('operation.again')} else ${literal('operation.ended')} end`

export const operationChanges: readonly Change[] = [
  {
    name: 'operations_begun', table: 'operations', on: 'insert',
    event: (sql) => ({ ...about(sql, 'new'), type: literal('operation.begun'), after: sql.object({ kind: 'new.kind', status: 'new.status' }) }),
  },
  {
    name: 'operations_status', table: 'operations', on: { updateOf: ['status'] }, when: turning,
    event: (sql) => ({
      ...about(sql, 'new'), type, before: sql.object({ status: 'old.status' }),
      after: sql.object({ kind: 'new.kind', status: 'new.status', fault: sql.parsed('new.fault') }),
    }),
  },
  {
    name: 'operation_steps_started', table: 'operation_steps', on: 'insert', from: 'operations o where o.id = new.operation_id',
    event: (sql) => ({ ...about(sql, 'o'), type: literal('operation.step'), after: step(sql) }),
  },
  {
    name: 'operation_steps_ended', table: 'operation_steps', on: { updateOf: ['status'] }, when: (sql) => sql.differs('old.status', 'new.status'),
    from: 'operations o where o.id = new.operation_id',
    event: (sql) => ({
      ...about(sql, 'o'), type: literal('operation.step'), after: step(sql),
      internals: `case when new.error is null then null else ${sql.object({ error: sql.parsed('new.error') })} end`,
    }),
  },
]
