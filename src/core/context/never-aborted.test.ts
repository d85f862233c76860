// The signal of work that nobody calls off keeps nothing.
import assert from 'node:assert/strict'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { test } from 'node:test'
import { neverAborted } from './never-aborted.ts'
import { systemClock } from './clock.ts'

test('what waits for ever, and that nobody else knows any more, does not stay in memory because it could be called off', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const waiting = new WeakRef({ bytes: Buffer.alloc(1000) })
  const wait = (what: object | undefined) => void neverAborted.addEventListener('abort', () => what)
  wait(waiting.deref())
  for (let tries = 0; waiting.deref() !== undefined && tries < 100; tries++) {
    await systemClock.sleep(1, neverAborted)
    collect()
  }
  assert.equal(waiting.deref(), undefined)
  assert.equal(neverAborted.aborted, false)
})
