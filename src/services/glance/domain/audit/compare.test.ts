// Images beside the bits in their store.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StoredBits } from '../../model/store.ts'
import { type AuditedImages, compareStore } from './compare.ts'

const active = { id: 'i', status: 'active', size: 7, bits: 'b' }
const kinds = (of: Partial<AuditedImages>, stored: readonly Partial<StoredBits>[]) =>
  compareStore({ images: [], uploads: [], atWork: new Set(), ...of }, stored.map((each) => ({ bits: 'b', sizeBytes: 7, partial: false, ...each }))).map(({ kind, resource }) => `${kind} ${resource}`)

test('rows and store that agree', () => {
  assert.deepEqual(kinds({ images: [active] }, [{}]), [])
  assert.deepEqual(kinds({ images: [{ ...active, status: 'deactivated' }] }, [{}]), [])
})

test('each way in which they may differ', () => {
  assert.deepEqual(kinds({}, [{}]), ['image.stray b'])
  assert.deepEqual(kinds({}, [{ partial: true }]), ['image.unfinished b'])
  assert.deepEqual(kinds({ images: [active] }, []), ['image.lost i'])
  assert.deepEqual(kinds({ images: [active] }, [{ sizeBytes: 6 }]), ['image.damaged i'])
  assert.deepEqual(kinds({ images: [{ id: 'i', status: 'saving', size: null, bits: null }] }, []), ['image.unowned i'])
})

test('uploads and removals under way are left alone', () => {
  assert.deepEqual(kinds({ uploads: ['b'] }, [{ partial: true }]), [])
  assert.deepEqual(kinds({ uploads: ['b'], images: [{ id: 'i', status: 'saving', size: null, bits: null }], atWork: new Set(['i']) }, [{}]), [])
  assert.deepEqual(kinds({ atWork: new Set(['b']) }, [{}]), [])
})
