// The front opens a stream at each service: what becomes of those when one of them refuses or falls silent.
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { systemClock, systemIds, systemRandom } from '#core/context'
import type { ServiceTarget } from '#core/client'
import type { ApiReply } from '#core/http'
import { silentLog } from '../observe/log.ts'
import { createFront } from './front.ts'

const clock = { ...systemClock, sleep: (_milliseconds: number, signal?: AbortSignal) => systemClock.sleep(1, signal) }

function frontOf(services: Readonly<Record<string, () => Promise<ApiReply>>>) {
  const targets = Object.entries(services).map(([name, answer]): ServiceTarget => ({ name, origin: 'http://x', prefix: '', transport: answer }))
  const front = createFront({ services: targets, capabilities: { clock, random: systemRandom, ids: systemIds, log: silentLog }, authUrl: 'http://x', checkReplies: false })
  return front({ method: 'GET', path: '/v1/events', query: '', headers: { 'x-auth-token': 't' }, body: null, origin: 'http://x' })
}

const stream = (body: Readable): ApiReply => ({ status: 200, headers: { 'content-type': 'text/event-stream' }, body })
const closed = (body: Readable) => new Promise((resolve) => (body.closed ? resolve(undefined) : body.once('close', resolve)))

test('a stream that opens after another service has refused is closed', async () => {
  const late = Promise.withResolvers<ApiReply>()
  const refused = await frontOf({
    quick: () => Promise.resolve({ status: 429, headers: { 'content-type': 'application/json' }, body: '{"error":{"message":"Too many streams"}}' }),
    late: () => late.promise,
  })
  assert.equal(refused.status, 429)
  const body = new Readable({ read() {} })
  late.resolve(stream(body))
  await closed(body)
})

test('a stream that cannot go on is closed before another one is opened in its place', async () => {
  const opened: Readable[] = []
  const { body } = await frontOf({
    one: () => {
      const each = new Readable({ read() {} })
      each.push(': alive\nid: one.1.1\n\n')
      // It says so and does not end.
      each.push('event: unavailable\ndata: {}\n\n')
      opened.push(each)
      return Promise.resolve(stream(each))
    },
  })
  assert.ok(body instanceof Readable)
  for await (const _chunk of body) {
    if (opened.length < 4) continue
    assert.deepEqual(opened.slice(0, 3).map(({ destroyed }) => destroyed), [true, true, true])
    break
  }
  for (const each of opened) await closed(each)
})
