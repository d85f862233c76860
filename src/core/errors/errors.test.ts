import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DiskFull, fromWireError, NotFound, toWireError, willPass } from './index.ts'

test('what failed for want of room says so wherever it comes to, and passes', () => {
  const bySystem = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  const byProgram = new Error("qemu-img ended with code 1: Could not write to '/x': No space left on device")
  for (const error of [bySystem, byProgram]) {
    assert.ok(willPass(error))
    const there = fromWireError(toWireError(error))
    assert.ok(there instanceof DiskFull && there.status === 503 && willPass(there))
    assert.match(there.cause instanceof Error ? there.cause.message : '', /no space left/i)
  }
  for (const error of [new Error('no place like home'), new NotFound('No space left on device.'), 'ENOSPC']) assert.equal(willPass(error), false)
})
