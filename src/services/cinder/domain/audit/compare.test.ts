// Rows of volumes beside what a backend has.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AuditedVolume, compareBackend, type FoundOnBackend } from './compare.ts'

const row = (more: Partial<AuditedVolume> = {}): AuditedVolume => ({ id: 'v', status: 'available', connected: false, atWork: false, ...more })
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

test('what an operation works on is left to it', () => {
  const atWork = [row({ atWork: true, status: 'creating' })]
  assert.deepEqual(kinds(atWork, found({ volumes: [], unfinished: ['v'] }), ['v']), [])
  assert.deepEqual(kinds([row({ atWork: true, status: 'attaching' })], found({ served: ['v'] }), ['a']), [])
  assert.deepEqual(kinds([], found({ served: ['v'] }), ['v']), [])
})
