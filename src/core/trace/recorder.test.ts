// The trace of a boot begins with its client's log-in, which is kept until then, but not without bound.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock, systemIds, systemRandom } from '#core/context'
import { openDatabase } from '#core/db'
import { silentLog } from '#core/observe'
import { createRecorder, traceMigrations, type TraceTables } from './recorder.ts'

test('of log-ins that no boot follows the oldest are forgotten', async (t) => {
  const capabilities = { clock: systemClock, random: systemRandom, ids: systemIds, log: silentLog }
  const database = await openDatabase<TraceTables>({ name: 'trace', file: ':memory:', migrations: traceMigrations, ...capabilities })
  t.after(() => database.close())
  const trace = createRecorder(database, capabilities)
  for (let number = 0; number <= 2000; number++) trace.record({ traceId: `login:audit-${number}`, step: 1, outcome: 'done', startedAt: 0, durationMs: 0 })
  const stepsAfter = async (auditId: string) => {
    trace.begin({ traceId: auditId, serverId: auditId, name: auditId, projectId: 'p', startedAt: 0, auditId })
    return (await trace.spans(auditId)).length
  }
  assert.deepEqual([await stepsAfter('audit-0'), await stepsAfter('audit-1'), await stepsAfter('audit-2000')], [0, 1, 1])
})
