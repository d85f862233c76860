// What a host waits for whose former incarnation asked for a server's ports.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CallContext, type RequestContext, systemClock } from '#core/context'
import { silentLog } from '#core/observe'
import { VirtualInterfaceTimeout } from '../model/errors.ts'
import type { ServerDescription } from '../model/server.ts'
import { awaitPorts } from './build.ts'
import type { ComputeHost } from './host.ts'
import { PortWaits } from './port-waits.ts'

const signal = new AbortController().signal
const call: CallContext = { signal, epoch: 1, log: silentLog }
const ctx = { requestId: 'req-1', signal, log: silentLog } as RequestContext
const told = { serverId: 's', operation: { id: 'op', epoch: 1 } }
const server = { serverId: 's', requestedNetworks: [{}], ports: [{ portId: 'p' }], blockDevices: [] } as unknown as ServerDescription

/** A host that has just started, beside a neutron that says so of the port. */
function newHost(port: { status: string; 'binding:vif_type': string }) {
  const asked = Promise.withResolvers<void>()
  const portWaits = new PortWaits(systemClock)
  const transport = async () => {
    asked.resolve()
    return { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ ports: [{ id: 'p', fixed_ips: [], ...port }] }) }
  }
  const host = {
    portWaits, known: new Map(), conductor: { any: () => ({ describeServer: async () => server }) },
    runtime: { clock: systemClock, trace: { record() {} }, credentials: { service: async () => 'token' }, services: { neutron: { transport, origin: 'http://neutron', prefix: '/v2.0' } } },
  } as unknown as ComputeHost
  return { host, portWaits, asked: asked.promise }
}

test('a server whose host starts anew while its network is plugged in is started once it is, not before', async () => {
  const { host, portWaits, asked } = newHost({ status: 'BUILD', 'binding:vif_type': 'bridge' })
  let over = false
  const waiting = awaitPorts(host, ctx, call, told, 60).then(() => (over = true))
  await Promise.race([asked, waiting])
  await systemClock.sleep(50)
  assert.equal(over, false)
  portWaits.plugged('s', 'p', true)
  await waiting
})

test('what neutron said while the host was down is asked for', async () => {
  await awaitPorts(newHost({ status: 'ACTIVE', 'binding:vif_type': 'bridge' }).host, ctx, call, told, 60)
  await assert.rejects(awaitPorts(newHost({ status: 'DOWN', 'binding:vif_type': 'binding_failed' }).host, ctx, call, told, 60), VirtualInterfaceTimeout)
})
