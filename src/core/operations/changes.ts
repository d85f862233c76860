// What the log of changes says of operations: their begin, each step's start and end, their turning back, their end.
import { type Change, literal } from '#core/db'

const kindOf = (row: string) => `substr(${row}.kind, 1, instr(${row}.kind, '.') - 1)`
const about = (row: string) => ({
  project_id: `${row}.project_id`, resource_type: kindOf(row), resource_id: `${row}.resource_id`,
  operation_id: `${row}.id`, request_id: `${row}.request_id`,
})
const step = (more: string) => `json_object('kind', o.kind, 'step', new.step, 'phase', new.phase, 'attempt', new.attempt, 'status', new.status${more})`

/** `pending` to `running` is none: the first step's start says it. */
const turning = "old.status is not new.status and not (old.status = 'pending' and new.status = 'running')"
const type = `case new.status when 'undoing' then ${literal('operation.undoing')} when 'running' then ${literal('operation.again')} else ${literal('operation.ended')} end`

export const operationChanges: readonly Change[] = [
  {
    name: 'operations_begun', table: 'operations', on: 'insert',
    event: { ...about('new'), type: literal('operation.begun'), after: "json_object('kind', new.kind, 'status', new.status)" },
  },
  {
    name: 'operations_status', table: 'operations', on: { updateOf: ['status'] }, when: turning,
    event: {
      ...about('new'), type, before: "json_object('status', old.status)",
      after: "json_object('kind', new.kind, 'status', new.status, 'fault', json(new.fault))",
    },
  },
  {
    name: 'operation_steps_started', table: 'operation_steps', on: 'insert', from: 'operations o where o.id = new.operation_id',
    event: { ...about('o'), type: literal('operation.step'), after: step('') },
  },
  {
    name: 'operation_steps_ended', table: 'operation_steps', on: { updateOf: ['status'] }, when: 'old.status is not new.status', from: 'operations o where o.id = new.operation_id',
    event: {
      ...about('o'), type: literal('operation.step'), after: step(''),
      internals: "case when new.error is null then null else json_object('error', json(new.error)) end",
    },
  },
]
