// From the API to the engine of the host: ports, filters, DHCP, routers, floating addresses.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { systemClock } from '#core/context'
import { openDatabase } from '#core/db'
import { type Logger, silentLog } from '#core/observe'
import type { OperationTables } from '#core/operations'
import { quickClock } from '../../../core/testing/quick-clock.ts'
import { neutronMigrations } from '../db/migrations/index.ts'
import { NetworkAbsent } from '../drivers/interface.ts'
import { external, must, network, port, startLab, subnet, until } from './lab.ts'

test('a port bound to a host gets its tap, its filter and its DHCP host there, and becomes active', async (t) => {
  const { admin, demo, engine } = await startLab(t)
  const blue = await network(demo)
  const block = await subnet(demo, blue.id)

  const made = await port(admin, blue.id, { project_id: demo.projectId, 'binding:host_id': 'host-1', device_id: 'vm-1' })
  assert.equal(made['binding:vif_type'], 'bridge')
  const active = await until(async () => {
    const { port: seen } = await must(demo, 'GET', `/ports/${made.id}`)
    return seen.status === 'ACTIVE' && seen
  }, 'the port')

  const [{ ip_address: address }] = active.fixed_ips
  const [group] = active.security_groups
  assert.deepEqual(engine.state.ports.get(made.id), {
    id: made.id, networkId: blue.id, macAddress: made.mac_address, mtu: 1450, adminStateUp: true, device: 'tap', fixedAddresses: [address],
    portSecurityEnabled: true, allowedAddressPairs: [], securityGroupIds: [group],
  })
  assert.equal(engine.state.networks.get(blue.id)?.segment.type, 'vxlan')
  assert.deepEqual(engine.state.securityGroups.get(group)?.rules.map((rule) => [rule.direction, rule.etherType, rule.remoteAddressSetId]).sort(), [
    ['egress', 'IPv4', null], ['egress', 'IPv6', null], ['ingress', 'IPv4', group], ['ingress', 'IPv6', group],
  ])
  assert.deepEqual(engine.state.addressSets.get(group)?.addresses, [address])
  const dhcp = await until(() => {
    const spec = engine.state.dhcp.get(blue.id)
    return spec?.hosts.some((host) => host.portId === made.id) && spec
  }, 'DHCP')
  assert.deepEqual(dhcp.subnets.map((each) => [each.id, each.cidr, each.gatewayAddress]), [[block.id, '10.1.0.0/24', '10.1.0.1']])
  await until(async () => (await must(demo, 'GET', `/ports?network_id=${blue.id}&device_owner=network:dhcp`)).ports[0]?.status === 'ACTIVE', 'the port of DHCP is shown as there')
  assert.deepEqual(dhcp.hosts.find((host) => host.portId === made.id)?.addresses, [{ subnetId: block.id, address }])
})

test('a deleted port is gone from the host, with its place in groups and DHCP', async (t) => {
  const { admin, demo, engine } = await startLab(t)
  const blue = await network(demo)
  await subnet(demo, blue.id)
  const [one, two] = [await port(admin, blue.id, { project_id: demo.projectId, 'binding:host_id': 'host-1' }), await port(admin, blue.id, { project_id: demo.projectId, 'binding:host_id': 'host-1' })]
  await until(() => engine.state.ports.has(one.id) && engine.state.ports.has(two.id))
  const group = one.security_groups[0]

  await must(demo, 'DELETE', `/ports/${one.id}`)

  await until(() => !engine.state.ports.has(one.id), 'the unplugging')
  await until(() => engine.state.addressSets.get(group)?.addresses.length === 1, 'the address set')
  await until(() => engine.state.dhcp.get(blue.id)?.hosts.every((host) => host.portId !== one.id), 'DHCP')
  assert.deepEqual(engine.state.addressSets.get(group)?.addresses, [two.fixed_ips[0].ip_address])
})

/** A port that is wired, in the default group. */
async function startWithPort(t: TestContext) {
  const lab = await startLab(t)
  const blue = await network(lab.demo)
  await subnet(lab.demo, blue.id)
  const made = await port(lab.admin, blue.id, { project_id: lab.demo.projectId, 'binding:host_id': 'host-1' })
  return { ...lab, group: String(made.security_groups[0]) }
}

test('a new rule reaches the running ports of its group', async (t) => {
  const { demo, engine, group } = await startWithPort(t)
  await until(() => engine.state.securityGroups.has(group))

  const { security_group_rule: rule } = await must(demo, 'POST', '/security-group-rules', {
    security_group_rule: { security_group_id: group, direction: 'ingress', protocol: 'tcp', port_range_min: 22, port_range_max: 22 },
  })

  const spec = await until(() => engine.state.securityGroups.get(group)?.rules.find((each) => each.id === rule.id), 'the rule')
  assert.deepEqual(spec, {
    id: rule.id, direction: 'ingress', etherType: 'IPv4', protocol: 'tcp', portRangeMin: 22, portRangeMax: 22, remoteIpPrefix: null, remoteAddressSetId: null,
  })
  await must(demo, 'DELETE', `/security-group-rules/${rule.id}`)
  await until(() => engine.state.securityGroups.get(group)?.rules.length === 4, 'the rule’s end')
})

test('a rule that let the members of another group in is gone from the running ports when that group is deleted', async (t) => {
  const { demo, engine, group } = await startWithPort(t)
  const { security_group: friends } = await must(demo, 'POST', '/security-groups', { security_group: { name: 'friends' } })
  await must(demo, 'POST', '/security-group-rules', { security_group_rule: { security_group_id: group, direction: 'ingress', ethertype: 'IPv4', remote_group_id: friends.id } })
  await until(() => engine.state.addressSets.has(friends.id) && engine.state.securityGroups.get(group)?.rules.length === 5, 'the rule')
  const before = (await must(demo, 'GET', `/security-groups/${group}`)).security_group.revision_number

  await must(demo, 'DELETE', `/security-groups/${friends.id}`)

  await until(() => engine.state.securityGroups.get(group)?.rules.length === 4, 'the rule’s end')
  await until(() => !engine.state.addressSets.has(friends.id), 'the end of the addresses')
  assert.equal((await must(demo, 'GET', `/security-groups/${group}`)).security_group.revision_number, before + 1)
})

test('a router with a gateway and a floating address is made whole on its host, and goes again', async (t) => {
  const { admin, demo, engine } = await startLab(t)
  const outside = await external(admin)
  const blue = await network(demo)
  const block = await subnet(demo, blue.id)
  const inside = await port(demo, blue.id)
  const { router } = await must(demo, 'POST', '/routers', { router: { name: 'r1', external_gateway_info: { network_id: outside.id } } })
  const joined = await must(demo, 'PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: block.id })
  const { floatingip } = await must(demo, 'POST', '/floatingips', { floatingip: { floating_network_id: outside.id, port_id: inside.id } })

  const spec = await until(() => {
    const found = engine.state.routers.get(router.id)
    return found?.floatingIps.length === 1 && found
  }, 'the router')
  assert.deepEqual(spec.interfaces.map((each) => [each.portId, each.networkId, each.addresses, each.mtu]), [[joined.port_id, blue.id, ['10.1.0.1/24'], 1450]])
  assert.deepEqual([spec.gateway?.nextHop, spec.gateway?.enableSnat, spec.gateway?.networkId, spec.gateway?.mtu], ['203.0.113.1', true, outside.id, 1500])
  assert.deepEqual(spec.floatingIps, [{ floatingAddress: floatingip.floating_ip_address, fixedAddress: inside.fixed_ips[0].ip_address }])
  await until(async () => (await must(demo, 'GET', `/floatingips/${floatingip.id}`)).floatingip.status === 'ACTIVE', 'the floating address')

  await must(demo, 'DELETE', `/floatingips/${floatingip.id}`)
  await must(demo, 'PUT', `/routers/${router.id}/remove_router_interface`, { subnet_id: block.id })
  await must(demo, 'DELETE', `/routers/${router.id}`)
  await must(demo, 'DELETE', `/ports/${inside.id}`)
  await must(demo, 'DELETE', `/networks/${blue.id}`)
  await until(() => engine.state.routers.size === 0, 'the router’s end')
  await until(() => !engine.state.networks.has(blue.id) && engine.state.dhcp.size === 0, 'the network’s end')
})

/** Addresses that are asked for lie outside of it: DHCP takes any in it. */
const pool = { allocation_pools: [{ start: '10.1.0.100', end: '10.1.0.200' }] }

test('an address that a floating one leads to is not taken from its port', async (t) => {
  const { admin, demo, engine } = await startLab(t)
  const outside = await external(admin)
  const blue = await network(demo)
  const block = await subnet(demo, blue.id, '10.1.0.0/24', pool)
  const inside = await port(demo, blue.id)
  const { router } = await must(demo, 'POST', '/routers', { router: { name: 'r1', external_gateway_info: { network_id: outside.id } } })
  await must(demo, 'PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: block.id })
  const { floatingip } = await must(demo, 'POST', '/floatingips', { floatingip: { floating_network_id: outside.id, port_id: inside.id } })
  const [former] = inside.fixed_ips
  const translated = () => engine.state.routers.get(router.id)?.floatingIps.length
  await until(() => translated() === 1, 'the router')

  await must(demo, 'PUT', `/ports/${inside.id}`, { port: { fixed_ips: [former, { subnet_id: block.id, ip_address: '10.1.0.77' }] } })
  assert.equal((await must(demo, 'GET', `/floatingips/${floatingip.id}`)).floatingip.port_id, inside.id, 'the address is still the port’s')
  for (const without of [[{ subnet_id: block.id, ip_address: '10.1.0.77' }], [{ subnet_id: block.id }], []]) {
    const { status, body } = await demo.call('neutron', 'PUT', `/v2.0/ports/${inside.id}`, { port: { fixed_ips: without } })
    assert.deepEqual([status, body.NeutronError.type, body.NeutronError.message], [400, 'BadRequest', `Bad port request: Cannot update the fixed_ips of the port ${inside.id}, because its original fixed_ip has been associated to a floating ip.`])
  }
  assert.equal((await must(demo, 'GET', `/ports/${inside.id}`)).port.fixed_ips.length, 2)
  await must(demo, 'PUT', `/floatingips/${floatingip.id}`, { floatingip: { port_id: null } })
  await must(demo, 'PUT', `/ports/${inside.id}`, { port: { fixed_ips: [{ subnet_id: block.id, ip_address: '10.1.0.77' }] } })
  await until(() => translated() === 0, 'the router’s knowledge of that')
})

test('a router and a DHCP server have the addresses that their own ports were given since', async (t) => {
  const { admin, demo, engine } = await startLab(t)
  const blue = await network(demo)
  const block = await subnet(demo, blue.id, '10.1.0.0/24', pool)
  const { router } = await must(demo, 'POST', '/routers', { router: { name: 'r1' } })
  const joined = await must(demo, 'PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: block.id })
  const [served] = await until(async () => {
    const { ports } = await must(admin, 'GET', `/ports?network_id=${blue.id}&device_owner=network:dhcp`)
    return ports.length === 1 && ports
  }, 'the port of DHCP')
  const move = (id: string, address: string) => must(admin, 'PUT', `/ports/${id}`, { port: { fixed_ips: [{ subnet_id: block.id, ip_address: address }] } })
  await move(joined.port_id, '10.1.0.254')
  await until(() => engine.state.routers.get(router.id)?.interfaces[0]?.addresses[0] === '10.1.0.254/24', 'the new address of the router')
  await move(served.id, '10.1.0.253')
  await until(() => engine.state.dhcp.get(blue.id)?.subnets[0]?.portAddress === '10.1.0.253', 'the new address of DHCP')
})

test('a port that its host cannot take is down, and why is in the log in full and in its operation in words for its owner', async (t) => {
  const said: { message: string; text: string }[] = []
  const log: Logger = { ...silentLog, warn: (fields, message) => void said.push({ message: String(message), text: JSON.stringify(fields) + String((fields as { err?: Error }).err?.cause) }), child: () => log }
  const { cloud, admin, demo, engine } = await startLab(t, { capabilities: { log, clock: quickClock(50) } })
  const blue = await network(demo)
  const plug = engine.plugPort
  engine.plugPort = async () => {
    throw new NetworkAbsent('brq0815 is not in the fabric of host-1.')
  }
  const made = await port(admin, blue.id, { project_id: demo.projectId, 'binding:host_id': 'host-1' })
  const failed = await until(async () => {
    const { port: now } = await must(admin, 'GET', `/ports/${made.id}`)
    return now['binding:vif_type'] === 'binding_failed' && now
  }, 'the failure')
  assert.equal(failed.status, 'DOWN')

  const [operation] = await operationsOf(cloud.dataDirectory, made.id)
  assert.deepEqual([operation?.kind, operation?.status, JSON.parse(operation?.fault ?? '{}')], ['port.wire', 'failed', {
    step: 'wire', status: 500, code: 'neutron.port_binding_failed', message: "The network agent of the port's host could not plug it in.", cancelled: false,
    // For whoever runs the cloud; owners are shown the message alone.
    causes: ['NetworkAbsent: brq0815 is not in the fabric of host-1.'],
  }])
  const line = said.find(({ message }) => message.startsWith('a port could not be wired'))
  assert.match(line?.text ?? '', new RegExp(`"port":"${made.id}".*"host":"host-1".*"step":"wire"`))
  assert.ok(said.some(({ message, text }) => message === 'a step failed' && text.includes('brq0815')), 'the log names the cause')

  engine.plugPort = plug
  await must(admin, 'PUT', `/ports/${made.id}`, { port: { 'binding:host_id': '' } })
  await must(admin, 'PUT', `/ports/${made.id}`, { port: { 'binding:host_id': 'host-1' } })
  await until(async () => (await must(demo, 'GET', `/ports/${made.id}`)).port.status === 'ACTIVE', 'the second binding')
})

async function operationsOf(dataDirectory: string, resourceId: string): Promise<OperationTables['operations'][]> {
  const database = await openDatabase<OperationTables>({ name: 'neutron', file: join(dataDirectory, 'db', 'neutron.db'), migrations: neutronMigrations, clock: systemClock, log: silentLog })
  try {
    return await database.read.selectFrom('operations').selectAll().where('resource_id', '=', resourceId).orderBy('created_at').execute()
  } finally {
    await database.close()
  }
}

test('after a restart the host has what it should have, and nothing else', async (t) => {
  const { cloud, admin, demo } = await startLab(t)
  const blue = await network(demo)
  await subnet(demo, blue.id)
  const made = await port(admin, blue.id, { project_id: demo.projectId, 'binding:host_id': 'host-1' })
  await until(async () => (await must(demo, 'GET', `/ports/${made.id}`)).port.status === 'ACTIVE')

  const again = await cloud.restart()
  const { engineForTests } = await import('../host/agent.ts')
  const engine = await engineForTests({ bus: again.bus, host: 'host-1' })
  const there = await engine?.inventory({ signal: new AbortController().signal, epoch: 0, log: undefined as never })

  assert.ok(there?.ports.some((each) => made.id.startsWith(each.id)))
  assert.deepEqual(there?.dhcp.map((each) => each.networkId), [blue.id])
})

test('a floating address whose making was cut off by a restart becomes active', async (t) => {
  const { cloud, admin, demo } = await startLab(t)
  const outside = await external(admin)
  const blue = await network(demo)
  const block = await subnet(demo, blue.id)
  const inside = await port(demo, blue.id)
  const { router } = await must(demo, 'POST', '/routers', { router: { external_gateway_info: { network_id: outside.id } } })
  await must(demo, 'PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: block.id })
  const { floatingip } = await must(demo, 'POST', '/floatingips', { floatingip: { floating_network_id: outside.id, port_id: inside.id } })
  const later = await (await cloud.restart()).login('demo')
  await until(async () => (await must(later, 'GET', `/floatingips/${floatingip.id}`)).floatingip.status === 'ACTIVE', 'the floating address')
})

test('a gateway and an interface added in quick succession listen for metadata once, without an error', async (t) => {
  const errors: string[] = []
  const { admin, demo, engine } = await startLab(t, { capabilities: { log: noting(errors) } })
  const outside = await external(admin)
  const blue = await network(demo)
  const block = await subnet(demo, blue.id)
  for (let turn = 0; turn < 3; turn++) {
    const { router } = await must(demo, 'POST', '/routers', { router: { external_gateway_info: { network_id: outside.id } } })
    await must(demo, 'PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: block.id })
    await must(demo, 'PUT', `/routers/${router.id}`, { router: { name: 'again' } })
    await until(() => [...engine.state.metadata.keys()].some((owner) => owner.includes(router.id)), 'the listening')
    await must(demo, 'PUT', `/routers/${router.id}/remove_router_interface`, { subnet_id: block.id })
    await must(demo, 'DELETE', `/routers/${router.id}`)
    await until(() => ![...engine.state.metadata.keys()].some((owner) => owner.includes(router.id)), 'the end of the listening')
  }
  assert.deepEqual(errors, [])
})

test('the DHCP of a network comes back by itself when its server is killed', async (t) => {
  const quick = { ...systemClock, after: (milliseconds: number, run: () => void) => systemClock.after(milliseconds / 50, run) }
  const { demo, engine } = await startLab(t, { capabilities: { clock: quick } })
  const blue = await network(demo)
  await subnet(demo, blue.id)
  await until(() => engine.state.dhcp.has(blue.id), 'DHCP')
  engine.state.killedDhcp.add(blue.id)
  await until(() => !engine.state.killedDhcp.has(blue.id), 'the restart')
})

function noting(errors: string[]): Logger {
  const log: Logger = { ...silentLog, error: (fields, message) => void errors.push(`${message}: ${String((fields as { err?: Error }).err?.message)}`), child: () => log }
  return log
}

test('a network that is taken down has no DHCP until it is up again', async (t) => {
  const { admin, demo, engine } = await startLab(t)
  const blue = await network(demo)
  await subnet(demo, blue.id)
  const made = await port(admin, blue.id, { project_id: demo.projectId, 'binding:host_id': 'host-1' })
  const served = () => engine.state.dhcp.get(blue.id)?.hosts.some((host) => host.portId === made.id)
  const ownPorts = async () => (await must(demo, 'GET', `/ports?network_id=${blue.id}&device_owner=network:dhcp`)).ports.length
  await until(served, 'DHCP')
  await must(demo, 'PUT', `/networks/${blue.id}`, { network: { admin_state_up: false } })
  await until(() => !engine.state.dhcp.has(blue.id), 'the end of DHCP')
  assert.equal(await ownPorts(), 0)
  assert.ok(engine.state.ports.has(made.id))
  await must(demo, 'PUT', `/networks/${blue.id}`, { network: { admin_state_up: true } })
  await until(served, 'DHCP again')
  assert.equal(await ownPorts(), 1)
})
