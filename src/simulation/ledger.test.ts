// What the people of a simulation may rely on.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ledger } from './ledger.ts'

test('who hears that something is gone, while another who asked for it to go has no answer yet, was not let down', () => {
  const ledger = new Ledger()
  const network = ledger.add('network', 'n', 'demo')
  const subnet = ledger.add('subnet', 's', 'demo', 'n')

  ledger.asks('s')
  assert.equal(ledger.othersAsked(subnet), false)
  ledger.asks('n')
  assert.equal(ledger.othersAsked(subnet), true)
  ledger.removed('n', 409)
  assert.equal(ledger.othersAsked(subnet), false)
  ledger.removed('s', 404)
  assert.equal(subnet.removal, 'perhaps')
  assert.equal(network.removal, 'none')
})

test('who hears late of a subnet that was made, when its network is gone already, was not let down', () => {
  const ledger = new Ledger()
  ledger.add('network', 'n', 'demo')
  ledger.asks('n')
  ledger.removed('n', 204)
  assert.equal(ledger.add('subnet', 's', 'demo', 'n').removal, 'perhaps')
})

test('a rule that names another group goes with either of the two', () => {
  for (const group of ['own', 'other']) {
    const ledger = new Ledger()
    for (const id of ['own', 'other']) ledger.add('security-group', id, 'demo')
    const rule = ledger.add('security-group-rule', 'r', 'demo', 'own', 'other')
    ledger.asks(group)
    ledger.removed(group, 204)
    assert.equal(rule.removal, 'acknowledged')
  }
})

test('what somebody was refused to remove may be gone all the same, when the request comes a second time', () => {
  const ledger = new Ledger()
  const volume = ledger.add('volume', 'v', 'demo')
  ledger.asks('v')
  ledger.removed('v', 400)
  assert.equal(volume.removal, 'none')
  ledger.asks('v')
  ledger.removed('v', 400, true)
  assert.equal(volume.removal, 'perhaps')
})
