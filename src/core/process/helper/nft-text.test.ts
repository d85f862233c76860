// The text of nft, in short.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readRules, readValues } from './nft-text.ts'

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

\tset m4-b {
\t\ttype ipv4_addr
\t\tflags interval
\t\tauto-merge
\t\telements = { 10.0.0.1-10.0.0.3, 10.1.0.0/24,
\t\t\t     10.2.0.9 }
\t}

\tset m6-b {
\t\ttype ipv6_addr
\t\telements = { fd00::1 }
\t}

\tmap zones {
\t\ttype ifname : integer
\t\telements = { "brq1" : 1 }
\t}

\tchain to-port {
\t}

\tchain e-a {
\t\tiifname { "a", "b" } accept
\t}
}
`

test('rules are counted by chain, and sets are read', () => {
  const { words, ...rules } = readRules(text)
  assert.deepEqual(Object.keys(words), ['bridge nimbo prerouting', 'inet nimbo e-a'])
  assert.notEqual(readRules(text.replace('"a", "b"', '"a", "c"')).words['inet nimbo e-a'], words['inet nimbo e-a'])
  assert.deepEqual(rules, {
    chains: { 'bridge nimbo prerouting': 2, 'inet nimbo to-port': 0, 'inet nimbo e-a': 1 },
    sets: { 'inet nimbo m4-a': [], 'inet nimbo m4-b': ['10.0.0.1-10.0.0.3', '10.1.0.0/24', '10.2.0.9'], 'inet nimbo m6-b': ['fd00::1'] },
  })
  assert.deepEqual(readRules(''), { chains: {}, sets: {}, words: {} })
  assert.throws(() => readRules(text.slice(0, -10)), /cut off/)
})

test('what the rules of a table name is read in any order, pairs as they belong together', () => {
  const router = (pairs: string, set: string) => `table ip nimbo {
\tset inside {
\t\ttype ipv4_addr
\t\telements = { ${set} }
\t}
\tchain prerouting {
\t\ttype nat hook prerouting priority -100; policy accept;
\t\tdnat to ip daddr map { ${pairs} }
\t\tip daddr 203.0.113.7 tcp dport 8080 dnat to 10.0.0.6:80
\t}
\tchain forward {
\t\tiifname "qg-abc" ct original ip daddr . ct reply ip saddr != { 203.0.113.5 . 10.0.0.4 } drop
\t}
}
`
  const read = readValues(router('203.0.113.5 : 10.0.0.4, 203.0.113.6 : 10.0.0.5', '10.0.0.0/24'))
  assert.deepEqual(read, {
    chains: { 'ip nimbo prerouting': 2, 'ip nimbo forward': 1 }, sets: { 'ip nimbo inside': ['10.0.0.0/24'] },
    values: { 'ip nimbo prerouting': ['10.0.0.6:80', '203.0.113.5 : 10.0.0.4', '203.0.113.6 : 10.0.0.5', '203.0.113.7', '8080'], 'ip nimbo forward': ['"qg-abc"', '203.0.113.5 . 10.0.0.4'] },
  })
  assert.deepEqual(readValues(router('203.0.113.6 : 10.0.0.5, 203.0.113.5 : 10.0.0.4', '10.0.0.0/24')), read)
  assert.notDeepEqual(readValues(router('203.0.113.6 : 10.0.0.4, 203.0.113.5 : 10.0.0.5', '10.0.0.0/24')), read, 'addresses changed over')
})
