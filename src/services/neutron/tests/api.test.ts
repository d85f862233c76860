// The API as its clients use it: lists, fields, pages, bulk, faults, revisions, tags, extensions, agents.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { extensions } from '../contract/extensions.ts'
import { external, must, network, port, refused, startLab, subnet } from './lab.ts'

test('a network looks as upstream shows it, to its owner and to an administrator', async (t) => {
  const { admin, demo } = await startLab(t)
  const made = await network(demo, { description: 'for tests' })
  const common = {
    id: made.id, name: 'blue', tenant_id: demo.projectId, project_id: demo.projectId, admin_state_up: true, mtu: 1450, status: 'ACTIVE', subnets: [], shared: false,
    'router:external': false, availability_zone_hints: [], availability_zones: [], ipv4_address_scope: null, ipv6_address_scope: null, port_security_enabled: true,
    description: 'for tests', tags: [], created_at: made.created_at, updated_at: made.updated_at, revision_number: 1,
  }
  assert.match(made.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  assert.deepEqual(made, common)
  const { network: seen } = await must(admin, 'GET', `/networks/${made.id}`)
  assert.deepEqual(seen, { ...common, 'provider:network_type': 'vxlan', 'provider:physical_network': null, 'provider:segmentation_id': seen['provider:segmentation_id'] })
})

test('lists take fields, repeated filters, sorting and pages in both directions', async (t) => {
  const { demo } = await startLab(t)
  for (const name of ['a', 'b', 'c', 'd']) await network(demo, { name })
  const names = async (query: string) => (await must(demo, 'GET', `/networks?${query}`)).networks.map((each: { name: string }) => each.name)

  assert.deepEqual(await must(demo, 'GET', '/networks?name=a&fields=name&fields=status'), { networks: [{ name: 'a', status: 'ACTIVE' }] })
  assert.deepEqual(await names('name=a&name=d&sort_key=name&sort_dir=asc'), ['a', 'd'])
  assert.deepEqual(await names('sort_key=name&sort_dir=desc'), ['d', 'c', 'b', 'a'])
  const first = await must(demo, 'GET', '/networks?sort_key=name&sort_dir=asc&limit=2')
  assert.deepEqual(first.networks.map((each: { name: string }) => each.name), ['a', 'b'])
  const next = first.networks_links.find((link: { rel: string }) => link.rel === 'next').href as string
  const second = await must(demo, 'GET', next.slice(next.indexOf('/networks')))
  assert.deepEqual(second.networks.map((each: { name: string }) => each.name), ['c', 'd'])
  const previous = second.networks_links.find((link: { rel: string }) => link.rel === 'previous').href as string
  assert.deepEqual((await must(demo, 'GET', previous.slice(previous.indexOf('/networks')))).networks.map((each: { name: string }) => each.name), ['a', 'b'])
  assert.deepEqual(await names(`marker=${first.networks[1].id}&sort_key=name&sort_dir=asc`), ['a', 'b', 'c', 'd'], 'a marker is for pages')
  const none = '00000000-0000-4000-8000-000000000000'
  assert.equal((await must(demo, 'GET', `/networks?marker=${none}&limit=0`)).networks.length, 4)
  assert.equal((await demo.call('neutron', 'GET', `/v2.0/networks?marker=${none}&limit=1`)).status, 404)
})

test('no HEAD is answered, and nothing is deleted by a request with a body', async (t) => {
  const { demo } = await startLab(t)
  const { id } = await network(demo)
  const head = await demo.call('neutron', 'HEAD', `/v2.0/networks/${id}`)
  assert.deepEqual([head.status, head.headers['allow'], (await demo.call('neutron', 'HEAD', '/v2.0/networks')).status], [405, 'DELETE, GET, PUT', 405])
  const refusal = await demo.call('neutron', 'DELETE', `/v2.0/networks/${id}`, {})
  assert.deepEqual([refusal.status, refusal.body.NeutronError.message], [400, 'Request body is not supported in DELETE.'])
  assert.equal((await demo.call('neutron', 'GET', `/v2.0/networks/${id}`)).status, 200)
  assert.equal((await demo.call('neutron', 'DELETE', `/v2.0/networks/${id}`)).status, 204)
})

test('several ports are made at once, or none', async (t) => {
  const { demo } = await startLab(t)
  const blue = await network(demo)
  await subnet(demo, blue.id, '10.1.0.0/24')
  const { ports } = await must(demo, 'POST', '/ports', { ports: [{ network_id: blue.id, name: 'one' }, { network_id: blue.id, name: 'two' }] })
  assert.deepEqual(ports.map((each: { name: string }) => each.name), ['one', 'two'])

  const reply = await refused(demo, 'POST', '/ports', { ports: [{ network_id: blue.id, name: 'three' }, { network_id: blue.id, fixed_ips: [{ ip_address: '192.0.2.1' }] }] })
  assert.deepEqual(reply, [400, 'InvalidIpForNetwork'])
  assert.deepEqual((await must(demo, 'GET', '/ports?name=three')).ports, [])
})

test('ports are found by address, subnet, group, device and a part of an address', async (t) => {
  const { demo } = await startLab(t)
  const blue = await network(demo)
  const block = await subnet(demo, blue.id, '10.1.0.0/24', { enable_dhcp: false })
  const made = await port(demo, blue.id, { fixed_ips: [{ ip_address: '10.1.0.77' }], device_id: 'vm-1' })
  await port(demo, blue.id, { fixed_ips: [{ ip_address: '10.1.0.5' }], security_groups: [] })
  for (const query of ['fixed_ips=ip_address%3D10.1.0.77', `fixed_ips=subnet_id%3D${block.id}&fixed_ips=ip_address_substr%3D.77`, 'device_id=vm-1', `security_groups=${made.security_groups[0]}`, `mac_address=${made.mac_address}`]) {
    assert.deepEqual((await must(demo, 'GET', `/ports?${query}`)).ports.map((each: { id: string }) => each.id), [made.id], query)
  }
})

test('what is in use is not deleted', async (t) => {
  const { admin, demo } = await startLab(t)
  const outside = await external(admin)
  const blue = await network(demo)
  const block = await subnet(demo, blue.id)
  const inside = await port(demo, blue.id)
  const { router } = await must(demo, 'POST', '/routers', { router: { external_gateway_info: { network_id: outside.id } } })
  const joined = await must(demo, 'PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: block.id })
  const { floatingip } = await must(demo, 'POST', '/floatingips', { floatingip: { floating_network_id: outside.id, port_id: inside.id } })
  assert.equal(floatingip.router_id, router.id)

  assert.deepEqual(await refused(demo, 'DELETE', `/networks/${blue.id}`), [409, 'NetworkInUse'])
  assert.deepEqual(await refused(demo, 'DELETE', `/subnets/${block.id}`), [409, 'SubnetInUse'])
  assert.deepEqual(await refused(demo, 'DELETE', `/routers/${router.id}`), [409, 'RouterInUse'])
  assert.deepEqual(await refused(demo, 'DELETE', `/ports/${joined.port_id}`), [409, 'ServicePortInUse'])
  assert.deepEqual(await refused(demo, 'DELETE', `/security-groups/${inside.security_groups[0]}`), [409, 'SecurityGroupInUse'])
  assert.deepEqual(await refused(demo, 'PUT', `/routers/${router.id}/remove_router_interface`, { subnet_id: block.id }), [409, 'RouterInterfaceInUseByFloatingIP'])
  assert.deepEqual(await refused(demo, 'PUT', `/routers/${router.id}`, { router: { external_gateway_info: {} } }), [409, 'RouterExternalGatewayInUseByFloatingIp'])
  assert.deepEqual(await refused(demo, 'PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: block.id }), [400, 'BadRequest'])
  assert.deepEqual(await refused(admin, 'PUT', `/networks/${outside.id}`, { network: { 'router:external': false } }), [409, 'ExternalNetworkInUse'])

  await must(demo, 'DELETE', `/ports/${inside.id}`)
  const parted = (await must(demo, 'GET', `/floatingips/${floatingip.id}`)).floatingip
  assert.deepEqual([parted.port_id, parted.fixed_ip_address, parted.router_id, parted.status], [null, null, null, 'DOWN'])
  await must(demo, 'PUT', `/routers/${router.id}/remove_router_interface`, { subnet_id: block.id })
  await must(demo, 'DELETE', `/subnets/${block.id}`)
  await must(demo, 'DELETE', `/networks/${blue.id}`)
  assert.deepEqual(await refused(demo, 'GET', `/networks/${blue.id}`), [404, 'NetworkNotFound'])
})

test('a change for an older revision is refused', async (t) => {
  const { demo } = await startLab(t)
  const blue = await network(demo)
  const put = (revision: number, name: string) => demo.call('neutron', 'PUT', `/v2.0/networks/${blue.id}`, { network: { name } }, { 'if-match': `revision_number=${revision}` })
  const changed = await put(1, 'green')
  assert.deepEqual([changed.status, changed.body.network.revision_number], [200, 2])
  const stale = await put(1, 'red')
  assert.deepEqual([stale.status, stale.body.NeutronError.type], [412, 'RevisionNumberConstraintFailed'])
})

test('subnets are checked before they are taken', async (t) => {
  const { demo } = await startLab(t)
  const blue = await network(demo)
  const attempt = (more: object) => refused(demo, 'POST', '/subnets', { subnet: { network_id: blue.id, ip_version: 4, cidr: '10.1.0.0/24', ...more } })
  assert.deepEqual(await attempt({ cidr: '10.1.0.0/33' }), [400, 'InvalidInput'])
  assert.deepEqual(await attempt({ cidr: '10.01.0.0/24' }), [400, 'InvalidInput'])
  assert.deepEqual(await attempt({ ip_version: 6 }), [400, 'InvalidInput'])
  assert.deepEqual(await attempt({ gateway_ip: '10.1.0.255' }), [400, 'InvalidInput'])
  assert.deepEqual(await attempt({ allocation_pools: [{ start: '10.1.0.1', end: '10.1.0.9' }] }), [409, 'GatewayConflictWithAllocationPools'])
  assert.deepEqual(await attempt({ allocation_pools: [{ start: '10.1.0.9', end: '10.1.1.9' }] }), [400, 'OutOfBoundsAllocationPool'])
  assert.deepEqual(await attempt({ allocation_pools: [{ start: '10.1.0.9', end: '10.1.0.5' }] }), [400, 'InvalidAllocationPool'])
  assert.deepEqual(await attempt({ allocation_pools: [{ start: '10.1.0.5', end: '10.1.0.9' }, { start: '10.1.0.8', end: '10.1.0.12' }] }), [409, 'OverlappingAllocationPools'])
  assert.deepEqual(await attempt({ dns_nameservers: ['8.8.8.8\nserver=1.2.3.4'] }), [400, 'HTTPBadRequest'])
  assert.deepEqual(await attempt({ host_routes: [{ destination: '10.9.0.0/16', nexthop: 'fe80::1' }] }), [400, 'HTTPBadRequest'])
  assert.deepEqual(await attempt({ colour: 'blue' }), [400, 'HTTPBadRequest'])
  assert.deepEqual(await attempt({ dns_nameservers: Array.from({ length: 6 }, (_none, at) => `8.8.8.${at}`) }), [400, 'DNSNameServersExhausted'])
  assert.equal((await subnet(demo, blue.id, '10.1.0.0/24', { subnetpool_id: null })).subnetpool_id, null)
  assert.deepEqual(await attempt({ cidr: '10.1.0.128/25' }), [400, 'InvalidInput'])
})

test('an address that is asked for, and the last of a pool', async (t) => {
  const { demo } = await startLab(t)
  const blue = await network(demo)
  await subnet(demo, blue.id, '10.1.0.0/24', { enable_dhcp: false, allocation_pools: [{ start: '10.1.0.10', end: '10.1.0.11' }] })
  const chosen = [await port(demo, blue.id), await port(demo, blue.id)].map((each) => String(each.fixed_ips[0].ip_address)).sort((a, b) => a.localeCompare(b))
  assert.deepEqual(chosen, ['10.1.0.10', '10.1.0.11'])
  assert.deepEqual(await refused(demo, 'POST', '/ports', { port: { network_id: blue.id } }), [409, 'IpAddressGenerationFailure'])
  assert.equal((await port(demo, blue.id, { fixed_ips: [{ ip_address: '10.1.0.99' }] })).fixed_ips[0].ip_address, '10.1.0.99')
  assert.deepEqual(await refused(demo, 'POST', '/ports', { port: { network_id: blue.id, fixed_ips: [{ ip_address: '10.1.0.99' }] } }), [409, 'IpAddressAlreadyAllocated'])
  assert.deepEqual(await refused(demo, 'POST', '/ports', { port: { network_id: blue.id, fixed_ips: [{ ip_address: '10.2.0.99' }] } }), [400, 'InvalidIpForNetwork'])
})

test('security groups: the default one, its rules, and rules that cannot be', async (t) => {
  const { demo } = await startLab(t)
  const { security_groups: [group] } = await must(demo, 'GET', '/security-groups')
  assert.deepEqual(group.security_group_rules.map((rule: any) => [rule.direction, rule.ethertype, rule.protocol, rule.remote_group_id === group.id]).sort(), [
    ['egress', 'IPv4', null, false], ['egress', 'IPv6', null, false], ['ingress', 'IPv4', null, true], ['ingress', 'IPv6', null, true],
  ])
  const attempt = (rule: object) => refused(demo, 'POST', '/security-group-rules', { security_group_rule: { security_group_id: group.id, direction: 'ingress', ...rule } })
  assert.deepEqual(await attempt({ protocol: 'smoke' }), [400, 'SecurityGroupRuleInvalidProtocol'])
  assert.deepEqual(await attempt({ ethertype: 'IPv5' }), [400, 'SecurityGroupRuleInvalidEtherType'])
  assert.deepEqual(await attempt({ protocol: 'tcp', port_range_min: 80, port_range_max: 22 }), [400, 'SecurityGroupInvalidPortRange'])
  assert.deepEqual(await attempt({ protocol: 'tcp', port_range_min: 0, port_range_max: 70_000 }), [400, 'SecurityGroupInvalidPortValue'])
  assert.deepEqual(await attempt({ protocol: 'vrrp', port_range_min: 1, port_range_max: 2 }), [400, 'SecurityGroupInvalidProtocolForPort'])
  assert.deepEqual(await attempt({ port_range_min: 1, port_range_max: 2 }), [400, 'SecurityGroupProtocolRequiredWithPorts'])
  assert.deepEqual(await attempt({ protocol: 'icmp', port_range_max: 3 }), [400, 'SecurityGroupMissingIcmpType'])
  assert.deepEqual(await attempt({ protocol: 'icmp', port_range_min: 256 }), [400, 'SecurityGroupInvalidIcmpValue'])
  assert.deepEqual(await attempt({ remote_ip_prefix: 'bad_prefix' }), [400, 'InvalidCIDR'])
  assert.deepEqual(await attempt({ protocol: 'icmpv6' }), [400, 'SecurityGroupEthertypeConflictWithProtocol'])
  assert.deepEqual(await attempt({ protocol: 'tcp', port_range_min: 'x', port_range_max: 2 }), [400, 'SecurityGroupInvalidPortValue'])
  assert.deepEqual(await attempt({ remote_ip_prefix: '10.0.0.0/8', remote_group_id: group.id }), [400, 'SecurityGroupMultipleRemoteEntites'])
  assert.deepEqual(await attempt({ direction: 'INGRESS' }), [400, 'HTTPBadRequest'])
  assert.deepEqual(await attempt({ remote_ip_prefix: '2001:db8::/64' }), [400, 'SecurityGroupRuleParameterConflict'])
  assert.deepEqual(await attempt({ remote_group_id: '7d3e1d34-0000-4000-8000-000000000000' }), [404, 'SecurityGroupNotFound'])
  const ssh = { protocol: 'tcp', port_range_min: 22, port_range_max: 22 }
  await must(demo, 'POST', '/security-group-rules', { security_group_rule: { security_group_id: group.id, direction: 'ingress', ...ssh } })
  assert.deepEqual(await attempt(ssh), [409, 'SecurityGroupRuleExists'])
  assert.deepEqual(await refused(demo, 'POST', '/security-groups', { security_group: { name: 'default' } }), [409, 'SecurityGroupDefaultAlreadyExists'])
  assert.deepEqual(await refused(demo, 'PUT', `/security-groups/${group.id}`, { security_group: { name: 'mine' } }), [409, 'SecurityGroupCannotUpdateDefault'])
  assert.deepEqual(await refused(demo, 'DELETE', `/security-groups/${group.id}`), [409, 'SecurityGroupCannotRemoveDefault'])
  const { security_group: web } = await must(demo, 'POST', '/security-groups', { security_group: { name: 'web' } })
  assert.deepEqual(await refused(demo, 'PUT', `/security-groups/${web.id}`, { security_group: { name: 'default' } }), [409, 'SecurityGroupDefaultAlreadyExists'])
})

test('a rule with a port that is none is refused in the words that clients look for', async (t) => {
  const { demo } = await startLab(t)
  const { security_group: group } = await must(demo, 'POST', '/security-groups', { security_group: { name: 'web' } })
  const attempt = async (protocol: string, min: number | null, max: number | null) => {
    const reply = await demo.call('neutron', 'POST', '/v2.0/security-group-rules', { security_group_rule: { security_group_id: group.id, direction: 'ingress', protocol, port_range_min: min, port_range_max: max } })
    return `${reply.status} ${reply.body.NeutronError?.type}: ${reply.body.NeutronError?.message}`
  }
  const order = 'For TCP/UDP protocols, port_range_min must be <= port_range_max'
  assert.equal(await attempt('tcp', -16, 80), '400 SecurityGroupInvalidPortValue: Invalid value for port -16')
  assert.equal(await attempt('tcp', 80, 65_536), '400 SecurityGroupInvalidPortValue: Invalid value for port 65536')
  assert.equal(await attempt('tcp', 0, 80), '400 SecurityGroupInvalidPortValue: Invalid value for port 0')
  assert.equal(await attempt('udp', 80, 79), `400 SecurityGroupInvalidPortRange: ${order}`)
  assert.equal(await attempt('udp', null, 6), `400 SecurityGroupInvalidPortRange: ${order}`)
  assert.equal(await attempt('icmp', -1, 25), '400 SecurityGroupInvalidPortValue: Invalid value for port -1')
  assert.match(await attempt('icmp', 1, 256), /^400 SecurityGroupInvalidIcmpValue: Invalid value for ICMP code/)
})

test('an external network goes with the floating addresses that nobody uses, and not with those that are used', async (t) => {
  const { admin, demo } = await startLab(t)
  const outside = await external(admin)
  const blue = await network(demo)
  const block = await subnet(demo, blue.id)
  const inside = await port(demo, blue.id)
  const { router } = await must(demo, 'POST', '/routers', { router: { external_gateway_info: { network_id: outside.id } } })
  await must(demo, 'PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: block.id })
  const floating = async (more = {}) => (await must(demo, 'POST', '/floatingips', { floatingip: { floating_network_id: outside.id, ...more } })).floatingip
  const [loose, used] = [await floating(), await floating({ port_id: inside.id })]
  assert.deepEqual(await refused(admin, 'DELETE', `/networks/${outside.id}`), [409, 'NetworkInUse'])
  assert.deepEqual(new Set((await must(demo, 'GET', '/floatingips')).floatingips.map((each: any) => each.id)), new Set([loose.id, used.id]), 'a refused deletion takes nothing away')
  await must(demo, 'PUT', `/floatingips/${used.id}`, { floatingip: { port_id: null } })
  await must(demo, 'PUT', `/routers/${router.id}`, { router: { external_gateway_info: null } })
  await must(admin, 'DELETE', `/networks/${outside.id}`)
  assert.deepEqual([(await must(demo, 'GET', '/floatingips')).floatingips, (await must(admin, 'GET', `/ports?network_id=${outside.id}`)).ports], [[], []])
})

test('a subnet whose hosts make their own addresses can be deleted under their ports, and other subnets cannot', async (t) => {
  const { admin, demo } = await startLab(t)
  const blue = await network(demo)
  const slaac = await subnet(demo, blue.id, '2001:db8:1::/64', { ipv6_address_mode: 'slaac', ipv6_ra_mode: 'slaac' })
  const other = await subnet(demo, blue.id, '2001:db8:2::/64', { ipv6_address_mode: 'slaac', ipv6_ra_mode: 'slaac' })
  const plain = await subnet(demo, blue.id)
  const { id } = await port(admin, blue.id, { project_id: demo.projectId, 'binding:host_id': 'host-1' })
  const addresses = async () => (await must(demo, 'GET', `/ports/${id}`)).port.fixed_ips
  const before = await addresses()
  assert.deepEqual(new Set(before.map((each: any) => each.subnet_id)), new Set([slaac.id, other.id, plain.id]))
  assert.deepEqual(await refused(demo, 'DELETE', `/subnets/${plain.id}`), [409, 'SubnetInUse'])
  await must(demo, 'DELETE', `/subnets/${slaac.id}`)
  assert.deepEqual(await addresses(), before.filter((each: any) => each.subnet_id !== slaac.id))
  const { router } = await must(demo, 'POST', '/routers', { router: {} })
  await must(demo, 'PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: other.id })
  assert.deepEqual(await refused(demo, 'DELETE', `/subnets/${other.id}`), [409, 'SubnetInUse'])
  assert.deepEqual(await addresses(), before.filter((each: any) => each.subnet_id !== slaac.id), 'a refused deletion takes nothing away')
})

test('an internal create that is repeated with its key answers the first port again', async (t) => {
  const { cloud, admin, demo } = await startLab(t)
  const blue = await network(demo)
  await subnet(demo, blue.id)
  const login = await cloud.call('keystone', 'POST', '/v3/auth/tokens', {
    auth: { identity: { methods: ['password'], password: { user: { name: 'nova', domain: { id: 'default' }, password: `nova-${'s'.repeat(32)}` } } }, scope: { project: { name: 'service', domain: { id: 'default' } } } },
  })
  const token = String(login.headers['x-subject-token'])
  const create = () => cloud.call('neutron', 'POST', '/v2.0/ports',
    { port: { network_id: blue.id, project_id: demo.projectId, device_id: 'vm-9', 'binding:host_id': 'host-1' } },
    { 'x-auth-token': token, 'x-service-token': token, 'idempotency-key': 'operation-1/ports' })
  const [first, again] = [await create(), await create()]
  assert.deepEqual([first.status, again.status, first.body.port.id], [201, 201, again.body.port.id])
  assert.equal((await must(admin, 'GET', '/ports?device_id=vm-9')).ports.length, 1)
})

test('a network or router is made with hints at zones that agents live in, and with no others', async (t) => {
  const { admin, demo } = await startLab(t)
  for (const [path, noun] of [['/networks', 'network'], ['/routers', 'router']] as const) {
    const make = (...zones: string[]) => demo.call('neutron', 'POST', `/v2.0${path}`, { [noun]: { name: 'blue', availability_zone_hints: zones } })
    const strange = await make('nova', 'moon')
    assert.deepEqual([strange.status, strange.body.NeutronError], [404, { type: 'AvailabilityZoneNotFound', message: 'AvailabilityZone moon could not be found.', detail: '' }])
    assert.equal((await make('nova', 'nova')).status, 400)
    assert.deepEqual((await make('nova')).body[noun].availability_zone_hints, ['nova'])
  }
  const { agents } = await must(admin, 'GET', '/agents?agent_type=L3%20agent')
  await must(admin, 'DELETE', `/agents/${agents[0].id}`)
  assert.deepEqual(await refused(demo, 'POST', '/routers', { router: { availability_zone_hints: ['nova'] } }), [404, 'AvailabilityZoneNotFound'])
})

test('the filters that extensions bring: empty texts, security groups of ports, zones; and the providers of services', async (t) => {
  const { admin, demo } = await startLab(t)
  const blue = await network(demo)
  const [named, nameless] = [await port(demo, blue.id, { name: 'web', device_id: 'vm-1' }), await port(demo, blue.id)]
  const ids = async (query: string) => (await must(demo, 'GET', `/ports?sort_key=name&sort_dir=asc&${query}`)).ports.map((each: any) => each.id)
  for (const query of ['name=', 'device_id=', 'name=&device_id=']) assert.deepEqual(await ids(query), [nameless.id], query)
  assert.deepEqual((await must(admin, 'GET', `/ports?network_id=${blue.id}&binding:host_id=&name=`)).ports.map((each: { id: string }) => each.id), [nameless.id])
  assert.deepEqual(await ids('name=&name=web'), [nameless.id, named.id])
  const { security_group: other } = await must(demo, 'POST', '/security-groups', { security_group: { name: 'other' } })
  await must(demo, 'PUT', `/ports/${named.id}`, { port: { security_groups: [other.id] } })
  assert.deepEqual(await ids(`security_groups=${other.id}`), [named.id])
  assert.deepEqual(await ids(`security_groups=${other.id}&security_groups=${nameless.security_groups[0]}`), [nameless.id, named.id])
  assert.deepEqual(await ids('security_groups='), [])
  const zones = async (query: string) => (await must(demo, 'GET', `/availability_zones?${query}`)).availability_zones.map((each: any) => each.resource)
  assert.deepEqual([await zones('resource=router'), await zones('name=nova&state=available'), await zones('state=unavailable'), await zones('name=')], [['router'], ['network', 'router'], [], []])
  const router = { service_type: 'L3_ROUTER_NAT', name: 'single_node', default: false }
  assert.deepEqual(await must(demo, 'GET', '/service-providers'), { service_providers: [router] })
  assert.deepEqual(await must(demo, 'GET', '/service-providers?service_type=VPN'), { service_providers: [] })
})

test('extensions, versions, agents, zones, tags and address counts', async (t) => {
  const { cloud, admin, demo } = await startLab(t)
  assert.deepEqual((await must(demo, 'GET', '/extensions')).extensions.map((each: { alias: string }) => each.alias), extensions.map(({ alias }) => alias))
  assert.deepEqual(await refused(demo, 'GET', '/extensions/teleport'), [404, 'ExtensionNotFound'])
  const versions = await cloud.call('neutron', 'GET', '/')
  assert.deepEqual([versions.status, versions.body.versions[0].id, versions.body.versions[0].status], [200, 'v2.0', 'CURRENT'])
  const { agents } = await must(admin, 'GET', '/agents')
  assert.deepEqual(agents.map((agent: any) => [agent.agent_type, agent.host, agent.alive]).sort(), [
    ['DHCP agent', 'host-1', true], ['L3 agent', 'host-1', true], ['Linux bridge agent', 'host-1', true], ['Metadata agent', 'host-1', true],
  ])
  assert.deepEqual(await must(demo, 'GET', '/agents'), { agents: [] })
  assert.deepEqual(await refused(demo, 'GET', `/agents/${agents[0].id}`), [404, 'AgentNotFound'])
  assert.deepEqual((await must(demo, 'GET', '/availability_zones')).availability_zones.map((zone: any) => zone.resource), ['network', 'router'])

  const blue = await network(demo)
  await subnet(demo, blue.id, '10.1.0.0/24', { enable_dhcp: false })
  await port(demo, blue.id)
  assert.deepEqual(await must(demo, 'PUT', `/networks/${blue.id}/tags`, { tags: ['red', 'blue'] }), { tags: ['blue', 'red'] })
  assert.deepEqual((await must(demo, 'GET', '/networks?tags=red,blue')).networks[0].tags, ['blue', 'red'])
  assert.deepEqual((await must(demo, 'GET', '/networks?not-tags=red')).networks, [])
  const { network_ip_availability: counted } = await must(admin, 'GET', `/network-ip-availabilities/${blue.id}`)
  assert.deepEqual([counted.total_ips, counted.used_ips], [253, 1])
})
