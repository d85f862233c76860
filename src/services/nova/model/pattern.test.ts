// Filters by regular expression: they find what the engine's own would find, and no expression takes for ever.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { matchInTurns, Pattern, readPattern } from './pattern.ts'

const atom = fc.constantFrom('a', 'b', 'é', '.', '\\d', '\\W', '[ab]', '[^a]', '[a-c1]', '[\\w-]', '\\.', '\\b', '\\x61', '\\p{L}')
const expressions = fc.letrec<{ one: string; many: string }>((tie) => ({
  one: fc.oneof({ depthSize: 'small' }, atom, atom, fc.tuple(fc.constantFrom('(', '(?:', '(?<n>'), tie('many')).map(([opening, inner]) => `${opening.replace('n', `n${inner.length}`)}${inner})`)),
  many: fc.array(fc.tuple(tie('one'), fc.constantFrom('', '', '', '*', '+', '?', '{2}', '{1,3}', '{2,}', '{0}', '*?')), { maxLength: 3 })
    .chain((parts) => fc.constantFrom('', '|', '|b').map((end) => parts.map(([one, count]) => (one === '\\b' ? one : one + count)).join('') + end)),
})).many

test('an expression finds in a text what the engine’s own finds', () => {
  let compared = 0
  fc.assert(fc.property(expressions, fc.constantFrom('', '^'), fc.constantFrom('', '$'), fc.array(fc.constantFrom('a', 'b', 'c', '1', '-', '.', 'é'), { maxLength: 8 }), (middle, start, end, characters) => {
    const [source, text] = [start + middle + end, characters.join('')]
    let engines: RegExp
    try {
      engines = new RegExp(source, 'u')
    } catch {
      return // two groups of one name
    }
    compared++
    assert.equal(new Pattern(source).test(text), engines.test(text), `${source} in ${text}`)
  }), { numRuns: 3000, seed: 7 })
  assert.ok(compared > 1500)
})

const finds = (pattern: string, text: string) => readPattern('name', pattern).test(text)

test('what databases know besides is known: sets by name, letters of either case, brackets that stand for themselves', () => {
  for (const [pattern, text] of [
    ['^[[:alpha:]_]+$', 'web_é'], ['^[[:digit:]]{2}[^[:space:]]$', '42x'], ['(?i)^WEB', 'web-1'], ['(?i)[a-c]', 'B'], ['[]x]', ']'], ['^web\\-1\\z', 'web-1'], ['a{,b', 'a{,b'], ['\\Aa\\tb\\Z', 'a\tb'],
    ['^(?P<kind>web|db)-[0-9]{1,3}$', 'db-12'], ['^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$', '01234567-89ab-cdef-0123-456789abcdef'], ['^.$', '😀'], ['(|a)', ''],
  ] as const) assert.ok(finds(pattern, text), `${pattern} in ${text}`)
  for (const [pattern, text] of [['^[[:upper:]]', 'web'], ['WEB', 'web'], ['^.$', 'ab'], ['^a.b$', 'a\nb']] as const) assert.ok(!finds(pattern, text), `${pattern} in ${text}`)
})

test('an expression is refused that cannot be read, that no step by step finds, or that asks for more steps than a name is worth', () => {
  for (const pattern of ['(', ')', 'a)', '[', '[a', '[b-a]', '[[:none:]]', '*a', 'a**', 'a{3,2}', '\\', '\\q', '\\p{None}', '(?=a)b', '(?<!a)b', '(?>a)', '(a)\\1', 'a++', 'a'.repeat(256)]) {
    assert.throws(() => readPattern('name', pattern), { message: /^Invalid input for query parameters name\. Value: / }, pattern)
  }
  for (const pattern of ['a{1000000000}', '((a{1000}){1000})', '((((){99}){99}){99}){99}', '(.{0,99}){0,99}', `(${'a?'.repeat(100)}){9}`]) {
    assert.throws(() => readPattern('name', pattern), { message: /too many steps/ }, pattern)
  }
})

// With backtracking each of these would go on for longer than anybody waits.
for (const pattern of [`^${'a?'.repeat(60)}${'a'.repeat(60)}[^a]`, '^(a+)+[^a]$', '^(a|a)*[^a]$', `${'.*'.repeat(90)}b`, `${'('.repeat(80)}a${'*)'.repeat(80)}[^a]`, '((a{0,9}){0,9})*[^a]', `(${'a|'.repeat(90)}a)*[^a]`]) {
  test(`a hostile expression comes to an end: ${pattern.slice(0, 24)}`, () => {
    const read = readPattern('name', pattern)
    const text = 'a'.repeat(255)
    assert.equal(read.test(text), false)
    assert.ok(read.costOf(text) < 100_000)
  })
}

test('while many names are matched others get their turn', async () => {
  let turns = 0
  const matches = matchInTurns(() => Promise.resolve(void turns++))
  const [costly, cheap] = [readPattern('name', '^(a{0,9}){9}b'), readPattern('name', '^web')]
  for (let count = 0; count < 100; count++) await matches(cheap, 'web-1')
  assert.equal(turns, 0)
  for (let count = 0; count < 100; count++) await matches(costly, 'a'.repeat(255))
  assert.ok(turns >= 100)
})
