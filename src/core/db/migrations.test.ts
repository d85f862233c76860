import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { systemClock } from '../context/clock.ts'
import { silentLog } from '../observe/log.ts'
import { MigrationMismatch, openDatabase, sql, type Migration } from './index.ts'

interface Tables {
  things: { id: number; name: string }
  schema_migrations: { name: string; applied_at: string }
}

function step(name: string, text: string): Migration {
  return { name, up: async (db) => void (await sql.raw(text).execute(db)) }
}

const first = step('001-things', 'create table things (id integer primary key, name text not null)')
const second = step('002-parts', 'create table parts (thing_id integer not null references things (id))')

function opener(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'nimbo-db-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return async (...migrations: Migration[]) => {
    const database = await openDatabase<Tables>({
      name: 'things', file: join(folder, 'things.db'), migrations, clock: systemClock, log: silentLog,
    })
    t.after(() => database.close())
    return database
  }
}

test('new migrations run once, in order, and are recorded', async (t) => {
  const open = opener(t)
  await (await open(first)).close()
  const database = await open(first, second)
  const rows = await database.read.selectFrom('schema_migrations').selectAll().execute()
  assert.deepEqual(rows.map((row) => row.name), ['001-things', '002-parts'])
  assert.ok(rows.every((row) => !Number.isNaN(Date.parse(row.applied_at))))
})

test('a failing migration leaves nothing of its batch', async (t) => {
  const open = opener(t)
  await assert.rejects(open(first, step('002-broken', 'create table things (id integer)')), /already exists/)
  const database = await open(first)
  assert.deepEqual(await database.read.selectFrom('things').selectAll().execute(), [])
})

test('a file from a newer version, or another history, is refused', async (t) => {
  const open = opener(t)
  await (await open(first, second)).close()
  await assert.rejects(open(first), (error) => error instanceof MigrationMismatch && /run the version/.test(error.message))
  await assert.rejects(open(first, step('001b', 'select 1'), second), /only ever appended/)
})

test('a table that others refer to can be rebuilt, but no reference may dangle', async (t) => {
  const open = opener(t)
  const filled = await open(first, second)
  await filled.transaction(async (tx) => {
    await tx.insertInto('things').values({ id: 1, name: 'a' }).execute()
    await sql`insert into parts values (1)`.execute(tx)
  })
  await filled.close()
  const rebuild: Migration = {
    name: '003-rebuild',
    async up(db) {
      await sql`create table new_things (id integer primary key, name text not null, size integer)`.execute(db)
      await sql`insert into new_things select id, name, 0 from things`.execute(db)
      await sql`drop table things`.execute(db)
      await sql`alter table new_things rename to things`.execute(db)
    },
  }
  await assert.rejects(open(first, second, rebuild, step('004-loss', 'delete from things')), /refers to no row of things/)
  const database = await open(first, second, rebuild)
  assert.equal((await database.read.selectFrom('things').selectAll().execute()).length, 1)
  await assert.rejects(database.transaction((tx) => tx.deleteFrom('things').execute()), /foreign-key/)
})
