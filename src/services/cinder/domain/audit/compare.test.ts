// Rows of volumes beside what a backend has.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AuditedVolume, compareBackend, type FoundOnBackend } from './compare.ts'

const row = (more: Partial<AuditedVolume> = {}): AuditedVolume => ({ id: 'v', status: 'available', sizeGiB: 1, connected: false, atWork: false, ...more })
const found = (more: Partial<FoundOnBackend> = {}): FoundOnBackend => ({ volumes: [{ volumeId: 'v', sizeGiB: 1 }], served: [], unfinished: [], ...more })
const kinds = (rows: readonly AuditedVolume[], there: FoundOnBackend, atWork: readonly string[] = []) =>
  compareBackend('h@file', rows, there, new Set(atWork)).map(({ kind, resource }) => `${kind} ${resource}`)

test('rows and backend that agree', () => {
  assert.deepEqual(kinds([row()], found()), [])
  assert.deepEqual(kinds([row({ status: 'in-use', connected: true })], found({ served: ['v'] })), [])
  for (const status of ['error', 'error_deleting'] as const) assert.deepEqual(kinds([row({ status })], found({ volumes: [] })), [])
})

test('each way in which they may differ', () => {
  assert.deepEqual(kinds([], found()), ['volume.stray v'])
  assert.deepEqual(kinds([row()], found({ volumes: [] })), ['volume.lost v'])
  assert.deepEqual(kinds([row()], found({ served: ['v'] })), ['export.stray v'])
  assert.deepEqual(kinds([row({ status: 'in-use', connected: true })], found()), ['export.missing v'])
  assert.deepEqual(kinds([row({ status: 'in-use', connected: true })], found({ volumes: [] })), ['volume.lost v'])
  assert.deepEqual(kinds([row()], found({ unfinished: ['w'] })), ['volume.unfinished w'])
  assert.deepEqual(kinds([row({ status: 'extending' })], found()), ['volume.unowned v'])
})

test('a volume is as large on its backend as its row says', () => {
  const sized = (sizeGiB: number) => found({ volumes: [{ volumeId: 'v', sizeGiB }] })
  for (const status of ['available', 'reserved', 'in-use', 'maintenance'] as const) {
    assert.deepEqual(kinds([row({ status, sizeGiB: 2 })], sized(1.5)), ['volume.smaller v'], status)
    assert.deepEqual(kinds([row({ status })], sized(2)), ['volume.larger v'], status)
  }
  for (const status of ['error', 'error_extending', 'error_deleting'] as const) assert.deepEqual(kinds([row({ status })], sized(2)), [], status)
  assert.deepEqual(kinds([row({ status: 'extending' })], sized(2)), ['volume.unowned v'])
  assert.deepEqual(kinds([row({ atWork: true, sizeGiB: 2 })], sized(1)), [])
})

test('what an operation works on is left to it', () => {
  const atWork = [row({ atWork: true, status: 'creating' })]
  assert.deepEqual(kinds(atWork, found({ volumes: [], unfinished: ['v'] }), ['v']), [])
  assert.deepEqual(kinds([row({ atWork: true, status: 'attaching' })], found({ served: ['v'] }), ['a']), [])
  assert.deepEqual(kinds([], found({ served: ['v'] }), ['v']), [])
})
