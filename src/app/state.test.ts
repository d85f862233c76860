// What a cloud says of itself, also where there is no room to write it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mountTinyDisk } from '../core/testing/tiny-disk.ts'
import { layout } from './layout.ts'
import { readState, type RunState, writeState } from './state.ts'

test('`up` learns from a cloud that starts on a full disk how far it is', { skip: process.getuid?.() !== 0 && 'needs root' }, async (t) => {
  const disk = await mountTinyDisk(t)
  const files = layout(disk.folder)
  const said = (phase: RunState['phase'], message: string): RunState => ({ pid: 1, startTime: '1', phase, message, startedAt: '2026-01-01T00:00:00.000Z' })
  writeState(files, said('starting', 'Starting keystone'))
  disk.fill()
  for (const state of [said('ready', ''), said('failed', 'The cloud’s disk is full, and so it cannot go on from here.')]) {
    writeState(files, state)
    assert.deepEqual(readState(files), state)
  }
})
