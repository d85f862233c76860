import assert from 'node:assert/strict'
import { test } from 'node:test'
import { preferredType } from './accept.ts'

test('a client gets the form that it prefers, of equal ones the first, and none when it takes none', () => {
  const offers = ['text/html', 'application/json']
  const cases: [string, string | undefined][] = [
    ['*/*', 'text/html'], ['application/json', 'application/json'], ['Application/JSON; q=0.1', 'application/json'], ['text/plain', undefined], ['', undefined],
    ['text/html;q=0.5, application/*', 'application/json'], ['application/json;q=0.5, */*;q=0.4', 'application/json'], ['text/html;q=0, */*', 'application/json'],
    ['application/json, text/html', 'text/html'], ['text/html;level=1, application/json;q=0.2', 'application/json'], ['text/*, application/json;q=0.9', 'text/html'],
  ]
  for (const [accept, wanted] of cases) assert.equal(preferredType(accept, offers), wanted, accept)
})
