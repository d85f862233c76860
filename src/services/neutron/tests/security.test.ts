// What must not be possible: the cases of SECURITY-CASES.md that concern networks, and who may do what.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createHmac } from 'node:crypto'
import { signedHeaders } from '../host/metadata-agent.ts'
import { external, must, network, port, refused, startLab, subnet, until } from './lab.ts'

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

test('a port of the network’s owner cannot become a port of a network device that skips its filter', async (t) => {
  const { cloud, admin, demo, engine } = await startLab(t)
  const theirs = await network(admin, { shared: true })
  await subnet(admin, theirs.id, '10.5.0.0/24')
  const mine = await port(demo, theirs.id)
  assert.deepEqual(await refused(demo, 'PUT', `/ports/${mine.id}`, { port: { device_owner: 'network:router_interface' } }), [403, 'PolicyNotAuthorized'])
  // A router of the network's owner must not take a stranger's port either (CVE-2014-0056).
  const { router } = await must(demo, 'POST', '/routers', { router: {} })
  const stranger = await cloud.login('stranger')
  const foreign = await port(stranger, theirs.id)
  assert.deepEqual(await refused(demo, 'PUT', `/routers/${router.id}/add_router_interface`, { port_id: foreign.id }), [404, 'PortNotFound'])
  void engine
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
