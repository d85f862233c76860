import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { systemClock } from '../context/clock.ts'
import { silentLog, type Logger } from '../observe/log.ts'
import { emptyDatabase, withoutPostgres } from '../testing/postgres.ts'
import { mountTinyDisk } from '../testing/tiny-disk.ts'
import {
  DatabaseFull, HandleClosed, TransactionTimeout, UnbindableValue, WrongHandle, afterCommit, fromJson, isForeignKeyViolation,
  isUniqueViolation, lockClaim, openDatabase, sql, toJson, type Database, type Migration,
} from './index.ts'

interface Tables {
  boxes: { id: number; name: string; weight: number | null; open: number; note: string | null }
  labels: { box_id: number; text: string }
}

const migrations: readonly Migration[] = [{
  name: '001-boxes',
  async up(db) {
    await db.schema.createTable('boxes')
      .addColumn('id', 'integer', (column) => column.primaryKey())
      .addColumn('name', 'text', (column) => column.notNull().unique())
      .addColumn('weight', 'real').addColumn('open', 'integer').addColumn('note', 'text')
      .execute()
    await db.schema.createTable('labels')
      .addColumn('box_id', 'integer', (column) => column.notNull().references('boxes.id'))
      .addColumn('text', 'text', (column) => column.notNull())
      .addUniqueConstraint('labels_once', ['box_id', 'text'])
      .execute()
  },
}]

function box(id: number, name = `box ${id}`) {
  return { id, name, weight: null, open: 0, note: null }
}

function temporaryFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'nimbo-db-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return join(folder, 'data', 'boxes.db')
}

for (const kind of ['memory', 'a file', 'PostgreSQL'] as const) {
  const postgres = kind === 'PostgreSQL'
  describe(`a database in ${kind}`, { skip: postgres && withoutPostgres }, () => {
    async function open(t: TestContext, log: Logger = silentLog, connections = 6): Promise<Database<Tables>> {
      const where = postgres ? { url: await emptyDatabase(), connections } : { file: kind === 'memory' ? ':memory:' : temporaryFile(t) }
      const database = await openDatabase<Tables>({ name: 'boxes', ...where, migrations, clock: systemClock, log })
      t.after(() => database.close())
      return database
    }
    const names = async (database: Database<Tables>) =>
      (await database.read.selectFrom('boxes').select('name').orderBy('id').execute()).map((row) => row.name)

    test('what a transaction wrote is read after it', async (t) => {
      const database = await open(t)
      const answer = await database.transaction(async (tx) => {
        await tx.insertInto('boxes').values([box(1), box(2)]).execute()
        const seen = await tx.selectFrom('boxes').selectAll().execute()
        return seen.length
      })
      assert.equal(answer, 2)
      assert.deepEqual(await names(database), ['box 1', 'box 2'])
    })

    test('a transaction that throws leaves nothing, and its error comes out', async (t) => {
      const database = await open(t)
      const broken = new Error('broken')
      await assert.rejects(database.transaction(async (tx) => {
        await tx.insertInto('boxes').values(box(1)).execute()
        throw broken
      }), broken)
      assert.deepEqual(await names(database), [])
    })

    test('a query on the handle for reading inside a transaction throws at once', async (t) => {
      const database = await open(t)
      const other = await open(t)
      await assert.rejects(database.transaction(async (tx) => {
        await tx.insertInto('boxes').values(box(1)).execute()
        await other.read.selectFrom('boxes').selectAll().execute() // another database is no matter
        await names(database)
      }), WrongHandle)
      assert.deepEqual(await names(database), [])
    })

    test('a transaction inside a transaction of the same database throws at once', async (t) => {
      const database = await open(t)
      await assert.rejects(database.transaction(() => database.transaction(async () => 1)), WrongHandle)
      await assert.rejects(database.transaction((tx) => tx.transaction().execute(async () => 1)), WrongHandle)
      await assert.rejects(database.read.transaction().execute(async () => 1), WrongHandle)
      assert.equal(await database.transaction(async () => 3), 3)
    })

    test('the handle for reading cannot write', async (t) => {
      const database = await open(t)
      await assert.rejects(database.read.insertInto('boxes').values(box(1)).execute(), /read-?only/)
    })

    test('another caller never reads what is not committed', async (t) => {
      const database = await open(t)
      const written = Promise.withResolvers<void>()
      const goOn = Promise.withResolvers<void>()
      const transaction = database.transaction(async (tx) => {
        await tx.insertInto('boxes').values(box(1)).execute()
        written.resolve()
        await goOn.promise
        throw new Error('undone')
      })
      await written.promise
      const seen = names(database)
      setImmediate(() => goOn.resolve())
      await assert.rejects(transaction, /undone/)
      assert.deepEqual(await seen, [])
    })

    test('a transaction that takes too long is rolled back, and its handle is dead', async (t) => {
      const database = await open(t)
      const late = Promise.withResolvers<unknown>()
      await assert.rejects(database.transaction(async (tx) => {
        await tx.insertInto('boxes').values(box(1)).execute()
        await systemClock.sleep(40)
        await tx.insertInto('boxes').values(box(2)).execute().catch(late.resolve)
      }, { timeoutMilliseconds: 15 }), TransactionTimeout)
      await database.transaction((tx) => tx.insertInto('boxes').values(box(3)).execute())
      const keepAlive = setTimeout(() => {}, 1_000)
      assert.ok(await late.promise instanceof HandleClosed)
      clearTimeout(keepAlive)
      assert.deepEqual(await names(database), ['box 3'])
    })

    test('a signal rolls an open transaction back, and takes a waiting one out of the queue', async (t) => {
      const database = await open(t, silentLog, 1)
      const killed = new AbortController()
      const never = new Promise<void>(() => {})
      const started = Promise.withResolvers<void>()
      const first = database.transaction(async (tx) => {
        await tx.insertInto('boxes').values(box(1)).execute()
        started.resolve()
        await never
      }, { signal: killed.signal })
      const second = database.transaction((tx) => tx.insertInto('boxes').values(box(2)).execute(), { signal: killed.signal })
      const third = database.transaction((tx) => tx.insertInto('boxes').values(box(3)).execute())
      await started.promise
      killed.abort(new Error('killed'))
      await Promise.all([assert.rejects(first, /killed/), assert.rejects(second, /killed/), third])
      assert.deepEqual(await names(database), ['box 3'])
    })

    test('a transaction that is called off by its own first statement ends at once', async (t) => {
      const database = await open(t)
      const killed = new AbortController()
      const first = database.transaction((tx) => {
        const insert = tx.insertInto('boxes').values(box(1)).execute()
        killed.abort(new Error('killed'))
        return insert
      }, { signal: killed.signal })
      await assert.rejects(first, /killed/)
      await database.transaction((tx) => tx.insertInto('boxes').values(box(2)).execute())
      assert.deepEqual(await names(database), ['box 2'])
    })

    test('what waits longer than its deadline for its turn gives up', async (t) => {
      const database = await open(t, silentLog, 1)
      const goOn = Promise.withResolvers<void>()
      const first = database.transaction(() => goOn.promise)
      const keepAlive = setTimeout(() => {}, 1_000)
      await assert.rejects(database.transaction(async () => 1, { timeoutMilliseconds: 10 }), /its turn/)
      clearTimeout(keepAlive)
      goOn.resolve()
      await first
    })

    test('what follows a commit runs in order and outside, never after a rollback, and its errors are only logged', async (t) => {
      const logged: string[] = []
      const database = await open(t, { ...silentLog, error: (_fields, message) => logged.push(message) })
      const happened: string[] = []
      let read: Promise<string[]> | undefined
      await database.transaction(async (tx) => {
        afterCommit(tx, () => happened.push('first'))
        afterCommit(tx, () => { throw new Error('no') })
        afterCommit(tx.withoutPlugins(), () => happened.push('second'))
        afterCommit(tx, () => { read = names(database) })
        await tx.insertInto('boxes').values(box(1)).execute()
        assert.deepEqual(happened, [])
      })
      await assert.rejects(database.transaction(async (tx) => {
        afterCommit(tx, () => happened.push('never'))
        throw new Error('undone')
      }), /undone/)
      assert.deepEqual(happened, ['first', 'second'])
      assert.deepEqual(await read, ['box 1'])
      assert.equal(logged.length, 1)
      assert.throws(() => afterCommit(database.read, () => {}), WrongHandle)
      await assert.rejects(lockClaim(database.read, 'box'), WrongHandle)
    })

    test('a hundred parallel transactions with one claim take turns', async (t) => {
      const database = await open(t)
      await database.transaction((tx) => tx.insertInto('boxes').values({ ...box(1), weight: 0 }).execute())
      const order: number[] = []
      await Promise.all(Array.from({ length: 100 }, (_, index) => database.transaction(async (tx) => {
        await lockClaim(tx, 'box 1')
        const { weight } = await tx.selectFrom('boxes').select('weight').where('id', '=', 1).executeTakeFirstOrThrow()
        if (index % 10 === 0) await systemClock.sleep(0)
        else await Promise.resolve()
        await tx.updateTable('boxes').set({ weight: (weight ?? 0) + 1 }).where('id', '=', 1).execute()
        order.push(index)
      })))
      assert.deepEqual(postgres ? order.toSorted((a, b) => a - b) : order, Array.from({ length: 100 }, (_, index) => index))
      assert.deepEqual((await database.read.selectFrom('boxes').select('weight').execute()).map((row) => row.weight), [100])
    })

    test('of many that look for a row and make it when it is missing, all get the same one', async (t) => {
      const database = await open(t)
      const found = await Promise.all(Array.from({ length: 12 }, (_, index) => database.transaction(async (tx) => {
        const known = await tx.selectFrom('boxes').select('id').where('name', '=', 'the one').executeTakeFirst()
        if (known) return known.id
        await tx.insertInto('boxes').values(box(index, 'the one')).execute()
        return index
      })))
      assert.deepEqual([new Set(found).size, await names(database)], [1, ['the one']])
    })

    test('broken constraints are told apart, and the transaction can go on', async (t) => {
      const database = await open(t)
      await database.transaction(async (tx) => {
        await tx.insertInto('boxes').values(box(1, 'a')).execute()
        await tx.insertInto('labels').values({ box_id: 1, text: 'x' }).execute()
        const failure = (query: { execute(): Promise<unknown> }) => query.execute().then(() => undefined, (error: unknown) => error)
        const name = await failure(tx.insertInto('boxes').values(box(2, 'a')))
        assert.deepEqual(
          [isUniqueViolation(name), isUniqueViolation(name, 'name'), isUniqueViolation(name, 'boxes.name'), isUniqueViolation(name, 'id')],
          [true, true, true, false],
        )
        assert.ok(isUniqueViolation(await failure(tx.insertInto('boxes').values(box(1))), 'id'))
        assert.ok(isUniqueViolation(await failure(tx.insertInto('labels').values({ box_id: 1, text: 'x' })), 'text'))
        const parent = await failure(tx.insertInto('labels').values({ box_id: 9, text: 'x' }))
        assert.deepEqual([isForeignKeyViolation(parent), isUniqueViolation(parent)], [true, false])
        assert.ok(isForeignKeyViolation(await failure(tx.deleteFrom('boxes'))))
      })
      assert.deepEqual(await names(database), ['a'])
    })

    test('values are bound as columns keep them, and what no column keeps is refused', async (t) => {
      const database = await open(t)
      await database.transaction(async (tx) => {
        const when = new Date('2026-01-02T03:04:05.678Z')
        await sql`insert into boxes (id, name, weight, open, note) values (${1n}, ${when}, ${1.5}, ${true}, ${toJson({ a: [1] })})`.execute(tx)
        for (const value of [undefined, Number.NaN, {}, [], Symbol('a')]) {
          await assert.rejects(sql`select ${value} as value`.execute(tx), UnbindableValue)
        }
        await assert.rejects(tx.selectFrom('boxes').selectAll().where('id', '=', undefined as never).execute(), UnbindableValue)
      })
      const row = await database.read.selectFrom('boxes').selectAll().executeTakeFirstOrThrow()
      assert.deepEqual({ ...row }, { id: 1, name: '2026-01-02T03:04:05.678Z', weight: 1.5, open: 1, note: '{"a":[1]}' })
      assert.deepEqual(fromJson(row.note ?? ''), { a: [1] })
      assert.throws(() => toJson(undefined), TypeError)
    })

    test('the number of changed rows is told', async (t) => {
      const database = await open(t)
      await database.transaction(async (tx) => {
        await tx.insertInto('boxes').values([box(1), box(2)]).execute()
        const { numUpdatedRows } = await tx.updateTable('boxes').set({ open: 1 }).executeTakeFirstOrThrow()
        const { numDeletedRows } = await tx.deleteFrom('boxes').where('id', '=', 2).executeTakeFirstOrThrow()
        assert.deepEqual([numUpdatedRows, numDeletedRows], [2n, 1n])
      })
    })

    test('closing waits for the open transaction and refuses the others', async (t) => {
      const database = await open(t, silentLog, 1)
      const goOn = Promise.withResolvers<void>()
      const first = database.transaction((tx) => goOn.promise.then(() => tx.insertInto('boxes').values(box(1)).execute()))
      const second = database.transaction(async () => 1)
      const closed = database.close()
      goOn.resolve()
      await Promise.all([first, assert.rejects(second, HandleClosed), closed])
      await assert.rejects(names(database), HandleClosed)
      await assert.rejects(database.transaction(async () => 1), HandleClosed)
    })

    test('a loop of queries lets timers run', async (t) => {
      const database = await open(t)
      let ran = false
      setTimeout(() => { ran = true }, 1)
      for (let round = 0; !ran && round < 100_000; round++) await names(database)
      assert.ok(ran)
    })
  })
}

test('a file is readable by its owner only, with the files beside it', async (t) => {
  const file = temporaryFile(t)
  const database = await openDatabase<Tables>({ name: 'boxes', file, migrations, clock: systemClock, log: silentLog })
  await database.transaction((tx) => tx.insertInto('boxes').values(box(1)).execute())
  assert.deepEqual(['', '-wal', '-shm'].map((end) => statSync(file + end).mode & 0o777), [0o600, 0o600, 0o600])
  await database.close()
})

test('another process in the same file is waited for', async (t) => {
  const file = temporaryFile(t)
  const options = { name: 'boxes', file, migrations, clock: systemClock, log: silentLog }
  const [one, other] = [await openDatabase<Tables>(options), await openDatabase<Tables>(options)]
  const goOn = Promise.withResolvers<void>()
  const first = one.transaction((tx) => goOn.promise.then(() => tx.insertInto('boxes').values(box(1)).execute()))
  const second = other.transaction((tx) => tx.selectFrom('boxes').selectAll().execute())
  await assert.rejects(other.transaction(async () => 1, { timeoutMilliseconds: 30 }), TransactionTimeout)
  goOn.resolve()
  await first
  assert.equal((await second).length, 1)
  await one.close()
  await other.close()
})

test('on a full disk a transaction is refused as a whole, in words for who asked, and works again when there is room', async (t) => {
  const database = await openDatabase<Tables>({ name: 'boxes', file: temporaryFile(t), migrations, clock: systemClock, log: silentLog })
  t.after(() => database.close())
  const room = (pages: number) => database.transaction(async (tx) => void (await sql`pragma max_page_count = ${sql.lit(pages)}`.execute(tx)))
  const fill = (from: number) => database.transaction(async (tx) => {
    for (let id = from; id < from + 10; id++) await tx.insertInto('boxes').values({ ...box(id), note: 'x'.repeat(4000) }).execute()
  })
  await fill(0)
  await room(1)
  await assert.rejects(fill(100), (error) => error instanceof DatabaseFull && error.status === 503 && /disk is full/.test(error.message))
  await room(1_000_000)
  await fill(200)
  const ids = (await database.read.selectFrom('boxes').select('id').orderBy('id').execute()).map(({ id }) => Number(id))
  assert.deepEqual(ids.filter((id) => id >= 100), [200, 201, 202, 203, 204, 205, 206, 207, 208, 209])
  assert.equal(ids.length, 20)
})

test('a database that is opened on a full disk says that the disk is full, and is whole when there is room', { skip: process.getuid?.() !== 0 && 'needs root' }, async (t) => {
  const disk = await mountTinyDisk(t)
  const open = () => openDatabase<Tables>({ name: 'boxes', file: join(disk.folder, 'boxes.db'), migrations, clock: systemClock, log: silentLog })
  const before = await open()
  await before.transaction((tx) => tx.insertInto('boxes').values(box(1)).execute())
  await before.close()
  disk.fill()
  await assert.rejects(open(), (error) => error instanceof DatabaseFull && /disk is full/.test(error.message))
  disk.empty()
  const after = await open()
  assert.deepEqual((await after.read.selectFrom('boxes').select('id').execute()).map(({ id }) => Number(id)), [1])
  await after.close()
})
