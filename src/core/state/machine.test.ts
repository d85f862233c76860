import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineMachine, mermaid, type EventOf, type StateOf } from './index.ts'

const doors = defineMachine({
  states: ['closed', 'in-use', 'broken'],
  initial: 'closed',
  stable: ['closed', 'broken'],
  events: {
    enter: { from: ['closed'], to: 'in-use' },
    leave: { from: ['in-use'], to: 'closed' },
    fail: { from: 'any', to: 'broken' },
  },
})

test('a machine answers what leads where', () => {
  const state: StateOf<typeof doors> = 'in-use'
  const event: EventOf<typeof doors> = 'leave'
  assert.deepEqual(doors.from(event), ['in-use'])
  assert.equal(doors.to(event), 'closed')
  assert.deepEqual(doors.from('fail'), ['closed', 'in-use', 'broken'])
  assert.deepEqual([doors.allows(state, 'enter'), doors.allows('closed', 'enter')], [false, true])
  assert.deepEqual([doors.isStable(state), doors.isStable('broken')], [false, true])
  assert.deepEqual([doors.isState('open'), doors.isState('broken')], [false, true])
})

test('an unknown state or event does not compile', () => {
  // @ts-expect-error no such event
  assert.deepEqual(doors.from('knock'), [])
  // @ts-expect-error no such state
  assert.equal(doors.isStable('ajar'), false)
  const wrong = () => defineMachine({
    states: ['a'],
    // @ts-expect-error no such state
    initial: 'b',
    // @ts-expect-error no such state
    stable: ['b'],
    // @ts-expect-error no such state
    events: { go: { from: ['b'], to: 'a' } },
  })
  assert.ok(wrong)
})

test('mistakes of the author are refused', () => {
  assert.throws(() => defineMachine({ states: ['a', 'a'], initial: 'a', stable: [], events: {} }), /named twice/)
  assert.throws(() => defineMachine({ states: ['a', 'b'], initial: 'a', stable: [], events: {} }), /No event leads to: b/)
  assert.throws(() => defineMachine({ states: ['a'], initial: 'a', stable: [], events: { go: { from: [], to: 'a' } } }), /in no state/)
})

test('a diagram names states that are not words', () => {
  assert.equal(mermaid(doors), `stateDiagram-v2
  state "in-use" as s1
  [*] --> closed
  closed --> s1: enter
  s1 --> closed: leave
  closed --> broken: fail
  s1 --> broken: fail
  broken --> broken: fail
  classDef stable font-weight:bold
  class closed,broken stable
`)
})
