// Actions and their events in a cell's database.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#core/context'
import { openDatabase } from '#core/db'
import { silentLog } from '#core/observe'
import { actionEvents, noteEvent, startAction } from './actions.ts'
import type { CellTables } from './cell-tables.ts'
import { cellStart } from './migrations/cell-001-start.ts'

test('an event of a step that was done again after an interruption is told once', async (t) => {
  const database = await openDatabase<CellTables>({ name: 'cell', file: ':memory:', migrations: [cellStart], clock: systemClock, log: silentLog })
  t.after(() => database.close())
  const [first, later] = ['2026-01-01T00:00:00.000Z', '2026-01-01T00:00:05.000Z']
  const chosen = (host: string) => ({ event: 'conductor_schedule_instance', host: null, startedAt: first, result: 'Success' as const, details: `chose ${host}` })
  const started = { event: 'compute__do_build_and_run_instance', host: 'two', startedAt: first, result: 'Success' as const }
  const id = await database.transaction(async (tx) => {
    const id = await startAction(tx, { serverId: 's', action: 'create', requestId: 'req-1', userId: 'u', projectId: 'p' }, first)
    await noteEvent(tx, 's', 'req-1', chosen('one'), first)
    await noteEvent(tx, 's', 'req-1', chosen('one'), later)
    await noteEvent(tx, 's', 'req-1', chosen('two'), later)
    for (const at of [first, later]) await noteEvent(tx, 's', 'req-1', started, at, true)
    return id
  })
  assert.deepEqual((await actionEvents(database.read, id)).map((event) => [event.event, event.details, event.finish_time]), [
    ['compute__do_build_and_run_instance', null, later], ['conductor_schedule_instance', 'chose two', later], ['conductor_schedule_instance', 'chose one', later],
  ])
})
