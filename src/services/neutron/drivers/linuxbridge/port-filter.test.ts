// Who a port may be.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PortSpec } from '../interface.ts'
import { linkLocal } from './addresses.ts'
import { compilePort, compilePortRemoval } from './port-filter.ts'

const spec: PortSpec = {
  id: '21111111-1111-4111-8111-111111111111', networkId: '11111111-1111-4111-8111-111111111111', macAddress: 'FA:16:3E:00:00:01', mtu: 1450, adminStateUp: true,
  device: 'tap', fixedAddresses: ['10.0.0.5'], portSecurityEnabled: true, allowedAddressPairs: [], securityGroupIds: [],
}

test('a port speaks with its own MAC and addresses, and everything else ends in a drop', () => {
  const rules = compilePort(spec, 5).commands.split('\n').filter((line) => line.includes(' from-')).map((line) => line.replace(/^.*from-\S+ ?/, ''))
  assert.equal(rules.filter((rule) => rule.includes('10.0.0.5')).length, 2)
  assert.ok(rules.includes('ether saddr fa:16:3e:00:00:01 ether type ip ip saddr 10.0.0.5 meta mark set 0x00000005 accept'))
  assert.ok(rules.includes('ether saddr fa:16:3e:00:00:01 ether type arp arp saddr ether fa:16:3e:00:00:01 arp saddr ip 10.0.0.5 meta mark set 0x00000005 accept'))
  assert.equal(rules.at(-2), 'drop')
})

test('a bad address pair is left out and reported; the port keeps its own addresses', () => {
  const { commands, problems } = compilePort({ ...spec, allowedAddressPairs: [{ macAddress: 'x', ipAddress: '10.0.0.6' }, { macAddress: spec.macAddress, ipAddress: '1 accept' }, { macAddress: 'fa:16:3e:00:00:02', ipAddress: '10.0.1.0/24' }] }, 5)
  assert.equal(problems.length, 2)
  assert.ok(commands.includes('ether saddr fa:16:3e:00:00:02 ether type ip ip saddr 10.0.1.0/24'))
  assert.equal(commands.includes('1 accept'), false)
})

test('every chain that is deleted was added before, so that removal can be repeated', () => {
  const lines = compilePortRemoval(spec.id, 5).split('\n').filter(Boolean)
  for (const line of lines.filter((one) => one.startsWith('delete'))) assert.ok(lines.some((one) => one === line.replace('delete', 'add')))
})

test('a link-local address follows from the MAC address', () => {
  assert.equal(linkLocal('fa:16:3e:00:00:01'), 'fe80::f816:3eff:fe00:1')
})
