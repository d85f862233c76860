// Networks and routers that an administrator takes from an agent and gives to another.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { atRest, must, network, refused, startHost, startLab, subnet, until } from './lab.ts'

async function twoHosts(t: TestContext) {
  const lab = await startLab(t)
  const engines: Readonly<Record<string, typeof lab.engine>> = { 'host-1': lab.engine, 'host-2': await startHost(t, lab, 'host-2') }
  const { agents } = await must(lab.admin, 'GET', '/agents')
  const agent = (type: string, host: string): string => agents.find((each: any) => each.agent_type === type && each.host === host).id
  return { ...lab, engines, agent, other: (host: string) => (host === 'host-1' ? 'host-2' : 'host-1') }
}

test('a network is served by the agent that an administrator gave it to, at the addresses that it had', async (t) => {
  const { admin, demo, engines, agent, other } = await twoHosts(t)
  const blue = await network(demo)
  await subnet(demo, blue.id)
  await atRest(admin)
  const { agents: [first] } = await must(admin, 'GET', `/networks/${blue.id}/dhcp-agents`)
  const dhcpPort = async () => (await must(admin, 'GET', `/ports?network_id=${blue.id}&device_owner=network:dhcp`)).ports[0]
  const before = await dhcpPort()
  const second = agent('DHCP agent', other(first.host))
  const add = (id: string) => admin.call('neutron', 'POST', `/v2.0/agents/${id}/dhcp-networks`, { network_id: blue.id })
  const served = (host: string) => engines[host]?.state.dhcp.get(blue.id)

  for (const id of [first.id, second]) assert.equal((await add(id)).body.NeutronError.message, `The network ${blue.id} has been already hosted by the DHCP Agent ${first.id}.`)
  assert.deepEqual(await refused(admin, 'DELETE', `/agents/${second}/dhcp-networks/${blue.id}`), [409, 'NetworkNotHostedByDhcpAgent'])

  // As openstacksdk sends it.
  assert.equal((await admin.call('neutron', 'DELETE', `/v2.0/agents/${first.id}/dhcp-networks/${blue.id}`, { network_id: blue.id })).status, 204)
  await atRest(admin)
  assert.deepEqual(await must(admin, 'GET', `/networks/${blue.id}/dhcp-agents`), { agents: [] })
  assert.deepEqual([served('host-1'), served('host-2')], [undefined, undefined])
  assert.deepEqual([(await dhcpPort()).device_id, (await dhcpPort())['binding:host_id']], ['reserved_dhcp_port', ''])

  const given = await add(second)
  assert.deepEqual([given.status, given.body], [201, null])
  await atRest(admin)
  assert.deepEqual([served(first.host), served(other(first.host))?.subnets.map((each) => each.portAddress)], [undefined, [before.fixed_ips[0].ip_address]])
  assert.deepEqual((await must(admin, 'GET', `/agents/${second}/dhcp-networks`)).networks.map((each: any) => each.id), [blue.id])
  const after = await dhcpPort()
  assert.deepEqual([after.id, after.fixed_ips, after.device_id, after['binding:host_id'], after.status], [before.id, before.fixed_ips, before.device_id, other(first.host), 'ACTIVE'])

  await must(demo, 'DELETE', `/networks/${blue.id}`)
  await until(() => !Object.values(engines).some((each) => each.state.dhcp.has(blue.id) || each.state.networks.has(blue.id)), 'the end of the network')
})

test('a network that an administrator gives to an agent before it has a subnet stays with it, and is served there once it has one', async (t) => {
  const { admin, demo, engines, agent } = await twoHosts(t)
  const blue = await network(demo)
  await atRest(admin)
  const second = agent('DHCP agent', 'host-2')
  const given = async () => (await must(admin, 'GET', `/agents/${second}/dhcp-networks`)).networks.map((each: any) => each.id)
  const served = () => ['host-1', 'host-2'].map((host) => engines[host]?.state.dhcp.has(blue.id))
  await must(admin, 'POST', `/agents/${second}/dhcp-networks`, { network_id: blue.id })
  await atRest(admin)
  assert.deepEqual([await given(), served()], [[blue.id], [false, false]])
  await must(demo, 'PUT', `/networks/${blue.id}`, { network: { name: 'bluer' } })
  const { id } = await subnet(demo, blue.id)
  await atRest(admin)
  assert.deepEqual([await given(), served()], [[blue.id], [false, true]])
  await must(demo, 'DELETE', `/subnets/${id}`)
  await atRest(admin)
  assert.deepEqual([await given(), served()], [[blue.id], [false, false]])
  await must(admin, 'DELETE', `/agents/${second}/dhcp-networks/${blue.id}`)
  await atRest(admin)
  assert.deepEqual([await given(), served()], [[], [false, false]])
})

test('a network that is given to another agent before the first one has heard of it is served by one', async (t) => {
  const { admin, demo, engines, agent, other } = await twoHosts(t)
  const blue = await network(demo)
  await subnet(demo, blue.id)
  await atRest(admin)
  const { agents: [first] } = await must(admin, 'GET', `/networks/${blue.id}/dhcp-agents`)
  await must(admin, 'DELETE', `/agents/${first.id}/dhcp-networks/${blue.id}`)
  await must(admin, 'POST', `/agents/${agent('DHCP agent', other(first.host))}/dhcp-networks`, { network_id: blue.id })
  await atRest(admin)
  assert.deepEqual([engines[first.host]?.state.dhcp.has(blue.id), engines[other(first.host)]?.state.dhcp.has(blue.id)], [false, true])
})

test('a router is carried by the agent that an administrator gave it to, and by nobody in between', async (t) => {
  const { admin, demo, engines, agent, other } = await twoHosts(t)
  const blue = await network(demo)
  const block = await subnet(demo, blue.id, '10.1.0.0/24', { enable_dhcp: false })
  const { router } = await must(demo, 'POST', '/routers', { router: { name: 'r1' } })
  await must(demo, 'PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: block.id })
  await atRest(admin)
  const { agents: [first] } = await must(admin, 'GET', `/routers/${router.id}/l3-agents`)
  const second = agent('L3 agent', other(first.host))
  const add = (id: string) => admin.call('neutron', 'POST', `/v2.0/agents/${id}/l3-routers`, { router_id: router.id })
  const carried = (host: string) => engines[host]?.state.routers.has(router.id)

  assert.deepEqual([(await add(first.id)).status, carried(first.host)], [201, true])
  assert.equal((await add(second)).body.NeutronError.message, `The router ${router.id} has been already hosted by the L3 Agent ${first.id}.`)
  await must(admin, 'DELETE', `/agents/${second}/l3-routers/${router.id}`)
  await atRest(admin)
  assert.equal(carried(first.host), true, 'taken from an agent that does not carry it')

  await must(admin, 'DELETE', `/agents/${first.id}/l3-routers/${router.id}`)
  await atRest(admin)
  assert.deepEqual([carried('host-1'), carried('host-2')], [false, false])
  const given = await add(second)
  assert.deepEqual([given.status, given.body], [201, null])
  await atRest(admin)
  assert.deepEqual([carried(first.host), carried(other(first.host))], [false, true])
  assert.deepEqual((await must(admin, 'GET', `/agents/${second}/l3-routers`)).routers.map((each: any) => each.id), [router.id])
})

test('what is no agent for it, or out of service, or not for the caller, is given nothing', async (t) => {
  const { admin, demo } = await startLab(t)
  const blue = await network(demo)
  const { router } = await must(demo, 'POST', '/routers', { router: { name: 'r1' } })
  const { agents } = await must(admin, 'GET', '/agents')
  const [dhcp, l3] = ['DHCP agent', 'L3 agent'].map((type) => agents.find((each: any) => each.agent_type === type).id)
  const missing = '00000000-0000-4000-8000-000000000000'
  const cases: [string, object, [number, string]][] = [
    [`/agents/${l3}/dhcp-networks`, { network_id: blue.id }, [404, 'InvalidDHCPAgent']],
    [`/agents/${dhcp}/l3-routers`, { router_id: router.id }, [404, 'InvalidL3Agent']],
    [`/agents/${missing}/dhcp-networks`, { network_id: blue.id }, [404, 'AgentNotFound']],
    [`/agents/${missing}/l3-routers`, { router_id: router.id }, [404, 'AgentNotFound']],
    [`/agents/${dhcp}/dhcp-networks`, { network_id: missing }, [404, 'NetworkNotFound']],
    [`/agents/${l3}/l3-routers`, { router_id: missing }, [404, 'RouterNotFound']],
  ]
  for (const [path, body, fault] of cases) assert.deepEqual(await refused(admin, 'POST', path, body), fault)
  for (const [path, body] of cases) assert.deepEqual(await refused(demo, 'POST', path, body), [403, 'PolicyNotAuthorized'])
  assert.deepEqual(await refused(demo, 'DELETE', `/agents/${l3}/l3-routers/${router.id}`), [403, 'PolicyNotAuthorized'])
  await must(admin, 'PUT', `/agents/${dhcp}`, { agent: { admin_state_up: false } })
  assert.deepEqual(await refused(admin, 'POST', `/agents/${dhcp}/dhcp-networks`, { network_id: blue.id }), [404, 'InvalidDHCPAgent'])
})
