// Operations where several transactions are open at once: one that met another is run again, and leaves no trace of the first try.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#core/context'
import { openDatabase, sql } from '#core/db'
import { silentLog } from '#core/observe'
import { Type } from '#core/spec'
import { requestContext as ctx, systemCapabilities as capabilities } from '../testing/operations.ts'
import { emptyDatabase, withoutPostgres } from '../testing/postgres.ts'
import { createOperations, defineOperation, once, operationMigration, type OperationTables, pivot, step } from './index.ts'

const skip = withoutPostgres
const open = async () => openDatabase<OperationTables & { counts: { id: number; count: number } }>({
  name: 'test', url: await emptyDatabase(), clock: systemClock, log: silentLog,
  migrations: [operationMigration, {
    name: 'counts',
    async up(db) {
      await db.schema.createTable('counts').addColumn('id', 'integer').addColumn('count', 'integer').execute()
      await sql`insert into counts values (1, 0)`.execute(db)
      // The first transaction that counts is told at its commit, as by the server, that it met another.
      await sql`create sequence commits`.execute(db)
      await sql`create function meet() returns trigger language plpgsql as $meet$ begin
        if nextval('commits') = 1 then raise exception using errcode = '40001', message = 'it met another'; end if;
        return null;
      end $meet$`.execute(db)
      await sql`create constraint trigger meets after update on counts deferrable initially deferred for each row execute function meet()`.execute(db)
    },
  }],
})

test('a step that met another transaction is done in the journal, not shown as running for ever', { skip }, async (t) => {
  const database = await open()
  t.after(() => database.close())
  let runs = 0
  const count = defineOperation<undefined, unknown>('count', {
    input: Type.Object({}), deadlineSeconds: 60, onCrash: 'resume',
    steps: [
      step('add', {
        commit: async (tx) => {
          runs++
          await tx.updateTable('counts').set((count) => ({ count: count('count', '+', 1) })).execute()
        },
      }),
      pivot('end', { run: async () => undefined }),
    ],
  })
  const operations = createOperations<undefined>({ database, definitions: [count], capabilities, owner: 'host/worker' })
  const worker = operations.work(undefined)
  t.after(() => worker.stop())
  const id = await database.transaction((tx) => operations.begin(tx, ctx, count, { resourceId: 'r', input: {} }))
  await operations.settled('r', { signal: AbortSignal.timeout(10_000) })
  assert.deepEqual((await operations.journal(id)).map((entry) => [entry.sequence, entry.step, entry.status]), [[1, 'add', 'done'], [2, 'end', 'done']])
  assert.deepEqual([runs, (await database.read.selectFrom('counts').select('count').executeTakeFirst())?.count], [2, 1])
})

test('of many requests with one key at once all get the one answer', { skip }, async (t) => {
  const database = await open()
  t.after(() => database.close())
  let made = 0
  const answers = await Promise.all(Array.from({ length: 20 }, () => database.transaction((tx) => once(tx, { ...ctx, idempotencyKey: 'operation/step' }, capabilities, async () => {
    await tx.updateTable('counts').set((count) => ({ count: count('count', '+', 1) })).execute()
    return `answer ${++made}`
  }))))
  assert.equal(new Set(answers.map(({ value }) => value)).size, 1)
  assert.equal(answers.filter(({ repeated }) => !repeated).length, 1)
  assert.equal((await database.read.selectFrom('counts').select('count').executeTakeFirst())?.count, 1)
})
