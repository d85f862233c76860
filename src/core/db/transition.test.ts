import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../context/clock.ts'
import { silentLog } from '../observe/log.ts'
import { defineMachine } from '../state/index.ts'
import { WrongHandle, openDatabase, sql, transition } from './index.ts'

interface Tables {
  doors: { id: string; status: string; guest: string | null }
}

const doors = defineMachine({
  states: ['closed', 'open'],
  initial: 'closed',
  stable: ['closed', 'open'],
  events: { enter: { from: ['closed'], to: 'open' }, leave: { from: ['open'], to: 'closed' } },
})

test('of two workers that let the same event happen, one wins', async (t) => {
  const database = await openDatabase<Tables>({
    name: 'doors', file: ':memory:', clock: systemClock, log: silentLog,
    migrations: [{ name: '001', up: async (db) => void (await sql`create table doors (id text primary key, status text, guest text)`.execute(db)) }],
  })
  t.after(() => database.close())
  await database.transaction((tx) => tx.insertInto('doors').values({ id: 'd', status: doors.initial, guest: null }).execute())
  const where = { table: 'doors', idColumn: 'id', statusColumn: 'status' } as const
  const enter = (guest: string) =>
    database.transaction((tx) => transition(tx, doors, { ...where, id: 'd', event: 'enter', set: { guest } }))
  assert.deepEqual(await Promise.all([enter('a'), enter('b')]), [true, false])
  assert.deepEqual({ ...await database.read.selectFrom('doors').selectAll().executeTakeFirst() }, { id: 'd', status: 'open', guest: 'a' })
  assert.equal(await database.transaction((tx) => transition(tx, doors, { ...where, id: 'gone', event: 'leave' })), false)
  // @ts-expect-error no such event
  await assert.rejects(transition(database.read, doors, { ...where, id: 'd', event: 'knock' }), WrongHandle)
  // @ts-expect-error no such column
  await assert.rejects(transition(database.read, doors, { ...where, idColumn: 'uuid', id: 'd', event: 'leave' }), WrongHandle)
})
