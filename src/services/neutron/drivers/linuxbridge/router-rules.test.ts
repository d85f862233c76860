// Translation rules of routers.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RouterSpec } from '../interface.ts'
import { compileRouter } from './router-rules.ts'

const uuid = (digit: number) => `${digit}1111111-1111-4111-8111-111111111111`
const gateway = { portId: uuid(4), networkId: uuid(5), macAddress: 'fa:16:3e:00:00:02', mtu: 1500, addresses: ['203.0.113.9/24'], nextHop: '203.0.113.1', enableSnat: true }
const router: RouterSpec = {
  id: uuid(1), adminStateUp: true, routes: [], portForwardings: [], floatingIps: [],
  interfaces: [{ portId: uuid(2), networkId: uuid(3), macAddress: 'fa:16:3e:00:00:01', mtu: 1450, addresses: ['10.0.0.1/24'] }],
  gateway,
}

test('a router without a gateway translates nothing', () => {
  assert.match(compileRouter({ ...router, gateway: null }), /table ip nimbo \{ \}/)
})

test('inner addresses leave as the gateway address, and not at all when translation is off', () => {
  const rules = compileRouter(router)
  assert.match(rules, /oifname "qg-41111111-11" ip saddr != 203\.0\.113\.9 snat to 203\.0\.113\.9/)
  assert.match(rules, /iifname "qg-41111111-11" ct direction original ct status ! dnat drop/)
  const routed = compileRouter({ ...router, gateway: { ...gateway, enableSnat: false } })
  assert.equal(/oifname "qg-41111111-11" ip saddr !=/.test(routed), false)
  assert.equal(/status ! dnat drop/.test(routed), false)
})

test('what a flow was translated to must still be wished for', () => {
  const rules = compileRouter({ ...router, floatingIps: [{ floatingAddress: '203.0.113.20', fixedAddress: '10.0.0.5' }] })
  assert.match(rules, /ct status dnat ct original ip daddr \. ct reply ip saddr != \{ 203\.0\.113\.20 \. 10\.0\.0\.5 \} drop/)
  assert.match(rules, /ct original ip saddr \. ct reply ip daddr != \{ 10\.0\.0\.5 \. 203\.0\.113\.20 \} drop/)
  assert.match(compileRouter(router), /ct status dnat drop/)
})

test('an address that is none is refused before anything is done', () => {
  assert.throws(() => compileRouter({ ...router, floatingIps: [{ floatingAddress: '203.0.113.20 accept', fixedAddress: '10.0.0.5' }] }), /Not an IPv4 address/)
  assert.throws(() => compileRouter({ ...router, portForwardings: [{ protocol: 'tcp', floatingAddress: '203.0.113.20', externalPort: 0, fixedAddress: '10.0.0.5', internalPort: 80 }] }), /Not a port/)
})
