// What keystone keeps in memory of tokens has a bound, and is void at the first change.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type KnownToken, Remembered } from './remembered.ts'

const known = {} as KnownToken

test('tokens beyond a bound push the oldest out', () => {
  const remembered = new Remembered()
  for (let number = 0; number <= 10_000; number++) remembered.keep(`token-${number}`, known, remembered.generation)
  assert.deepEqual(['token-0', 'token-1', 'token-10000'].map((id) => remembered.token(id) !== undefined), [false, true, true])
})

test('a verdict that was begun before a change is not kept', () => {
  const remembered = new Remembered()
  const { generation } = remembered
  remembered.keep('old', known, generation)
  remembered.forget()
  remembered.keep('late', known, generation)
  assert.deepEqual([remembered.token('old'), remembered.token('late')], [undefined, undefined])
})
