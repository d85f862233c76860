// What must not be possible: the cases of SECURITY-CASES.md that concern networks, and who may do what.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { type RequestContext, systemClock, systemIds, systemRandom } from '#core/context'
import { silentLog } from '#core/observe'
import { rpcClient } from '#core/rpc'
import type { Session } from '../../../app/testing/index.ts'
import { pluginRpc } from '../contract/agent-rpc.ts'
import { signedHeaders } from '../host/metadata-agent.ts'
import { external, must, network, port, refused, startLab, subnet, until } from './lab.ts'

const serviceContext: RequestContext = {
  requestId: 'req-1', signal: new AbortController().signal, log: silentLog,
  identity: { userId: 'u', userName: 'u', userDomainId: 'default', userDomainName: 'Default', roles: ['service'] },
}

test('a stranger finds nothing of another project, and readers change nothing', async (t) => {
  const { cloud, demo } = await startLab(t)
  const stranger = await cloud.login('stranger')
  const reader = await cloud.login('reader')
  const blue = await network(demo)
  const block = await subnet(demo, blue.id)
  const made = await port(demo, blue.id)
  const { router } = await must(demo, 'POST', '/routers', { router: { name: 'r' } })
  const group = made.security_groups[0]

  for (const [path, type] of [[`networks/${blue.id}`, 'NetworkNotFound'], [`subnets/${block.id}`, 'SubnetNotFound'], [`ports/${made.id}`, 'PortNotFound'], [`routers/${router.id}`, 'RouterNotFound'], [`security-groups/${group}`, 'SecurityGroupNotFound']]) {
    assert.deepEqual(await refused(stranger, 'GET', `/${path}`), [404, type])
    assert.deepEqual(await refused(stranger, 'DELETE', `/${path}`), [404, type])
    assert.deepEqual(await refused(stranger, 'PUT', `/${path?.split('/')[0]}/${path?.split('/')[1]}/tags/mine`), [404, type])
    assert.deepEqual(await refused(reader, 'DELETE', `/${path}`), [403, 'PolicyNotAuthorized'])
    assert.equal((await reader.call('neutron', 'GET', `/v2.0/${path}`)).status, 200)
  }
  for (const plural of ['networks', 'subnets', 'ports', 'routers']) assert.deepEqual((await must(stranger, 'GET', `/${plural}`))[plural], [])
  assert.deepEqual(await refused(reader, 'POST', '/networks', { network: {} }), [403, 'PolicyNotAuthorized'])
  assert.deepEqual((await demo.call('neutron', 'GET', '/v2.0/network-ip-availabilities')).body, { network_ip_availabilities: [] })
  assert.deepEqual(await refused(stranger, 'POST', '/ports', { port: { network_id: blue.id } }), [404, 'NetworkNotFound'])
  assert.deepEqual(await refused(stranger, 'POST', '/networks', { network: { project_id: demo.projectId } }), [400, 'HTTPBadRequest'])
  assert.deepEqual(await refused(stranger, 'POST', '/security-group-rules', { security_group_rule: { security_group_id: group, direction: 'ingress' } }), [404, 'SecurityGroupNotFound'])
})

test("nobody plugs a network of his own into another project's router", async (t) => {
  const { cloud, admin, demo } = await startLab(t)
  const stranger = await cloud.login('stranger')
  const { router } = await must(demo, 'POST', '/routers', { router: { name: 'r' } })
  const trap = await network(stranger)
  await subnet(stranger, trap.id, '10.66.0.0/24')
  const taken = [409, 'DeviceIDNotOwnedByTenant']
  for (const owner of ['network:router_interface', 'network:router_gateway', 'network:ha_router_replicated_interface']) {
    assert.deepEqual(await refused(stranger, 'POST', '/ports', { port: { network_id: trap.id, device_owner: owner, device_id: router.id } }), taken, owner)
    const named = await port(stranger, trap.id, { device_id: router.id })
    assert.deepEqual(await refused(stranger, 'PUT', `/ports/${named.id}`, { port: { device_owner: owner } }), taken, owner)
    const owned = await port(stranger, trap.id, { device_owner: owner })
    assert.deepEqual(await refused(stranger, 'PUT', `/ports/${owned.id}`, { port: { device_id: router.id } }), taken, owner)
  }
  const { router: own } = await must(stranger, 'POST', '/routers', { router: { name: 'own' } })
  await must(stranger, 'POST', '/ports', { port: { network_id: trap.id, device_owner: 'network:router_interface', device_id: own.id } })
  await must(admin, 'DELETE', `/routers/${router.id}`)
})

test('nobody makes his router the gateway of a network that is only shared with him, or that leads outside', async (t) => {
  const { admin, demo } = await startLab(t)
  const shared = await network(admin, { shared: true })
  const outside = await network(admin, { 'router:external': true })
  const { router } = await must(demo, 'POST', '/routers', { router: { name: 'r' } })
  for (const [id, cidr] of [[shared.id, '10.66.0.0/24'], [outside.id, '198.51.100.0/24']] as const) {
    const block = await subnet(admin, id, cidr)
    assert.deepEqual(await refused(demo, 'PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: block.id }), [403, 'PolicyNotAuthorized'], cidr)
  }
  const made = await port(demo, shared.id)
  await must(demo, 'PUT', `/routers/${router.id}/add_router_interface`, { port_id: made.id })
})

test('a reader makes no port on a shared network', async (t) => {
  const { cloud, admin } = await startLab(t)
  const shared = await network(admin, { shared: true })
  assert.deepEqual(await refused(await cloud.login('reader'), 'POST', '/ports', { port: { network_id: shared.id } }), [403, 'PolicyNotAuthorized'])
})

test('attributes of administrators are refused to members, and not reset by them', async (t) => {
  const { admin, demo } = await startLab(t)
  for (const [name, value] of [['shared', true], ['router:external', true], ['provider:network_type', 'local'], ['provider:segmentation_id', 7]] as const) {
    assert.deepEqual(await refused(demo, 'POST', '/networks', { network: { [name]: value } }), [403, 'PolicyNotAuthorized'], name)
  }
  const shared = await network(admin, { shared: true, project_id: demo.projectId })
  await must(demo, 'PUT', `/networks/${shared.id}`, { network: { name: 'renamed' } })
  assert.equal((await must(admin, 'GET', `/networks/${shared.id}`)).network.shared, true)
  assert.deepEqual(await refused(demo, 'PUT', `/networks/${shared.id}`, { network: { shared: false } }), [403, 'PolicyNotAuthorized'])

  const theirs = await network(admin, { shared: true })
  await subnet(admin, theirs.id, '10.5.0.0/24')
  assert.deepEqual(await refused(demo, 'PUT', `/networks/${theirs.id}`, { network: { name: 'mine' } }), [403, 'PolicyNotAuthorized'])
  await port(demo, theirs.id)
  for (const [name, value] of [['mac_address', 'fa:16:3e:00:00:01'], ['port_security_enabled', false], ['binding:host_id', 'host-1'], ['device_owner', 'network:dhcp'], ['fixed_ips', [{ ip_address: '10.5.0.9' }]], ['allowed_address_pairs', [{ ip_address: '10.5.0.1' }]]] as const) {
    assert.deepEqual(await refused(demo, 'POST', '/ports', { port: { network_id: theirs.id, [name]: value } }), [403, 'PolicyNotAuthorized'], name)
  }
  const outside = await external(admin)
  assert.deepEqual(await refused(demo, 'POST', '/ports', { port: { network_id: outside.id } }), [403, 'PolicyNotAuthorized'])
  assert.deepEqual((await must(demo, 'GET', `/subnets?network_id=${outside.id}`)).subnets, [])
})

test('no port of a member becomes a port of a network device that skips its filter, nor does a router take a stranger’s', async (t) => {
  const { cloud, admin, demo } = await startLab(t)
  const theirs = await network(admin, { shared: true })
  await subnet(admin, theirs.id, '10.5.0.0/24')
  const mine = await port(demo, theirs.id)
  assert.deepEqual(await refused(demo, 'PUT', `/ports/${mine.id}`, { port: { device_owner: 'network:router_interface' } }), [403, 'PolicyNotAuthorized'])
  // A router of the network's owner must not take a stranger's port either (CVE-2014-0056).
  const { router } = await must(demo, 'POST', '/routers', { router: {} })
  const stranger = await cloud.login('stranger')
  const foreign = await port(stranger, theirs.id)
  assert.deepEqual(await refused(demo, 'PUT', `/routers/${router.id}/add_router_interface`, { port_id: foreign.id }), [404, 'PortNotFound'])
})

/** A port of demo on a network of admin's that is shared with everybody: what has no filter there can pose as anybody. */
async function onShared(t: TestContext) {
  const lab = await startLab(t)
  const { admin, demo, engine } = lab
  const theirs = await network(admin, { shared: true })
  const block = await subnet(admin, theirs.id, '10.5.0.0/24')
  const { router } = await must(demo, 'POST', '/routers', { router: { name: 'r' } })
  const shown = async (id: string) => {
    const { port: now } = await must(demo, 'GET', `/ports/${id}`)
    return [now.port_security_enabled, now.security_groups.length]
  }
  /** As nova takes a port for a server. @returns whether its wire is filtered, and by how many groups */
  const boot = async (id: string) => {
    await must(admin, 'PUT', `/ports/${id}`, { port: { device_id: 'd9cbd0b5-5d37-4b6b-9bb0-3f1a2a2a6f01', device_owner: 'compute:nova', 'binding:host_id': 'host-1' } })
    const wired = await until(() => engine.state.ports.get(id), 'the wire')
    return [wired.portSecurityEnabled, wired.securityGroupIds.length]
  }
  return { ...lab, theirs, block, router, shown, boot }
}

test('a port that was a router’s and is a guest’s again is filtered as before', async (t) => {
  const { demo, theirs, router, shown, boot } = await onShared(t)
  const mine = await port(demo, theirs.id)
  assert.deepEqual(await refused(demo, 'PUT', `/ports/${mine.id}`, { port: { port_security_enabled: false } }), [403, 'PolicyNotAuthorized'])
  await must(demo, 'PUT', `/routers/${router.id}/add_router_interface`, { port_id: mine.id })
  assert.deepEqual(await shown(mine.id), [true, 1], 'as upstream shows it')
  await must(demo, 'PUT', `/ports/${mine.id}`, { port: { name: 'renamed' } })
  for (const change of [{ port_security_enabled: false }, { device_owner: '', port_security_enabled: false }, { allowed_address_pairs: [{ ip_address: '0.0.0.0/0' }] }]) {
    assert.deepEqual(await refused(demo, 'PUT', `/ports/${mine.id}`, { port: change }), [403, 'PolicyNotAuthorized'], JSON.stringify(change))
  }
  await must(demo, 'PUT', `/ports/${mine.id}`, { port: { device_id: '', device_owner: '' } })
  assert.deepEqual(await shown(mine.id), [true, 1])
  assert.deepEqual(await boot(mine.id), [true, 1])
})

test('a port that nova takes while it still says that it is a router’s is filtered', async (t) => {
  const { demo, theirs, router, boot } = await onShared(t)
  const mine = await port(demo, theirs.id)
  await must(demo, 'PUT', `/routers/${router.id}/add_router_interface`, { port_id: mine.id })
  await must(demo, 'PUT', `/ports/${mine.id}`, { port: { device_id: '' } })
  assert.deepEqual(await boot(mine.id), [true, 1])
})

test('a port that was made for a device of the network has no filter there, and one as soon as it can be a guest’s', async (t) => {
  const { admin, demo, theirs, block, router, shown, boot } = await onShared(t)
  const joined = (await must(admin, 'PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: block.id })).port_id
  const given = (await port(admin, theirs.id, { project_id: demo.projectId, device_owner: 'network:distributed' })).id
  const taken = (await port(admin, theirs.id, { project_id: demo.projectId, device_owner: 'network:distributed' })).id
  for (const id of [joined, given, taken]) assert.deepEqual(await shown(id), [false, 0])
  for (const id of [joined, given]) {
    await must(demo, 'PUT', `/ports/${id}`, { port: { device_id: '', device_owner: '' } })
    assert.deepEqual(await shown(id), [true, 1])
  }
  assert.deepEqual(await boot(taken), [true, 1], 'also where nobody cleared it before')
  assert.deepEqual(await boot(joined), [true, 1])
})

test('a port without a filter is one where the network’s owner wants it so', async (t) => {
  const { demo } = await startLab(t)
  const blue = await network(demo)
  const open = await network(demo, { port_security_enabled: false })
  for (const [networkId, change, security] of [[blue.id, {}, true], [blue.id, { port_security_enabled: false }, false], [open.id, {}, false]] as const) {
    const made = await port(demo, networkId, { device_owner: 'network:distributed' })
    const { port: changed } = await must(demo, 'PUT', `/ports/${made.id}`, { port: { device_owner: '', ...change } })
    assert.deepEqual([changed.port_security_enabled, changed.security_groups.length], [security, security ? 1 : 0])
  }
})

test('a port of DHCP or of a router gets no wire of a guest’s, whoever asks for one', async (t) => {
  const { admin, cloud, engine, demo } = await startLab(t)
  const blue = await network(demo)
  await subnet(demo, blue.id)
  const [served] = await until(async () => {
    const { ports } = await must(admin, 'GET', `/ports?network_id=${blue.id}&device_owner=network:dhcp`)
    return ports.length === 1 && ports
  }, 'the port of DHCP')
  const plugin = rpcClient(cloud.bus, { clock: systemClock, random: systemRandom, ids: systemIds, log: silentLog }, pluginRpc).any()
  const plugged: string[] = []
  const plug = engine.plugPort
  engine.plugPort = (call, spec) => {
    plugged.push(spec.id)
    return plug(call, spec)
  }
  assert.deepEqual(await plugin.wirePort(serviceContext, { portId: served.id, host: 'host-1' }), { up: false })
  assert.deepEqual(plugged, [], 'not for a moment')
})

test('a router’s port is not parted from it through the port while a floating address or a route needs it', async (t) => {
  const { admin, demo } = await startLab(t)
  const outside = await external(admin)
  const blue = await network(demo)
  const block = await subnet(demo, blue.id)
  const inside = await port(demo, blue.id)
  const { router } = await must(demo, 'POST', '/routers', { router: { name: 'r', external_gateway_info: { network_id: outside.id } } })
  const joined = (await must(demo, 'PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: block.id })).port_id
  const part = () => Promise.all([{ device_owner: '' }, { device_id: '' }, { device_id: 'vm', device_owner: 'compute:nova' }].map((change) => refused(demo, 'PUT', `/ports/${joined}`, { port: change })))
  const { floatingip } = await must(demo, 'POST', '/floatingips', { floatingip: { floating_network_id: outside.id, port_id: inside.id } })
  assert.deepEqual(await part(), Array.from({ length: 3 }, () => [409, 'RouterInterfaceInUseByFloatingIP']))
  await must(demo, 'PUT', `/ports/${joined}`, { port: { name: 'renamed', device_id: router.id, device_owner: 'network:router_interface' } })
  await must(demo, 'DELETE', `/floatingips/${floatingip.id}`)
  await must(demo, 'PUT', `/routers/${router.id}`, { router: { routes: [{ destination: '10.9.0.0/24', nexthop: '10.1.0.9' }] } })
  assert.deepEqual(await part(), Array.from({ length: 3 }, () => [409, 'RouterInterfaceInUseByRoute']))
  await must(demo, 'PUT', `/routers/${router.id}`, { router: { routes: [] } })
  await must(demo, 'PUT', `/ports/${joined}`, { port: { device_id: '', device_owner: '' } })
  await must(demo, 'DELETE', `/routers/${router.id}`)
})

test('the addresses of a port that goes with its router’s interface are not let in by its groups any more', async (t) => {
  const { admin, demo, engine } = await startLab(t)
  const blue = await network(demo)
  await subnet(demo, blue.id)
  const friend = await port(demo, blue.id)
  const address = friend.fixed_ips[0].ip_address
  const guest = await port(admin, blue.id, { project_id: demo.projectId, device_owner: 'compute:nova', 'binding:host_id': 'host-1' })
  const [group] = guest.security_groups
  await until(() => engine.state.addressSets.get(group)?.addresses.includes(address), 'the address')
  const { router } = await must(demo, 'POST', '/routers', { router: { name: 'r' } })
  await must(demo, 'PUT', `/routers/${router.id}/add_router_interface`, { port_id: friend.id })
  await must(demo, 'PUT', `/routers/${router.id}/remove_router_interface`, { port_id: friend.id })
  await until(() => !engine.state.addressSets.get(group)?.addresses.includes(address), 'the end of the address')
})

test('a member does not switch source translation on that an administrator switched off', async (t) => {
  const { admin, demo } = await startLab(t)
  const outside = await external(admin)
  const gateway = { network_id: outside.id }
  const { router } = await must(demo, 'POST', '/routers', { router: { name: 'r', external_gateway_info: gateway } })
  const set = async (session: Session, info: object | null) => (await must(session, 'PUT', `/routers/${router.id}`, { router: { external_gateway_info: info } })).router.external_gateway_info?.enable_snat
  assert.equal(router.external_gateway_info.enable_snat, true)
  assert.equal(await set(admin, { ...gateway, enable_snat: false }), false)
  assert.deepEqual(await refused(demo, 'PUT', `/routers/${router.id}`, { router: { external_gateway_info: { ...gateway, enable_snat: true } } }), [403, 'PolicyNotAuthorized'])
  assert.equal(await set(demo, gateway), false)
  assert.equal(await set(demo, null), undefined)
  assert.equal(await set(demo, gateway), false)
  assert.equal(await set(admin, gateway), true, 'who may choose gets the default, as upstream')
})

test('a member is given neither a floating address’s way to another project’s port nor another project’s security group', async (t) => {
  const { cloud, admin, demo } = await startLab(t)
  const stranger = await cloud.login('stranger')
  const outside = await external(admin)
  // Demo owns the network, and so sees the stranger's port on it.
  const blue = await network(admin, { shared: true, project_id: demo.projectId })
  const block = await subnet(demo, blue.id)
  const [foreign, own] = [await port(stranger, blue.id), await port(demo, blue.id)]
  const { router } = await must(demo, 'POST', '/routers', { router: { external_gateway_info: { network_id: outside.id } } })
  await must(demo, 'PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: block.id })
  assert.equal((await must(demo, 'GET', `/ports/${foreign.id}`)).port.id, foreign.id)
  const ofAnother = `Bad floatingip request: Cannot process floating IP association with Port ${foreign.id}, since that port is owned by a different project.`
  const { floatingip } = await must(demo, 'POST', '/floatingips', { floatingip: { floating_network_id: outside.id } })
  for (const [method, path, body] of [['POST', '/floatingips', { floating_network_id: outside.id, port_id: foreign.id }], ['PUT', `/floatingips/${floatingip.id}`, { port_id: foreign.id }]] as const) {
    const reply = await demo.call('neutron', method, `/v2.0${path}`, { floatingip: body })
    assert.deepEqual([reply.status, reply.body.NeutronError.message], [400, ofAnother])
  }
  await must(demo, 'PUT', `/floatingips/${floatingip.id}`, { floatingip: { port_id: own.id } })

  const [group] = foreign.security_groups
  const noGroup = `Security group ${group} does not exist`
  for (const [method, path, body] of [['POST', '/ports', { network_id: blue.id, security_groups: [group] }], ['PUT', `/ports/${own.id}`, { security_groups: [group, ...own.security_groups] }]] as const) {
    const reply = await demo.call('neutron', method, `/v2.0${path}`, { port: body })
    assert.deepEqual([reply.status, reply.body.NeutronError.message], [404, noGroup])
  }
  assert.deepEqual((await must(demo, 'GET', `/ports/${own.id}`)).port.security_groups, own.security_groups)
})

test('nobody finds out by filters, order or markers what is hidden', async (t) => {
  const { cloud, admin, demo } = await startLab(t)
  const blue = await network(demo)
  await subnet(demo, blue.id)
  const [bound, loose] = [await port(admin, blue.id, { project_id: demo.projectId, 'binding:host_id': 'host-1' }), await port(demo, blue.id)]
  const found = async (session: Session, path: string) => {
    const body = await must(session, 'GET', path)
    return Object.values<{ id: string }[]>(body)[0]?.map(({ id }) => id)
  }
  const { network: shown } = await must(admin, 'GET', `/networks/${blue.id}`)
  const questions: [string, string][] = [
    ['/ports?binding:host_id=host-1', bound.id], ['/ports?binding:vif_type=bridge&id=' + bound.id, bound.id],
    ...['network_type', 'segmentation_id'].map((name): [string, string] => [`/networks?provider:${name}=${shown[`provider:${name}`]}&id=${blue.id}`, blue.id]),
  ]
  for (const [path, id] of questions) {
    assert.deepEqual(await found(admin, path), [id], path)
    assert.deepEqual(await found(demo, path), [], path)
  }
  const inOrder = (direction: string) => found(demo, `/ports?id=${bound.id}&id=${loose.id}&sort_key=binding:host_id&sort_dir=${direction}`)
  assert.deepEqual(await inOrder('asc'), await inOrder('desc'))
  assert.equal((await found(admin, `/ports?sort_key=binding:host_id&sort_dir=desc&id=${bound.id}&id=${loose.id}`))?.[0], bound.id)

  const stranger = await cloud.login('stranger')
  await network(stranger)
  assert.equal((await stranger.call('neutron', 'GET', `/v2.0/networks?limit=1&marker=${blue.id}&sort_key=name&sort_dir=asc`)).status, 404)
  assert.equal((await admin.call('neutron', 'GET', `/v2.0/networks?limit=1&marker=${blue.id}`)).status, 200)
})

test('a token for no project shows no ports, though those of gateways are in no project either', async (t) => {
  const { cloud, admin, demo } = await startLab(t)
  const outside = await external(admin)
  await must(demo, 'POST', '/routers', { router: { external_gateway_info: { network_id: outside.id } } })
  assert.equal((await must(admin, 'GET', '/ports?device_owner=network:router_gateway')).ports.length, 1)
  const { headers } = await cloud.call('keystone', 'POST', '/v3/auth/tokens', {
    auth: { identity: { methods: ['password'], password: { user: { name: 'demo', domain: { id: 'default' }, password: 'demo-secret' } } }, scope: 'unscoped' },
  })
  const { status, body } = await cloud.call('neutron', 'GET', '/v2.0/ports', undefined, { 'x-auth-token': headers['x-subject-token'] ?? '' })
  assert.deepEqual([status, body], [200, { ports: [] }])
})

test('two that ask for one address at once: one gets it', async (t) => {
  const { demo } = await startLab(t)
  const blue = await network(demo)
  await subnet(demo, blue.id, '10.1.0.0/24', { enable_dhcp: false })
  const replies = await Promise.all(Array.from({ length: 6 }, () => demo.call('neutron', 'POST', '/v2.0/ports', { port: { network_id: blue.id, fixed_ips: [{ ip_address: '10.1.0.50' }] } })))
  assert.deepEqual(replies.map((reply) => reply.status).sort((a, b) => a - b), [201, 409, 409, 409, 409, 409])
})

test('a quota is not overshot by parallel requests', async (t) => {
  const { admin, demo } = await startLab(t)
  const blue = await network(demo)
  await subnet(demo, blue.id, '10.1.0.0/24', { enable_dhcp: false })
  await must(admin, 'PUT', `/quotas/${demo.projectId}`, { quota: { port: 3 } })
  const replies = await Promise.all(Array.from({ length: 8 }, () => demo.call('neutron', 'POST', '/v2.0/ports', { port: { network_id: blue.id } })))
  assert.deepEqual(replies.map((reply) => reply.status).sort((a, b) => a - b), [201, 201, 201, 409, 409, 409, 409, 409])
  assert.equal(replies.find((reply) => reply.status === 409)?.body.NeutronError.type, 'OverQuota')
  const { quota } = await must(admin, 'GET', `/quotas/${demo.projectId}/details.json`)
  assert.deepEqual(quota.port, { limit: 3, used: 3, reserved: 0 })
  assert.deepEqual(await refused(demo, 'PUT', `/quotas/${demo.projectId}`, { quota: { port: 100 } }), [403, 'PolicyNotAuthorized'])
  assert.deepEqual(await refused(admin, 'PUT', `/quotas/${demo.projectId}`, { quota: { port: -2 } }), [400, 'HTTPBadRequest'])
})

test('DHCP options cannot smuggle a second line into a server’s configuration', async (t) => {
  const { demo } = await startLab(t)
  const blue = await network(demo)
  await subnet(demo, blue.id)
  const attempt = (option: object) => refused(demo, 'POST', '/ports', { port: { network_id: blue.id, extra_dhcp_opts: [option] } })
  assert.deepEqual(await attempt({ opt_name: 'bootfile-name', opt_value: 'a\ndhcp-script=/bin/sh' }), [400, 'HTTPBadRequest'])
  assert.deepEqual(await attempt({ opt_name: 'bootfile-name\nserver', opt_value: 'a' }), [400, 'HTTPBadRequest'])
  assert.deepEqual(await attempt({ opt_name: 'bootfile-name', opt_value: 'a', ip_version: 5 }), [400, 'HTTPBadRequest'])
  const made = await port(demo, blue.id, { extra_dhcp_opts: [{ opt_name: 'bootfile-name', opt_value: 'pxelinux.0' }] })
  assert.deepEqual(made.extra_dhcp_opts, [{ opt_name: 'bootfile-name', opt_value: 'pxelinux.0', ip_version: 4 }])
})

test('allowed address pairs are addresses, few, and only on filtered ports', async (t) => {
  const { demo } = await startLab(t)
  const blue = await network(demo)
  await subnet(demo, blue.id)
  const attempt = (more: object) => refused(demo, 'POST', '/ports', { port: { network_id: blue.id, ...more } })
  assert.deepEqual(await attempt({ allowed_address_pairs: [{ ip_address: '10.0.0.1/33' }] }), [400, 'HTTPBadRequest'])
  assert.deepEqual(await attempt({ allowed_address_pairs: [{ ip_address: '10.0.0.1', mac_address: 'zz:zz' }] }), [400, 'HTTPBadRequest'])
  assert.deepEqual(await attempt({ allowed_address_pairs: Array.from({ length: 11 }, (_none, at) => ({ ip_address: `10.0.0.${at}` })) }), [400, 'AllowedAddressPairExhausted'])
  assert.deepEqual(await attempt({ allowed_address_pairs: [{ mac_address: 'fa:16:3e:00:00:01' }] }), [400, 'AllowedAddressPairsMissingIP'])
  assert.deepEqual(await attempt({ allowed_address_pairs: [{ ip_address: '10.0.0.1' }, { ip_address: '10.0.0.1' }] }), [400, 'DuplicateAddressPairInRequest'])
  assert.deepEqual(await attempt({ port_security_enabled: false, allowed_address_pairs: [{ ip_address: '10.0.0.1' }] }), [409, 'AddressPairAndPortSecurityRequired'])
  const open = await port(demo, blue.id, { port_security_enabled: false })
  assert.deepEqual(open.security_groups, [])
})

test('long names, many values and deep bodies are refused', async (t) => {
  const { demo } = await startLab(t)
  assert.equal((await demo.call('neutron', 'POST', '/v2.0/networks', { network: { name: 'n'.repeat(256) } })).status, 400)
  assert.equal((await demo.call('neutron', 'GET', `/v2.0/networks?${'id=a&'.repeat(501)}`)).status, 400)
  assert.equal((await demo.call('neutron', 'POST', '/v2.0/networks', { network: { name: 'a', __proto__x: 1 } })).status, 400)
})

test('metadata is signed over the server’s id with the shared secret', () => {
  const headers = signedHeaders('secret', 'vm-1', 'project-1', '10.0.0.5')
  assert.deepEqual(headers, {
    'x-forwarded-for': '10.0.0.5', 'x-instance-id': 'vm-1', 'x-tenant-id': 'project-1', 'x-instance-id-signature': createHmac('sha256', 'secret').update('vm-1').digest('hex'),
  })
})

test('a port moved to a host without an agent says that its binding failed', async (t) => {
  const { admin, demo, engine } = await startLab(t)
  const blue = await network(demo)
  await subnet(demo, blue.id)
  const made = await port(admin, blue.id, { project_id: demo.projectId, 'binding:host_id': 'nowhere' })
  assert.equal(made['binding:vif_type'], 'binding_failed')
  const moved = (await must(admin, 'PUT', `/ports/${made.id}`, { port: { 'binding:host_id': 'host-1' } })).port
  assert.equal(moved['binding:vif_type'], 'bridge')
  await until(() => engine.state.ports.has(made.id))
  await must(admin, 'PUT', `/ports/${made.id}`, { port: { 'binding:host_id': '' } })
  await until(() => !engine.state.ports.has(made.id), 'the unplugging')
})
