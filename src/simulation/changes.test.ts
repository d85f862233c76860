// What people who change the same thing may rely on.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Changes } from './changes.ts'

const name = { noun: 'server', id: 's', of: 'name' } as const
const valuesOf = (changes: Changes) => changes.promised().map(({ values }) => [...values].sort())
const told = { status: 200, repeated: false }

test('of two who change a thing one after the other, the second one is right', () => {
  const changes = new Changes()
  changes.ask(name, 'a')(told)
  changes.ask(name, 'b')(told)
  assert.deepEqual(valuesOf(changes), [['b']])
})

test('of two who change a thing side by side, either may be the last', () => {
  const changes = new Changes()
  const [first, second] = [changes.ask(name, 'a'), changes.ask(name, 'b')]
  first(told)
  second(told)
  assert.deepEqual(valuesOf(changes), [['a', 'b']])
})

test('who was refused changed nothing, and who heard nothing, or whose request comes twice, may change it at any time', () => {
  const changes = new Changes()
  changes.ask(name, 'unheard')({ status: 0, repeated: false })
  assert.deepEqual(valuesOf(changes), [])
  changes.ask(name, 'twice')({ status: 200, repeated: true })
  changes.ask(name, 'told')(told)
  changes.ask(name, 'refused')({ status: 409, repeated: false })
  assert.deepEqual(valuesOf(changes), [['told', 'twice', 'unheard']])
})
