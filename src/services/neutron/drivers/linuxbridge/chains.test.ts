// What is known of chains, through changes, looks and both at once.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { knownChains } from './chains.ts'

const put = (...rules: readonly string[]) => ['add chain inet nimbo a', 'flush chain inet nimbo a', ...rules.map((rule) => `add rule inet nimbo a ${rule}`)].join('\n')

function putInForce(chains: ReturnType<typeof knownChains>, ruleset: string): void {
  chains.change(ruleset)
  chains.note(ruleset)
}

test('a chain has as many rules as were put there, and keeps its words from look to look', () => {
  const chains = knownChains()
  putInForce(chains, put('accept', 'drop'))
  assert.equal(chains.look()('inet a', undefined, undefined), false, 'gone')
  assert.equal(chains.look()('inet a', 1, 'x'), false, 'shorter')
  assert.equal(chains.look()('inet a', 2, 'x'), true, 'the first look')
  assert.equal(chains.look()('inet a', 2, 'x'), true)
  assert.equal(chains.look()('inet a', 2, 'y'), false, 'somebody replaced a rule')
  putInForce(chains, put('accept', 'drop'))
  assert.equal(chains.look()('inet a', 2, 'z'), true, 'it was put there anew')
  assert.equal(chains.look()('inet a', 2, 'x'), false)
})

test('a look that met a change says nothing of its words', () => {
  const chains = knownChains()
  putInForce(chains, put('accept'))
  assert.equal(chains.look()('inet a', 1, 'old'), true)
  const early = chains.look()
  putInForce(chains, put('drop'))
  assert.equal(early('inet a', 1, 'old'), true, 'begun before it')
  assert.equal(chains.look()('inet a', 1, 'new'), true)
  assert.equal(chains.look()('inet a', 1, 'new'), true)

  chains.change(put('accept'))
  assert.equal(chains.look()('inet a', 1, 'new'), true, 'begun while it was under way')
  chains.note(put('accept'))
  assert.equal(chains.look()('inet a', 1, 'newest'), true)
  assert.equal(chains.look()('inet a', 1, 'newest'), true)
})

test('of chains of an earlier run the number of rules is not known, their words are from the first look on', () => {
  const chains = knownChains()
  assert.equal(chains.look()('inet a', 5, 'x'), true)
  assert.equal(chains.look()('inet a', 5, 'y'), false)
  putInForce(chains, 'add chain inet nimbo a\nflush chain inet nimbo a\ndelete chain inet nimbo a')
  assert.equal(chains.look()('inet a', 3, 'z'), true, 'removed, and made by somebody')
})
