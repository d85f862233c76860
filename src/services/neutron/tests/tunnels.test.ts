// What joins the hosts: each learns where the other ports of its networks are, those of routers too.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { type RequestContext, systemClock, systemIds, systemRandom } from '#core/context'
import { AppError } from '#core/errors'
import { silentLog } from '#core/observe'
import { rpcClient } from '#core/rpc'
import { agentReports, l2AgentRpc, metadataAgentRpc, pluginRpc } from '../contract/agent-rpc.ts'
import { must, network, port, startLab, subnet, until } from './lab.ts'

const ctx: RequestContext = {
  requestId: 'req-1', signal: new AbortController().signal, log: silentLog,
  identity: { userId: 'u', userName: 'u', userDomainId: 'default', userDomainName: 'Default', roles: ['service'] },
}
const capabilities = { clock: systemClock, random: systemRandom, ids: systemIds, log: silentLog }

/** A cloud with a second host, and a guest on it in a network of demo's. */
async function twoHosts(t: TestContext) {
  const lab = await startLab(t, { config: { neutron: { local_ip: '192.0.2.1' } } })
  const { cloud, admin, demo } = lab
  const plugin = rpcClient(cloud.bus, capabilities, pluginRpc).any()
  const changed: string[] = []
  const done = async () => ({})
  const other = cloud.bus.serve(l2AgentRpc, 'host-2', {
    wirePort: async (_ctx, { wiring }) => ({ up: (await plugin.portIsUp(ctx, { portId: (wiring['port'] as { id: string }).id, host: 'host-2' })).known }),
    networkChanged: async (_ctx, { networkId }) => {
      changed.push(networkId)
      return {}
    },
    unwirePort: done, groupsChanged: done, resync: done, examine: done, putRight: done,
  })
  t.after(() => other.close())
  await rpcClient(cloud.bus, capabilities, agentReports).everyone().report(ctx, {
    kind: 'l2', host: 'host-2', startedAt: new Date().toISOString(), configurations: { tunneling_ip: '192.0.2.2', tunnel_types: ['vxlan'] }, load: 0, stopping: false,
  })
  const blue = await network(demo)
  const block = await subnet(demo, blue.id, '10.1.0.0/24', { enable_dhcp: false })
  await until(async () => (await must(admin, 'GET', '/agents?host=host-2')).agents.length === 1, 'the agent')
  const guest = await port(admin, blue.id, { project_id: demo.projectId, 'binding:host_id': 'host-2', device_owner: 'compute:nova' })
  await until(async () => (await must(demo, 'GET', `/ports/${guest.id}`)).port.status === 'ACTIVE', 'the port')
  return { ...lab, plugin, changed, blue, block }
}

test('servers on another host reach a router that is connected after them, and no more once it is disconnected', async (t) => {
  const { admin, demo, plugin, changed, blue, block } = await twoHosts(t)
  const elsewhere = async () => ((await plugin.networkSpec(ctx, { networkId: blue.id, host: 'host-2' })).network?.['remotePorts'] as { macAddress: string; tunnelAddress: string }[])
  assert.deepEqual(await elsewhere(), [])

  changed.length = 0
  const { router } = await must(demo, 'POST', '/routers', { router: { name: 'r' } })
  const { port_id: inside } = await must(demo, 'PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: block.id })
  const { port: { mac_address: mac } } = await must(admin, 'GET', `/ports/${inside}`)
  await until(() => changed.includes(blue.id), 'the word of the connection')
  assert.deepEqual((await elsewhere()).map(({ macAddress, tunnelAddress }) => [macAddress, tunnelAddress]), [[mac, '192.0.2.1']])

  changed.length = 0
  await must(demo, 'PUT', `/routers/${router.id}/remove_router_interface`, { subnet_id: block.id })
  await until(() => changed.includes(blue.id), 'the word of the end')
  assert.deepEqual(await elsewhere(), [])
})

test('servers on another host reach a router whose host cannot serve its metadata', async (t) => {
  const { cloud, demo, changed, blue, block } = await twoHosts(t)
  const { send } = cloud.bus
  Object.assign(cloud.bus, {
    send: (...sent: Parameters<typeof send>) => {
      if (sent[0] === metadataAgentRpc.topic) throw new AppError(500, 'metadata.failed', 'It cannot be served.')
      return send.apply(cloud.bus, sent)
    },
  })
  const { router } = await must(demo, 'POST', '/routers', { router: { name: 'r' } })
  changed.length = 0
  await must(demo, 'PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: block.id })
  await until(() => changed.includes(blue.id), 'the word of the connection')
})
