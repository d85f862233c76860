// What others chose, shown on an operator's terminal.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jsonText, plain, table } from './terminal.ts'

const order = 'x\u001b[2J\u009b31m\r\n\u202ey'

test('no control character reaches the terminal, whoever wrote it; letters and signs do', () => {
  assert.equal(plain(order), 'x\ufffd[2J\ufffd31m\ufffd\ufffd\ufffdy')
  assert.equal(plain('größe 日本 🙂 — ok'), 'größe 日本 🙂 — ok')
  assert.doesNotMatch(table(['What'], [[order]]).split('\n').at(-1) ?? '', /[\p{Cc}\u202e]/u)
  const text = jsonText({ order })
  assert.doesNotMatch(text, /[\p{Cc}\u202e]/u)
  assert.deepEqual(JSON.parse(text), { order })
})
