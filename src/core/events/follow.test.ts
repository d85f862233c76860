// Logs that grow and are cut while they are followed.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { systemClock } from '#core/context'
import { type Database, eventMigration, type EventTables, openDatabase } from '#core/db'
import { silentLog } from '../observe/log.ts'
import { readCursor } from './cursor.ts'
import { type Followed, follow } from './follow.ts'
import { forgetEvents } from './log.ts'

type Log = Database<EventTables>

async function logs(t: TestContext): Promise<[Log, Log]> {
  const open = (name: string) => openDatabase<EventTables>({ name, file: ':memory:', migrations: [eventMigration], clock: systemClock, log: silentLog })
  const both: [Log, Log] = [await open('one'), await open('two')]
  t.after(async () => {
    for (const log of both) await log.close()
  })
  return both
}

async function write(log: Log, ...times: number[]): Promise<void> {
  for (const time of times) {
    await log.transaction((tx) => tx.insertInto('events').values({
      time, type: 'box.state', project_id: 'p', resource_type: 'box', resource_id: String(time), resource_name: null, before: null, after: null, related: null,
      internals: null, operation_id: null, request_id: null,
    } as never).execute())
  }
}

async function take(source: AsyncIterable<Followed>, count: number): Promise<(number | string)[]> {
  const seen: (number | string)[] = []
  for await (const each of source) {
    if (each.kind === 'quiet') continue
    seen.push(each.kind === 'event' ? each.row.time : each.kind)
    if (seen.length === count) break
  }
  return seen
}

const options = { wants: () => true, quietSeconds: 0.01, clock: systemClock }

test('several logs are read in the order of time, each in its own', async (t) => {
  const [one, two] = await logs(t)
  await write(one, 1, 4, 5, 9)
  await write(two, 2, 3, 8, 7)
  const abort = new AbortController()
  assert.deepEqual(await take(follow({ ...options, databases: [one, two], from: new Map(), signal: abort.signal }), 8), [1, 2, 3, 4, 5, 8, 7, 9])
  abort.abort()
})

test('any cursor of a long log goes on with exactly the rest, over pages and filters', async (t) => {
  const [one] = await logs(t)
  const times = Array.from({ length: 650 }, (_each, at) => at + 1)
  await write(one, ...times)
  const abort = new AbortController()
  const even = (row: { time: number }) => row.time % 2 === 0
  for (const from of [1, 199, 200, 201, 400, 649]) {
    const source = follow({ ...options, databases: [one], wants: even, from: readCursor(`one.${from.toString(36)}.${from.toString(36)}`), signal: abort.signal })
    const rest = times.filter((time) => time > from && time % 2 === 0)
    assert.deepEqual(await take(source, rest.length), rest)
  }
  abort.abort()
})

test('a reader that is overtaken by the forgetting is told so, and goes on from the end', async (t) => {
  const [one] = await logs(t)
  await write(one, 1, 2)
  const abort = new AbortController()
  const source = follow({ ...options, databases: [one], signal: abort.signal })
  await source.next()
  const waiting = source.next()
  await waiting
  await write(one, 3, 4, 5)
  await forgetEvents(one, { before: new Date(5), most: 100 })
  assert.deepEqual((await one.read.selectFrom('events').select('sequence').execute()).map((row) => row.sequence), [5])
  const seen: string[] = []
  for (;;) {
    const { value } = await source.next()
    if (value?.kind === 'reset') break
    seen.push(value?.kind ?? 'end')
    assert.ok(seen.length < 1000 && value?.kind === 'quiet', 'what came after the gap was given without a word')
  }
  await write(one, 6)
  assert.deepEqual(await take(source, 1), [6])
  abort.abort()
})

test('so many events are kept and no more, the newest always', async (t) => {
  const [one] = await logs(t)
  await write(one, ...Array.from({ length: 40 }, (_each, at) => at + 1))
  const kept = async () => (await one.read.selectFrom('events').select('time').orderBy('sequence').execute()).map((row) => row.time)
  await forgetEvents(one, { before: new Date(0), most: 10 })
  assert.deepEqual(await kept(), [31, 32, 33, 34, 35, 36, 37, 38, 39, 40])
  await forgetEvents(one, { before: new Date(35), most: 10 })
  assert.deepEqual(await kept(), [35, 36, 37, 38, 39, 40])
  await forgetEvents(one, { before: new Date(1000), most: 0 })
  assert.deepEqual(await kept(), [40])
})

/** `count` events of another project, at times from `from` on. */
async function writeOfOthers(log: Log, from: number, count: number): Promise<void> {
  for (let at = 0; at < count; at += 1000) {
    const rows = Array.from({ length: Math.min(1000, count - at) }, (_each, more) => ({
      time: from + at + more, type: 'box.state', project_id: 'other', resource_type: 'box', resource_id: 'b', resource_name: null, before: null, after: null, related: null,
      internals: null, operation_id: null, request_id: null,
    }))
    await log.transaction((tx) => tx.insertInto('events').values(rows as never).execute())
  }
}

test('a project sees its own events alone, in order, through any number of others, and its cursor moves past those', async (t) => {
  const [one, two] = await logs(t)
  await write(one, 1, 3)
  await writeOfOthers(one, 4, 12_000)
  await write(one, 20_002)
  await writeOfOthers(one, 20_003, 10)
  await writeOfOthers(two, 2, 1)
  await write(two, 2, 20_001)
  const abort = new AbortController()
  const source = follow({ ...options, databases: [one, two], projectId: 'p', from: new Map(), signal: abort.signal })
  assert.deepEqual(await take(source, 5), [1, 2, 3, 20_001, 20_002])
  const again = follow({ ...options, databases: [one, two], projectId: 'p', from: new Map(), signal: abort.signal })
  let cursor = ''
  for await (const each of again) {
    cursor = each.cursor
    if (each.kind === 'quiet' && cursor.includes(`one.${(12_013).toString(36)}.`)) break
  }
  assert.deepEqual(readCursor(cursor).get('two')?.sequence, 3)
  await write(two, 20_050)
  assert.deepEqual(await take(follow({ ...options, databases: [one, two], projectId: 'p', from: readCursor(cursor), signal: abort.signal }), 1), [20_050])
  abort.abort()
})

test('who goes through many events of others does not hold up everybody else', async (t) => {
  const [one] = await logs(t)
  await writeOfOthers(one, 1, 30_000)
  await write(one, 40_000)
  const abort = new AbortController()
  for (const projectId of ['p', undefined]) {
    const source = follow({ ...options, databases: [one], ...(projectId !== undefined && { projectId }), wants: ({ time }) => time === 40_000, from: new Map(), signal: abort.signal })
    await source.next()
    let turns = 0
    const turn = (): void => {
      turns++
      waiting = setImmediate(turn)
    }
    let waiting = setImmediate(turn)
    assert.equal((await source.next()).value?.kind, 'event')
    clearImmediate(waiting)
    assert.ok(turns >= 5, `others had ${turns} turns`)
  }
  abort.abort()
})
