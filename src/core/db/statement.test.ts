import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../context/clock.ts'
import { silentLog } from '../observe/log.ts'
import { openDatabase, statement, WrongHandle, type Db } from './index.ts'

interface Tables {
  boxes: { id: number; name: string; weight: number | null }
}

test('a statement is built once and run with the values of each call, on any handle', async (t) => {
  const database = await openDatabase<Tables>({
    name: 'boxes', file: ':memory:', clock: systemClock, log: silentLog,
    migrations: [{ name: '001', up: async (db) => db.schema.createTable('boxes').addColumn('id', 'integer').addColumn('name', 'text').addColumn('weight', 'real').execute() }],
  })
  t.after(() => database.close())
  let built = 0
  const insert = statement((db: Db<Tables>, { id, name }: { id: number; name: string }) => {
    built++
    return db.insertInto('boxes').values({ id, name, weight: 1.5 })
  })
  const heavier = statement((db: Db<Tables>, { than }: { than: number | null }) => db.selectFrom('boxes').select(['id', 'name']).where('weight', '>', than).orderBy('id'))
  await database.transaction(async (tx) => {
    await insert(tx, { id: 1, name: 'a' })
    assert.equal((await insert(tx, { id: 2, name: 'b' })).numAffectedRows, 1n)
    await assert.rejects(heavier(database.read, { than: 1 }), WrongHandle)
  })
  assert.equal(built, 1)
  assert.deepEqual((await heavier(database.read, { than: 1 })).rows.map((row) => ({ ...row })), [{ id: 1, name: 'a' }, { id: 2, name: 'b' }])
  assert.deepEqual((await heavier(database.read, { than: 2 })).rows, [])
})
