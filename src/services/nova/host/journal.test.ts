import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, appendFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { HostJournal, type JournalEntry } from './journal.ts'
import { fileOnDisk } from './journal-file.ts'

const at = '2026-01-02T03:04:05.000Z'
const spawn = (epoch: number, event: JournalEntry['event'] = 'told'): JournalEntry => ({ at, command: 'spawn', serverId: 'server', epoch, event })

function place(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'nimbo-journal-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return join(folder, 'nova', 'host-journal.jsonl')
}

async function opened(t: TestContext, path: string): Promise<HostJournal> {
  const journal = new HostJournal(fileOnDisk(path))
  await journal.open()
  t.after(() => journal.close())
  return journal
}

const events = (path: string) => readFileSync(path, 'utf8').split('\n').filter(Boolean).map((line) => {
  const { operationId, event } = JSON.parse(line) as { operationId: string; event: string }
  return `${operationId} ${event}`
})

test('what was told is in the file before it is done, and known to the next run', async (t) => {
  const path = place(t)
  const first = await opened(t, path)
  first.admit('one', 3)
  await Promise.all([first.write('one', spawn(3)), first.write('two', spawn(1))])
  assert.deepEqual(events(path), ['one told', 'two told'])

  const second = await opened(t, path)
  assert.deepEqual(second.operations, ['one', 'two'])
  assert.throws(() => second.admit('one', 2), { code: 'nova.stale_epoch' })
  second.admit('one', 4)
})

test('an operation that is over leaves, and its lines with the next opening', async (t) => {
  const path = place(t)
  const first = await opened(t, path)
  await first.write('one', spawn(1))
  await first.write('one', spawn(1, 'done'))
  await first.write('two', spawn(1))
  first.forget('one')
  await first.close()
  assert.deepEqual(events(path), ['one told', 'one done', 'two told', 'one ended'])
  const second = await opened(t, path)
  assert.deepEqual([second.operations, events(path)], [['two'], ['two told']])
})

test('a line that a kill cut off is no line', async (t) => {
  const path = place(t)
  const first = await opened(t, path)
  await first.write('one', spawn(1))
  await first.close()
  appendFileSync(path, '{"operationId":"two","comm')
  assert.deepEqual((await opened(t, path)).operations, ['one'])
})

test('a host whose disk is full starts with the journal that it has, and what comes later is read behind a line that was cut off', async (t) => {
  const path = place(t)
  const first = await opened(t, path)
  await first.write('one', spawn(1))
  await first.close()
  appendFileSync(path, '{"operationId":"two","comm')
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  const second = new HostJournal({ ...fileOnDisk(path), replace: () => Promise.reject(full) })
  await second.open()
  await second.write('three', spawn(1))
  await second.close()
  assert.deepEqual((await opened(t, path)).operations, ['one', 'three'])
})

test('a file that grew is written anew while it is used', async (t) => {
  const path = place(t)
  const journal = await opened(t, path)
  await journal.write('kept', spawn(1))
  for (let round = 0; round < 3; round++) {
    const names = Array.from({ length: 4000 }, (_, index) => `${round}-${index}`)
    await Promise.all(names.map((name) => journal.write(name, spawn(1))))
    for (const name of names) journal.forget(name)
  }
  await journal.write('kept', spawn(2))
  assert.ok(readFileSync(path).length < 2.5 * 1024 * 1024)
  await journal.close()
  assert.deepEqual((await opened(t, path)).operations, ['kept'])
})

test('a command is refused when it cannot be written down', async (t) => {
  const journal = await opened(t, place(t))
  await journal.close()
  await assert.rejects(journal.write('one', spawn(1)), /closed/)
})
