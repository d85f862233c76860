// Our builder of schemas writes what TypeBox's does, whose types it takes: else a schema would check something other than it is typed as.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Type as TypeBox } from 'typebox'
import { Type } from './type.ts'

function schemas(T: typeof Type) {
  const closed = { additionalProperties: false }
  const some = T.Object({ a: T.String(), b: T.Optional(T.Integer()) }, closed)
  return {
    array: T.Array(T.String({ maxLength: 3 }), { minItems: 1, maxItems: 2, uniqueItems: true }), boolean: T.Boolean({ description: 'x' }), integer: T.Integer({ minimum: 0, maximum: 3 }),
    literals: [T.Literal('a', { description: 'd' }), T.Literal(3), T.Literal(true)], never: T.Never(), null: T.Null(), number: T.Number({ minimum: 1 }),
    object: [some, T.Object({}), T.Object({}, closed), T.Object({ a: T.Optional(T.String()) }), T.Object({ a: T.String() }, { additionalProperties: true, minProperties: 1 })],
    optional: [T.Object({ a: T.Optional(T.Optional(T.String())) }), T.Object({ a: T.Optional(some) }), T.Optional(T.Object({ a: T.Optional(T.Array(T.Object({ z: T.String() }))) }))],
    partial: [T.Partial(some), T.Partial(some, closed)],
    record: [T.Record(T.String(), T.Integer()), T.Record(T.String({ pattern: '^a$' }), T.Integer(), { ...closed, maxProperties: 3 }), T.Record(T.String({ maxLength: 64 }), T.Unknown())],
    string: T.String({ minLength: 1, pattern: '^a', format: 'uuid' }), union: [T.Union([T.String(), T.Null()], { description: 'x' }), T.Union([T.String()]), T.Union([])],
    unknown: [T.Unknown(), T.Unknown({ description: 'k' })], unsafe: [T.Unsafe({ type: 'string', enum: ['a'] }), T.Unsafe(T.Partial(some))],
  }
}

const asWritten = (value: object): unknown => JSON.parse(JSON.stringify(value))

test('every schema of the builder is written as TypeBox writes it', () => {
  const [ours, theirs] = [asWritten(schemas(Type)), asWritten(schemas(TypeBox as unknown as typeof Type))]
  assert.deepEqual(ours, theirs)
})
