// Operations that are open long after their deadline: their undo cannot be done, or nobody works them off.
import type { Clock } from '#core/context'
import type { Database } from '#core/db'
import type { OperationTables } from '#core/operations'
import type { Check, Difference } from './finding.ts'
import { overdueOperations } from './store.ts'

/** An undo takes its time too. */
const patienceMs = 5 * 60_000

export function overdueCheck(clock: Clock, databases: readonly Database<any>[]): Check {
  return {
    name: 'operations',
    kinds: {
      'operation.overdue': {
        remedy: 'none',
        advice: 'The log names the operation and says why its step fails; it goes on by itself once the cause is gone.',
      },
    },
    async look() {
      const now = clock.now().getTime()
      const differences: Difference[] = []
      for (const database of databases as readonly Database<OperationTables>[]) {
        for (const row of await overdueOperations(database.read, new Date(now - patienceMs).toISOString())) {
          const held = row.lease_owner === null ? 'nobody holds it' : `held by ${row.lease_owner}`
          differences.push({
            kind: 'operation.overdue', resource: row.id,
            message: `The operation ${row.kind} of ${row.resource_id} is ${row.status} and should have ended at ${row.deadline_at}; ${held}.`,
          })
        }
      }
      return { differences }
    },
  }
}
