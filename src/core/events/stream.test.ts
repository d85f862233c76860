// A reader that does not read.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, systemClock, type Timer } from '#core/context'
import { streamOf } from './stream.ts'

/** Timers that run when they are told to. */
function heldClock(): Clock & { readonly timers: Set<() => void> } {
  const timers = new Set<() => void>()
  return {
    ...systemClock, timers,
    after(_milliseconds, run): Timer {
      timers.add(run)
      return { cancel: () => void timers.delete(run) }
    },
  }
}

async function* chatter(signal: AbortSignal, made: { count: number }) {
  while (!signal.aborted) {
    made.count++
    yield { event: 'volume.state', data: 'x'.repeat(1000) }
  }
}

test('little is made ready for a reader that does not read, and after a while it is let go', async () => {
  const clock = heldClock()
  const made = { count: 0 }
  const ended = Promise.withResolvers<void>()
  const body = streamOf((signal) => chatter(signal, made), { clock, ended: ended.resolve })
  body.read(0)
  await systemClock.sleep(50)
  assert.ok(made.count > 10 && made.count < 100, `${made.count} events were made ready`)
  assert.equal(clock.timers.size, 1)
  for (const run of clock.timers) run()
  await ended.promise
  assert.equal(body.destroyed, true)
  const after = made.count
  await systemClock.sleep(20)
  assert.ok(made.count <= after + 1)
})

test('a reader that reads is left alone', async () => {
  const clock = heldClock()
  const made = { count: 0 }
  const body = streamOf((signal) => chatter(signal, made), { clock, ended: () => undefined })
  let bytes = 0
  for await (const chunk of body) {
    bytes += (chunk as Buffer).length
    if (bytes > 500_000) break
  }
  assert.ok(bytes > 500_000 && clock.timers.size <= 1)
})
