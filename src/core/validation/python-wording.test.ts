import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Closed, Nullable, Type } from '#core/spec'
import { checkBody, pythonWording } from './index.ts'

const Thing = Closed({
  thing: Type.Object({
    name: Type.String({ minLength: 1, maxLength: 5, pattern: '[\\S]+' }), note: Type.Optional(Nullable(Type.String({ maxLength: 3 }))),
    kind: Type.Optional(Type.Union([Type.Literal('admin'), Type.Literal('internal')])), tags: Type.Optional(Type.Array(Type.String(), { maxItems: 2, uniqueItems: true })),
    options: Type.Optional(Closed({ locked: Type.Optional(Nullable(Type.Boolean())) })), size: Type.Optional(Type.Integer({ minimum: 1 })),
    password: Type.Optional(Type.String()), more: Type.Optional(Type.Union([Type.String(), Type.Object({ inner: Type.Optional(Type.Object({})) })])),
  }),
})
const Change = Type.Object({ thing: Type.Object({}, { minProperties: 1 }) })

// The words are those of jsonschema 4.26 for the same schemas and bodies.
test('what does not fit a schema is said as Python would', () => {
  const field = (name: string, value: string, problem: string) => `Invalid input for field/attribute ${name}. Value: ${value}. ${problem}`
  const cases: [unknown, string][] = [
    [{}, "'thing' is a required property"],
    [{ thing: {} }, field('thing', '{}', "'name' is a required property")],
    [{ thing: { name: 'a' }, x: 1 }, "Additional properties are not allowed ('x' was unexpected)"],
    [{ thing: [] }, field('thing', '[]', "[] is not of type 'object'")],
    [{ thing: { name: 1 } }, field('name', '1', "1 is not of type 'string'")],
    [{ thing: { name: '' } }, field('name', '', "'' should be non-empty")],
    [{ thing: { name: '  ' } }, field('name', '  ', "'  ' does not match '[\\\\S]+'")],
    [{ thing: { name: "it's long" } }, field('name', "it's long", '"it\'s long" is too long')],
    [{ thing: { name: { a: true, b: null, c: [1, 'd"\n'] } } }, field('name', `{'a': True, 'b': None, 'c': [1, 'd"\\n']}`, `{'a': True, 'b': None, 'c': [1, 'd"\\n']} is not of type 'string'`)],
    [{ thing: { name: 'a', note: 5 } }, field('note', '5', "5 is not of type 'string', 'null'")],
    [{ thing: { name: 'a', note: '1234' } }, field('note', '1234', "'1234' is too long")],
    [{ thing: { name: 'a', kind: 'x' } }, field('kind', 'x', "'x' is not one of ['admin', 'internal']")],
    [{ thing: { name: 'a', tags: ['a', 'a'] } }, field('tags', "['a', 'a']", "['a', 'a'] has non-unique elements")],
    [{ thing: { name: 'a', tags: ['a', 'b', 'c'] } }, field('tags', "['a', 'b', 'c']", "['a', 'b', 'c'] is too long")],
    [{ thing: { name: 'a', tags: [1] } }, field('0', '1', "1 is not of type 'string'")],
    [{ thing: { name: 'a', options: { locked: 'x' } } }, field('locked', 'x', "'x' is not of type 'boolean', 'null'")],
    [{ thing: { name: 'a', size: 0 } }, field('size', '0', '0 is less than the minimum of 1')],
    [{ thing: { name: 'a', more: { inner: 5 } } }, field('inner', '5', "5 is not of type 'object'")],
  ]
  for (const [body, said] of cases) assert.equal(checkBody(Thing, body, pythonWording), said)
  assert.equal(checkBody(Change, { thing: {} }, pythonWording), field('thing', '{}', '{} should be non-empty'))
})

test('what may be a secret is not repeated, wherever it stands', () => {
  const said = (body: unknown) => checkBody(Thing, body, pythonWording)
  assert.equal(said({ thing: { password: 'hunter2' } }), "Invalid input for field/attribute thing. Value: {'password': '***'}. 'name' is a required property")
  assert.equal(said({ thing: { name: 'a', password: ['hunter2'] } }), "Invalid input for field/attribute password. Value: ***. '***' is not of type 'string'")
})
