// What neutron refuses, in the words and under the types that its clients know from upstream.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Session } from '../../../app/testing/index.ts'
import { external, must, network, port, refused, startLab, subnet, until } from './lab.ts'

/** A refusal as one line: status, type and message. */
async function refusal(session: Session, method: string, path: string, body?: unknown): Promise<string> {
  const { status, body: answer } = await session.call('neutron', method, `/v2.0${path}`, body)
  return `${status} ${answer?.NeutronError?.type}: ${answer?.NeutronError?.message}`
}

test('a body that cannot be is refused in words that name the attribute', async (t) => {
  const { demo } = await startLab(t)
  const blue = await network(demo)
  const block = await subnet(demo, blue.id)
  const bad = (reason: string) => `400 HTTPBadRequest: ${reason}`
  const posts: [string, unknown, string][] = [
    ['/networks', { network: { name: 'a', colour: 'blue', size: 1 } }, bad("Unrecognized attribute(s) 'colour, size'")],
    ['/networks', { network: { status: 'ACTIVE' } }, bad("Attribute 'status' not allowed in POST")],
    ['/networks', { network: { name: 1 } }, bad("Invalid input for name. Reason: '1' is not a valid string.")],
    ['/networks', { network: { name: null } }, bad("Invalid input for name. Reason: 'None' is not a valid string.")],
    ['/networks', { network: { description: null } }, bad("Invalid input for description. Reason: 'None' is not a valid string.")],
    ['/security-groups', { security_group: { name: 'a', description: null } }, bad("Invalid input for description. Reason: 'None' is not a valid string.")],
    ['/networks', { network: { name: 'n'.repeat(256) } }, bad(`Invalid input for name. Reason: '${'n'.repeat(256)}' exceeds maximum length of 255.`)],
    ['/networks', { network: { admin_state_up: 'maybe' } }, "400 InvalidInput: Invalid input for operation: 'maybe' cannot be converted to boolean."],
    ['/networks', { network: { mtu: 'large' } }, "400 InvalidInput: Invalid input for operation: 'large' is not an integer."],
    ['/networks', { net: {} }, bad("Unable to find 'network' in request body")],
    ['/networks', {}, bad("Unable to find 'network' in request body")],
    ['/networks', undefined, bad("Unable to find 'network' in request body")],
    ['/networks', { network: 'blue' }, bad("Object 'network' contains invalid data")],
    ['/networks', { networks: [] }, bad('Resources required')],
    ['/networks', [], bad('Body contains invalid data')],
    ['/networks', { networks: [{ name: 'a' }, { network: { colour: 'blue' } }] }, bad("Unrecognized attribute(s) 'colour'")],
    ['/ports', { port: { name: 'p' } }, bad("Failed to parse request. Required attribute 'network_id' not specified")],
    ['/ports', { port: { network_id: 'nope' } }, bad("Invalid input for network_id. Reason: 'nope' is not a valid UUID.")],
    ['/ports', { port: { network_id: blue.id, security_groups: ['nope'] } }, bad("Invalid input for security_groups. Reason: 'nope' is not a valid UUID.")],
    ['/ports', { port: { network_id: blue.id, mac_address: null } }, bad("Invalid input for mac_address. Reason: 'None' is not a valid MAC address.")],
    ['/subnets', { subnet: { network_id: 'nope', ip_version: 4, cidr: '10.2.0.0/24' } }, bad("Invalid input for network_id. Reason: 'nope' is not a valid UUID.")],
    ['/subnets', { subnet: { network_id: blue.id, cidr: '10.2.0.0/24' } }, bad("Failed to parse request. Required attribute 'ip_version' not specified")],
    ['/subnets', { subnet: { network_id: blue.id, ip_version: 4, cidr: '10.2.0.0/33' } }, '400 InvalidInput: Invalid input for operation: 10.2.0.0/33 is not in a CIDR format.'],
    ['/subnets', { subnet: { network_id: blue.id, ip_version: 4 } }, '400 BadRequest: Bad subnets request: a subnetpool must be specified in the absence of a cidr.'],
    ['/subnets', { subnet: { network_id: blue.id, ip_version: 6, cidr: '2001:db8::/64', ipv6_ra_mode: null } }, bad('Invalid input for ipv6_ra_mode. Reason: None is not in valid_values.')],
    ['/subnets', { subnet: { network_id: blue.id, ip_version: 6, cidr: '2001:db8::/64', ipv6_address_mode: 'magic' } }, bad('Invalid input for ipv6_address_mode. Reason: magic is not in valid_values.')],
    ['/routers', { router: { external_gateway_info: { network_id: 'nope' } } }, bad("Invalid input for external_gateway_info. Reason: 'nope' is not a valid UUID.")],
    ['/floatingips', { floatingip: { floating_network_id: 'nope' } }, bad("Invalid input for floating_network_id. Reason: 'nope' is not a valid UUID.")],
    ['/floatingips', { floatingip: { floating_network_id: blue.id, port_id: 'nope' } }, bad("Invalid input for port_id. Reason: 'nope' is not a valid UUID.")],
  ]
  for (const [path, body, expected] of posts) assert.equal(await refusal(demo, 'POST', path, body), expected)
  const puts: [string, unknown, string][] = [
    [`/networks/${blue.id}`, { network: { status: 'DOWN' } }, bad('Cannot update read-only attribute status')],
    [`/subnets/${block.id}`, { subnet: { cidr: '10.3.0.0/24' } }, bad('Cannot update read-only attribute cidr')],
    [`/subnets/${block.id}`, { subnet: { network_id: blue.id } }, bad('Cannot update read-only attribute network_id')],
    [`/networks/${blue.id}`, {}, bad("Unable to find 'network' in request body")],
    [`/networks/${blue.id}`, { network: { description: null } }, bad("Invalid input for description. Reason: 'None' is not a valid string.")],
    [`/networks/${blue.id}`, { network: { colour: 1 } }, bad("Unrecognized attribute(s) 'colour'")],
    [`/networks/${blue.id}/tags`, { tags: ['a', 'b', 'a'] }, "400 InvalidInput: Invalid input for operation: Duplicate items in the list: 'a'."],
  ]
  for (const [path, body, expected] of puts) assert.equal(await refusal(demo, 'PUT', path, body), expected)
  assert.equal(await refusal(demo, 'GET', '/nonsense'), '404 HTTPNotFound: The resource could not be found.')
})

test('several things may be asked for in the wrapper of one', async (t) => {
  const { demo } = await startLab(t)
  const { networks } = await must(demo, 'POST', '/networks', { networks: [{ network: { name: 'a' } }, { name: 'b' }] })
  assert.deepEqual(networks.map((each: { name: string }) => each.name), ['a', 'b'])
})

test('a MAC address is not taken from a port', async (t) => {
  const { admin, demo } = await startLab(t)
  const blue = await network(demo)
  const made = await port(demo, blue.id)
  assert.equal(await refusal(admin, 'PUT', `/ports/${made.id}`, { port: { mac_address: null } }), "400 HTTPBadRequest: Invalid input for mac_address. Reason: 'None' is not a valid MAC address.")
})

test('lists refuse what they cannot filter, sort or page by', async (t) => {
  const { admin, demo } = await startLab(t)
  const cases: [string, string][] = [
    ['/networks?colour=blue&size=1', "HTTPBadRequest: ['colour', 'size'] is invalid attribute for filtering"],
    ['/networks?sort=name:asc', "HTTPBadRequest: ['sort'] is invalid attribute for filtering"],
    ['/networks?sort_key=nope&sort_dir=asc', "HTTPBadRequest: ['nope'] is invalid attribute for sort_keys"],
    ['/networks?sort_key=name&sort_dir=up', "HTTPBadRequest: ['up'] is invalid value for sort_dirs, valid value is 'asc' and 'desc'"],
    ['/networks?sort_key=name', 'HTTPBadRequest: The number of sort_keys and sort_dirs must be same'],
    ['/networks?sort_key=name&sort_key=id&sort_dir=asc', 'HTTPBadRequest: The number of sort_keys and sort_dirs must be same'],
    ['/networks?sort_dir=asc', 'HTTPBadRequest: The number of sort_keys and sort_dirs must be same'],
    ['/networks?limit=abc', "BadRequest: Bad limit request: Limit must be an integer 0 or greater and not 'abc'."],
    ['/networks?admin_state_up=maybe', "InvalidInput: Invalid input for operation: 'maybe' cannot be converted to boolean."],
    ['/subnets?ip_version=six', "InvalidInput: Invalid input for operation: 'six' is not an integer."],
    ['/ports?fixed_ips=10.1', "InvalidInput: Invalid input for operation: '10.1' is not of the form <key>=[value]."],
    ['/ports?ip_allocation=immediate', "HTTPBadRequest: ['ip_allocation'] is invalid attribute for filtering"],
    ['/security-group-rules?remote_ip_prefix=x', 'InvalidCIDR: Invalid CIDR x given as IP prefix.'],
    ['/agents?colour=blue', "HTTPBadRequest: ['colour'] is invalid attribute for filtering"],
    ['/agents?alive=maybe', "InvalidInput: Invalid input for operation: 'maybe' cannot be converted to boolean."],
  ]
  for (const [path, expected] of cases) assert.equal(await refusal(admin, 'GET', path), `400 ${expected}`, path)
  assert.deepEqual((await must(demo, 'GET', '/subnets?sort_key=subnetpool_id&sort_dir=asc')).subnets, [])
})

test('rules are found by any spelling of their protocol and kind, and flags by any spelling of yes', async (t) => {
  const { demo } = await startLab(t)
  const { security_group: group } = await must(demo, 'POST', '/security-groups', { security_group: { name: 'web' } })
  const { security_group_rule: rule } = await must(demo, 'POST', '/security-group-rules', { security_group_rule: { security_group_id: group.id, direction: 'ingress', protocol: 'tcp', remote_ip_prefix: '10.0.0.9' } })
  const ids = async (query: string) => (await must(demo, 'GET', `/security-group-rules?security_group_id=${group.id}&direction=ingress&${query}`)).security_group_rules.map((each: { id: string }) => each.id)
  for (const query of ['protocol=TCP', 'ethertype=ipv4', 'remote_ip_prefix=10.0.0.9', 'remote_ip_prefix=10.0.0.9/32']) assert.deepEqual(await ids(query), [rule.id], query)
  const blue = await network(demo)
  for (const [flag, found] of [['Yes', 1], ['1', 1], ['off', 0], ['F', 0]] as const) assert.equal((await must(demo, 'GET', `/networks?id=${blue.id}&admin_state_up=${flag}`)).networks.length, found, flag)
})

test('rules that mean the same are one rule', async (t) => {
  const { demo } = await startLab(t)
  const { security_group: group } = await must(demo, 'POST', '/security-groups', { security_group: { name: 'web' } })
  const rule = (more: object) => ({ security_group_id: group.id, direction: 'ingress', ...more })
  const attempt = (more: object) => refused(demo, 'POST', '/security-group-rules', { security_group_rule: rule(more) })
  const same: [object, object][] = [
    [{ protocol: 'tcp', port_range_min: 22, port_range_max: 22 }, { protocol: 6, port_range_min: '22', port_range_max: 22 }],
    [{ protocol: 'udp', remote_ip_prefix: '0.0.0.0/0' }, { protocol: 'udp' }],
    [{ ethertype: 'IPv6', protocol: 'sctp' }, { ethertype: 'IPv6', protocol: 'sctp', remote_ip_prefix: '::/0' }],
    [{ ethertype: 'IPv6', protocol: 'icmp' }, { ethertype: 'IPv6', protocol: 58 }],
  ]
  for (const [first, again] of same) {
    await must(demo, 'POST', '/security-group-rules', { security_group_rule: rule(first) })
    assert.deepEqual(await attempt(again), [409, 'SecurityGroupRuleExists'], JSON.stringify(again))
  }
  const twice = { security_group_rules: [rule({ protocol: 'tcp' }), rule({ protocol: 6 })] }
  assert.equal(await refusal(demo, 'POST', '/security-group-rules', twice), '409 DuplicateSecurityGroupRuleInPost: Duplicate Security Group Rule in POST.')
  await must(demo, 'POST', '/security-group-rules', { security_group_rule: rule({ protocol: 'tcp', remote_ip_prefix: '10.0.0.0/8' }) })
})

test('a fixed address without a port, and an address that has a floating one already, are refused by name', async (t) => {
  const { admin, demo } = await startLab(t)
  const outside = await external(admin)
  const blue = await network(demo)
  const block = await subnet(demo, blue.id)
  const inside = await port(demo, blue.id)
  const { router } = await must(demo, 'POST', '/routers', { router: { external_gateway_info: { network_id: outside.id } } })
  const { port_id: joined } = await must(demo, 'PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: block.id })
  const make = (more: object) => ({ floatingip: { floating_network_id: outside.id, ...more } })
  assert.equal(await refusal(demo, 'POST', '/floatingips', make({ fixed_ip_address: '10.1.0.9' })), '400 BadRequest: Bad floatingip request: fixed_ip_address cannot be specified without a port_id.')
  assert.deepEqual((await must(demo, 'GET', '/floatingips')).floatingips, [])
  await must(demo, 'POST', '/floatingips', make({ port_id: inside.id }))
  assert.match(await refusal(demo, 'POST', '/floatingips', make({ port_id: inside.id })), new RegExp(`^409 FloatingIPPortAlreadyAssociated: Cannot associate floating IP 203\\.0\\.113\\.\\d+ \\([0-9a-f-]{36}\\) with port ${inside.id} using fixed IP ${inside.fixed_ips[0].ip_address}, as that fixed IP already has a floating IP on external network ${outside.id}\\.$`))

  const other = await subnet(demo, blue.id, '10.9.0.0/24')
  const take = (wanted: object) => refusal(demo, 'PUT', `/routers/${router.id}/remove_router_interface`, wanted)
  assert.equal(await take({ port_id: joined, subnet_id: other.id }), `400 SubnetMismatchForPort: Subnet on port ${joined} does not match the requested subnet ${other.id}.`)
  assert.equal(await take({ port_id: 'nope' }), "400 BadRequest: Bad router request: 'nope' is not a valid UUID.")
  assert.equal(await take({}), '400 BadRequest: Bad router request: Either subnet_id or port_id must be specified.')
})

test('a segment that another network has is refused as in use', async (t) => {
  const { admin } = await startLab(t)
  const vxlan = { 'provider:network_type': 'vxlan', 'provider:segmentation_id': 77 }
  await network(admin, vxlan)
  assert.equal(await refusal(admin, 'POST', '/networks', { network: vxlan }), '409 TunnelIdInUse: Unable to create the network. The tunnel ID 77 is in use.')
})

test('quotas: whose they are, forced ones, and ones that are checked against what is used', async (t) => {
  const { admin, demo } = await startLab(t)
  assert.deepEqual(await must(demo, 'GET', '/quotas/tenant'), { tenant: { tenant_id: demo.projectId } })
  assert.deepEqual(await must(demo, 'GET', '/quotas/project'), { project: { project_id: demo.projectId } })
  const blue = await network(demo)
  await network(demo)
  const set = (quota: object) => admin.call('neutron', 'PUT', `/v2.0/quotas/${demo.projectId}`, { quota })
  assert.deepEqual((await set({ network: 3, force: true })).body.quota.network, 3)
  const below = await set({ network: 1, subnet: 5, check_limit: true })
  assert.deepEqual([below.status, below.body.NeutronError.message], [400, 'Quota limit 1 for network must be greater than or equal to already used 2'])
  assert.deepEqual((await must(admin, 'GET', `/quotas/${demo.projectId}`)).quota.network, 3, 'a refused change changes nothing')
  assert.equal((await set({ network: 2, subnet: -1, check_limit: true })).status, 200)
  assert.equal((await set({ network: 1 })).status, 200, 'what is not to be checked is not')
  assert.equal(await refusal(admin, 'PUT', `/quotas/${demo.projectId}`, { quota: { port: -2 } }), "400 HTTPBadRequest: Invalid input for port. Reason: '-2' is too small - must be at least '-1'.")
  assert.equal(await refusal(admin, 'PUT', `/quotas/${demo.projectId}`, { quota: { teapot: 1 } }), "400 HTTPBadRequest: Unrecognized attribute(s) 'teapot'")
  await must(demo, 'DELETE', `/networks/${blue.id}`)
})

test('If-Match is heeded where it names a revision, and only there', async (t) => {
  const { demo } = await startLab(t)
  const blue = await network(demo)
  const put = async (tag: string) => (await demo.call('neutron', 'PUT', `/v2.0/networks/${blue.id}`, { network: { name: 'green' } }, { 'if-match': tag })).status
  assert.deepEqual([await put('"abc"'), await put('*'), await put('revision_number=abc'), await put('"revision_number=1", "revision_number=2"'), await put('"revision_number=1"')], [200, 200, 400, 400, 412])
  assert.equal(await put('"revision_number=3"'), 200)
})

test('what neutron offers below its version is for those with a token', async (t) => {
  const { cloud, demo } = await startLab(t)
  assert.equal((await cloud.call('neutron', 'GET', '/')).status, 200)
  assert.equal((await cloud.call('neutron', 'GET', '/v2.0/')).status, 401)
  const { resources } = await must(demo, 'GET', '/')
  assert.ok(resources.some((each: { name: string; links: { href: string }[] }) => each.name === 'network' && each.links[0]?.href.endsWith('/v2.0/networks')))
})

test('a port whose router is gone or never was can be deleted, and one of a router cannot', async (t) => {
  const { admin, demo, engine } = await startLab(t)
  const outside = await external(admin)
  const blue = await network(demo)
  const block = await subnet(demo, blue.id)
  const { router } = await must(demo, 'POST', '/routers', { router: { external_gateway_info: { network_id: outside.id } } })
  const { port_id: joined } = await must(demo, 'PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: block.id })
  assert.deepEqual(await refused(demo, 'DELETE', `/ports/${joined}`), [409, 'ServicePortInUse'])
  const has = () => engine.state.routers.get(router.id)?.interfaces.length
  await until(() => has() === 1, 'the interface')

  await must(demo, 'PUT', `/ports/${joined}`, { port: { device_id: 'x' } })
  await until(() => has() === 0, 'the router without the interface')
  await must(demo, 'DELETE', `/ports/${joined}`)
  const [gateway] = (await must(admin, 'GET', `/ports?device_id=${router.id}`)).ports
  await must(admin, 'PUT', `/ports/${gateway.id}`, { port: { device_id: 'x' } })
  assert.deepEqual(await refused(admin, 'DELETE', `/ports/${gateway.id}`), [409, 'ServicePortInUse'], 'it is still the gateway')
  await must(demo, 'DELETE', `/routers/${router.id}`)
  await must(demo, 'DELETE', `/subnets/${block.id}`)
  await must(demo, 'DELETE', `/networks/${blue.id}`)
})

test('who may not set an attribute is told of all rules that were asked', async (t) => {
  const { cloud, admin, demo } = await startLab(t)
  const [member, stranger] = [await cloud.login('member'), await cloud.login('stranger')]
  const outside = await external(admin)
  const blue = await network(demo)
  const block = await subnet(demo, blue.id)
  const shared = await network(admin, { shared: true })
  const commons = await subnet(admin, shared.id, '10.2.0.0/24')
  const made = await port(demo, blue.id)
  const { router } = await must(demo, 'POST', '/routers', { router: {} })
  const gateway = { network_id: outside.id, enable_snat: false, external_fixed_ips: [{ ip_address: '203.0.113.9' }] }
  const cases: [Session, string, string, unknown, string][] = [
    [member, 'POST', '/networks', { network: { shared: true } }, '(rule:create_network and rule:create_network:shared)'],
    [member, 'POST', '/networks', { network: { shared: false, 'router:external': true, 'provider:network_type': 'flat', is_default: true } }, '(((rule:create_network and rule:create_network:router:external) and rule:create_network:provider:network_type) and rule:create_network:is_default)'],
    [member, 'PUT', `/networks/${blue.id}`, { network: { shared: true } }, '(rule:update_network and rule:update_network:shared)'],
    [member, 'POST', '/routers', { router: { external_gateway_info: gateway } }, '(rule:create_router and (rule:create_router:external_gateway_info and (rule:create_router:external_gateway_info:network_id and rule:create_router:external_gateway_info:external_fixed_ips and rule:create_router:external_gateway_info:enable_snat)))'],
    [member, 'PUT', `/routers/${router.id}`, { router: { external_gateway_info: { network_id: outside.id, enable_snat: true } } }, '(rule:update_router and (rule:update_router:external_gateway_info and (rule:update_router:external_gateway_info:network_id and rule:update_router:external_gateway_info:enable_snat)))'],
    [stranger, 'POST', '/ports', { port: { network_id: shared.id, fixed_ips: [{ subnet_id: commons.id, ip_address: '10.2.0.9' }], device_id: 'vm-1' } }, '((rule:create_port and (rule:create_port:fixed_ips and (rule:create_port:fixed_ips:subnet_id and rule:create_port:fixed_ips:ip_address))) and rule:create_port:device_id)'],
    [stranger, 'POST', '/ports', { port: { network_id: shared.id, allowed_address_pairs: [{ ip_address: '10.2.0.9' }] } }, '(rule:create_port and (rule:create_port:allowed_address_pairs and (rule:create_port:allowed_address_pairs:ip_address)))'],
    [member, 'PUT', `/ports/${made.id}`, { port: { 'binding:host_id': 'host-1', fixed_ips: [{ subnet_id: block.id }] } }, '((rule:update_port and (rule:update_port:fixed_ips and (rule:update_port:fixed_ips:subnet_id))) and rule:update_port:binding:host_id)'],
    [member, 'POST', '/floatingips', { floatingip: { floating_network_id: outside.id, floating_ip_address: '203.0.113.9' } }, '(rule:create_floatingip and rule:create_floatingip:floating_ip_address)'],
  ]
  for (const [session, method, path, body, check] of cases) assert.equal(await refusal(session, method, path, body), `403 PolicyNotAuthorized: ${check} is disallowed by policy`)
})
