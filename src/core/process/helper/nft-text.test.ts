// The text of nft, counted.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countRules } from './nft-text.ts'

const text = `table bridge nimbo {
\tmap port_sources {
\t\ttype ifname : verdict
\t}

\tchain prerouting {
\t\ttype filter hook prerouting priority -300; policy accept;
\t\tmeta mark set 0x00000000
\t\tiifname vmap @port_sources
\t}
}
table inet nimbo {
\tset m4-a {
\t\ttype ipv4_addr
\t\tflags interval
\t}

\tchain to-port {
\t}

\tchain e-a {
\t\tiifname { "a", "b" } accept
\t}
}
`

test('rules are counted by chain, and sets are named', () => {
  assert.deepEqual(countRules(text), { chains: { 'bridge nimbo prerouting': 2, 'inet nimbo to-port': 0, 'inet nimbo e-a': 1 }, sets: ['inet nimbo m4-a'] })
  assert.deepEqual(countRules(''), { chains: {}, sets: [] })
  assert.throws(() => countRules(text.slice(0, -10)), /cut off/)
})
