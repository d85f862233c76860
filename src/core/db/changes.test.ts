// The log of changes on a table of its own: what leaves an event, in which order, on whose account.
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { systemClock, withCause } from '#core/context'
import { silentLog } from '../observe/log.ts'
import { emptyDatabase, withoutPostgres } from '../testing/postgres.ts'
import { changesOf, eventMigration, type EventTables, openDatabase } from './index.ts'

interface Tables extends EventTables {
  boxes: { id: string; project: string; title: string | null; state: string; mood: string | null; size: number }
  crates: { id: string; project: string; state: string }
}

const at = new Date('2026-01-02T03:04:05.678Z')

for (const engine of ['SQLite', 'PostgreSQL'] as const) describe(`events on ${engine}`, { skip: engine === 'PostgreSQL' && withoutPostgres }, () => {
  async function lab(t: TestContext) {
    const database = await openDatabase<Tables>({
      name: 'lab', ...(engine === 'SQLite' ? { file: ':memory:' } : { url: await emptyDatabase() }), clock: { ...systemClock, now: () => at }, log: silentLog,
      migrations: [{
        name: '001',
        async up(db) {
          for (const [table, columns] of [['boxes', ['id', 'project', 'title', 'state', 'mood', 'size']], ['crates', ['id', 'project', 'state']]] as const) {
            let create = db.schema.createTable(table)
            for (const column of columns) create = create.addColumn(column, column === 'size' ? 'integer' : 'text')
            await create.execute()
          }
        },
      }, eventMigration],
      changes: [
        ...changesOf({ type: 'box', table: 'boxes', id: 'id', project: 'project', name: 'title', states: ['state', 'mood'], related: { twin: 'title' }, internals: { size: 'size' } }),
        ...changesOf({ type: 'crate', table: 'crates', id: 'id', project: 'project', states: ['state'], deletedWhen: { column: 'state', is: 'gone' } }),
      ],
    })
    t.after(() => database.close())
    const told = async () => (await database.read.selectFrom('events').selectAll().orderBy('sequence').execute())
      .map(({ type, resource_id: id, before, after }) => [type, id, before && (JSON.parse(before) as unknown), after && (JSON.parse(after) as unknown)] as const)
    return { database, told }
  }

  const box = (id: string) => ({ id, project: 'p', title: "it's", state: 'new', mood: null, size: 3 })

  test('a row that comes, changes its states and goes leaves an event of each', async (t) => {
    const { database, told } = await lab(t)
    await database.transaction(async (tx) => {
      await tx.insertInto('boxes').values([box('a'), box('b')]).execute()
      await tx.updateTable('boxes').set({ state: 'old', mood: 'glad' }).where('id', '=', 'a').execute()
      // Neither is a change of a state.
      await tx.updateTable('boxes').set({ state: 'old' }).where('id', '=', 'a').execute()
      await tx.updateTable('boxes').set({ size: 5, title: 'x' }).where('id', '=', 'a').execute()
      const { numUpdatedRows } = await tx.updateTable('boxes').set({ mood: 'sad' }).executeTakeFirstOrThrow()
      assert.equal(numUpdatedRows, 2n)
      await tx.deleteFrom('boxes').where('id', '=', 'b').execute()
    })
    const events = await told()
    // In which order one statement changes its rows is the engine's affair.
    events.splice(3, 2, ...events.slice(3, 5).toSorted(([, a], [, b]) => (a < b ? -1 : 1)))
    assert.deepEqual(events, [
      ['box.created', 'a', null, { state: 'new', mood: null }], ['box.created', 'b', null, { state: 'new', mood: null }],
      ['box.state', 'a', { state: 'new', mood: null }, { state: 'old', mood: 'glad' }],
      ['box.state', 'a', { state: 'old', mood: 'glad' }, { state: 'old', mood: 'sad' }], ['box.state', 'b', { state: 'new', mood: null }, { state: 'new', mood: 'sad' }],
      ['box.deleted', 'b', { state: 'new', mood: 'sad' }, null],
    ])
  })

  test('a row that stays when it is deleted is told by its state, and its removal is not', async (t) => {
    const { database, told } = await lab(t)
    await database.transaction(async (tx) => {
      await tx.insertInto('crates').values({ id: 'c', project: 'p', state: 'new' }).execute()
      await tx.updateTable('crates').set({ state: 'gone' }).execute()
      await tx.deleteFrom('crates').execute()
    })
    assert.deepEqual((await told()).map(([type]) => type), ['crate.created', 'crate.deleted'])
  })

  test('an event carries the time of the clock and the request and operation that the change was made for', async (t) => {
    const { database } = await lab(t)
    await withCause({ requestId: 'req-1', operationId: 'operation-1' }, () => database.transaction((tx) => tx.insertInto('boxes').values(box('a')).execute()))
    await Promise.all(['req-2', 'req-3'].map((requestId) => withCause({ requestId }, () => database.transaction(async (tx) => {
      await systemClock.turn()
      await tx.insertInto('boxes').values(box(requestId)).execute()
    }))))
    await database.transaction((tx) => tx.insertInto('boxes').values(box('z')).execute())
    const events = await database.read.selectFrom('events').selectAll().orderBy('sequence').execute()
    // Which of two side by side commits first is open.
    events.splice(1, 2, ...events.slice(1, 3).toSorted((a, b) => (a.resource_id < b.resource_id ? -1 : 1)))
    assert.deepEqual(events.map((event) => [event.resource_id, event.request_id, event.operation_id]), [['a', 'req-1', 'operation-1'], ['req-2', 'req-2', null], ['req-3', 'req-3', null], ['z', null, null]])
    const { time, project_id: project, resource_type: type, resource_name: name, related, internals } = events[0] ?? assert.fail('no event')
    const parsed = (text: string | null) => JSON.parse(text ?? 'null') as unknown
    assert.deepEqual([time, project, type, name, parsed(related), parsed(internals)], [at.getTime(), 'p', 'box', "it's", { twin: "it's" }, { size: 3 }])
  })

  test('what is rolled back leaves no event and no gap, and nobody is told of it', async (t) => {
    const { database } = await lab(t)
    let rung = 0
    const hearing = database.hear(() => rung++)
    await database.transaction((tx) => tx.insertInto('boxes').values(box('a')).execute())
    await assert.rejects(database.transaction(async (tx) => {
      await tx.insertInto('boxes').values(box('b')).execute()
      throw new Error('no')
    }), /no/)
    assert.equal(rung, 1)
    await database.transaction((tx) => tx.insertInto('boxes').values(box('c')).execute())
    assert.equal(rung, 2)
    await database.transaction((tx) => tx.updateTable('boxes').set({ size: 9 }).execute())
    assert.equal(rung, 2)
    hearing.stop()
    await database.transaction((tx) => tx.deleteFrom('boxes').execute())
    assert.equal(rung, 2)
    const events = await database.read.selectFrom('events').select(['sequence', 'resource_id']).where('type', '=', 'box.created').execute()
    assert.deepEqual(events.map((event) => [event.sequence, event.resource_id]), [[1, 'a'], [2, 'c']])
  })
})
