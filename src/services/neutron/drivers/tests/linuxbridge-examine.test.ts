// What is taken away from the kernel by hand is seen, and put there again by the ordinary calls.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DhcpSpec, FabricSpec, NetworkSpec, RouterSpec, Specified } from '../interface.ts'
import { call, id, macOf, needsRoot, port, rule, runner, startLab, unspecified } from './lab.ts'

test('an examination sees flushed chains, lost elements, a broken frame and what is not ours', needsRoot, async (t) => {
  const lab = await startLab(t)
  const { driver, prefix } = lab
  const fabric = `${prefix}-fabric`
  const nft = (...args: string[]) => lab.run(fabric, '/usr/sbin/nft', ...args)
  const network = { id: id(0x100), segment: { type: 'local' as const }, mtu: 1450, remotePorts: [] }
  const group = { id: id(0x900), stateful: true, rules: [rule('egress'), rule('ingress', { protocol: 'tcp', portRangeMin: 22, portRangeMax: 22 })] }
  const set = { id: id(0x920), addresses: ['10.0.0.9', 'fd00::9'] }
  const plugged = port(1, network.id, '10.0.0.1', { device: 'tap', securityGroupIds: [group.id] })
  const dhcp: DhcpSpec = {
    networkId: network.id, mtu: 1450, port: { id: id(0x200), macAddress: macOf(0xd0) }, domain: 'openstacklocal', dnsForwarders: [], metadata: true,
    hosts: [{ portId: plugged.id, macAddress: plugged.macAddress, hostName: 'one', addresses: [{ subnetId: id(0x210), address: '10.0.0.1' }], options: [] }],
    subnets: [{ id: id(0x210), ipVersion: 4, cidr: '10.0.0.0/24', enableDhcp: true, portAddress: '10.0.0.2', gatewayAddress: null, dnsServers: [], hostRoutes: [], leaseSeconds: 600 }],
  }
  await driver.ensureNetwork(call, network)
  await driver.ensureAddressSet(call, set)
  await driver.ensureSecurityGroup(call, group)
  await driver.plugPort(call, plugged)
  await driver.ensureDhcp(call, dhcp)
  const { frame, devices, filters, groups, members, dhcpHosts, faults, strangers, ...inventory } = await driver.examine(call, unspecified)
  const { strangers: none, ...same } = await driver.inventory(call)
  assert.deepEqual([inventory, faults, strangers], [same, [], none])
  assert.deepEqual([frame, filters, groups, dhcpHosts], [true, [{ portId: plugged.id, intact: true }], [{ id: group.id, intact: true }], [{ networkId: network.id, hosts: [{ macAddress: plugged.macAddress, address: '10.0.0.1' }] }]])
  assert.deepEqual(members, [{ id: set.id, addresses: ['10.0.0.9', 'fd00::9'] }])
  assert.deepEqual(devices, inventory.ports.map((each) => each.id))
  const verdict = async () => {
    const seen = await driver.examine(call, unspecified)
    return [seen.frame, seen.filters.every(({ intact }) => intact), seen.groups.every(({ intact }) => intact)]
  }

  await nft('flush', 'chain', 'inet', 'nimbo', `in-${plugged.id}`)
  assert.deepEqual(await verdict(), [true, false, true], 'a flushed chain of a port lets everything pass')
  await driver.plugPort(call, plugged)
  assert.deepEqual(await verdict(), [true, true, true])

  const marks = await nft('-j', 'list', 'map', 'inet', 'nimbo', 'egress')
  const mark = (JSON.parse(marks) as { nftables: { map?: { elem: [number, unknown][] } }[] }).nftables.find((entry) => entry.map)?.map?.elem[0]?.[0]
  await nft('delete', 'element', 'inet', 'nimbo', 'egress', '{', String(mark), '}')
  assert.deepEqual(await verdict(), [true, false, true], 'packets are not led to the filter')
  await driver.plugPort(call, plugged)
  assert.deepEqual(await verdict(), [true, true, true])

  const held = async () => (await driver.examine(call, unspecified)).members
  await driver.ensureAddressSet(call, { id: set.id, addresses: ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.1.0.0/24', '10.2.0.9', '10.2.0.11', '10.2.0.13', '10.2.0.15'] })
  assert.deepEqual(await held(), [{ id: set.id, addresses: ['10.0.0.1-10.0.0.3', '10.1.0.0/24', '10.2.0.9', '10.2.0.11', '10.2.0.13', '10.2.0.15'] }], 'as the kernel joins them')
  await nft('flush', 'set', 'inet', 'nimbo', `m4-${set.id}`)
  assert.deepEqual(await held(), [{ id: set.id, addresses: [] }])
  await driver.ensureAddressSet(call, set)
  assert.deepEqual(await held(), members)

  await nft('flush', 'chain', 'inet', 'nimbo', `i-${group.id}`)
  assert.deepEqual(await verdict(), [true, true, false])
  await driver.ensureSecurityGroup(call, group)
  assert.deepEqual(await verdict(), [true, true, true], 'the first look at its words')
  const handle = /tcp dport 22 .*# handle (\d+)/.exec(await nft('-a', 'list', 'chain', 'inet', 'nimbo', `i-${group.id}`))?.[1] ?? ''
  await nft('replace', 'rule', 'inet', 'nimbo', `i-${group.id}`, 'handle', handle, 'tcp', 'dport', '23', 'accept')
  assert.deepEqual(await verdict(), [true, true, false], 'as many rules, and other words')
  await driver.ensureSecurityGroup(call, group)
  assert.deepEqual(await verdict(), [true, true, true])
  await nft('flush', 'chain', 'inet', 'nimbo', 'forward')
  assert.deepEqual(await verdict(), [false, true, true])
  await driver.ensureFabric(call, { externalNetworks: [] })
  assert.deepEqual(await verdict(), [true, true, true])

  // What an earlier run put in force is not known by its count, but a lost chain is seen.
  const later = lab.restarted()
  assert.equal((await later.examine(call, unspecified)).frame, true)
  await lab.helper.netnsAdd(`${prefix}-mine`)
  await lab.helper.ip(['link add odd0 type bridge'], { netns: fabric })
  assert.deepEqual((await later.examine(call, unspecified)).strangers, ['odd0', `${prefix}-mine`])
  await lab.helper.ip(['link del odd0'], { netns: fabric })
})

test('an examination sees addresses, routes, rules and settings that are not as specified, in every namespace and on the host', needsRoot, async (t) => {
  const outside = { physicalNetwork: 'public', cidr: '198.51.100.0/24', gatewayAddress: '198.51.100.1' }
  const fabricSpec: FabricSpec = { externalNetworks: [outside], tunnel: { localAddress: '198.18.0.2', underlay: 'fabric' } }
  const lab = await startLab(t, fabricSpec)
  const { driver, prefix } = lab
  const inside: NetworkSpec = { id: id(0x100), segment: { type: 'vxlan', vni: 4711 }, mtu: 1450, remotePorts: [] }
  const external: NetworkSpec = { id: id(0x101), segment: { type: 'flat', physicalNetwork: 'public' }, mtu: 1500, remotePorts: [] }
  const dhcp: DhcpSpec = {
    networkId: inside.id, mtu: 1450, port: { id: id(0x200), macAddress: macOf(0xd0) }, domain: 'openstacklocal', dnsForwarders: [], metadata: true, hosts: [],
    subnets: [{ id: id(0x210), ipVersion: 4, cidr: '10.0.0.0/24', enableDhcp: true, portAddress: '10.0.0.2', gatewayAddress: '10.0.0.1', dnsServers: [], hostRoutes: [], leaseSeconds: 600 }],
  }
  const floatingIps = Array.from({ length: 20 }, (_each, index) => ({ floatingAddress: `198.51.100.${100 + index}`, fixedAddress: `10.0.0.${100 + index}` }))
  const inner = (port: number, net: number) => ({ portId: id(0x400 + port), networkId: inside.id, macAddress: macOf(0xa0 + port), mtu: 1450, addresses: [`10.0.${net}.1/24`] })
  const router: RouterSpec = {
    id: id(0x300), adminStateUp: true, interfaces: [inner(1, 0), inner(2, 1), inner(3, 7)], floatingIps, 
    routes: [{ destination: '10.9.0.0/16', nextHop: '10.0.0.7' }, { destination: '10.8.0.1/32', nextHop: '10.0.1.7' }],
    gateway: { portId: id(0x500), networkId: external.id, macAddress: macOf(0xb1), mtu: 1500, addresses: ['198.51.100.10/24'], nextHop: '198.51.100.1', enableSnat: true },
    portForwardings: [{ protocol: 'tcp', floatingAddress: '198.51.100.200', externalPort: 8080, fixedAddress: '10.0.0.5', internalPort: 80 }],
  }
  const closed: RouterSpec = { ...router, id: id(0x301), interfaces: [inner(4, 8)], gateway: null, floatingIps: [], portForwardings: [], routes: [] }
  const down: RouterSpec = { ...closed, id: id(0x302), interfaces: [inner(5, 9)], adminStateUp: false }
  const specified: Specified = { networks: [inside, external], dhcp: [dhcp], routers: [router, closed, down] }
  const made = {
    fabric: () => driver.ensureFabric(call, fabricSpec),
    network: () => Promise.all([inside, external].map((network) => driver.ensureNetwork(call, network))),
    dhcp: () => driver.ensureDhcp(call, dhcp),
    router: () => Promise.all([router, closed, down].map((each) => driver.ensureRouter(call, each))),
  }
  const faults = async (of = specified) => (await driver.examine(call, of)).faults.map(({ of: kind, id: which, wrong }) => [kind, which, wrong.join(', ')].filter(Boolean).join(' '))
  for (const make of Object.values(made)) await make()
  assert.deepEqual(await faults(), [], 'whole')
  assert.deepEqual((await lab.restarted().examine(call, specified)).faults.filter(({ of }) => of !== 'fabric' && of !== 'network'), [], 'and known from the kernel, not from memory')

  const [fabric, routed, served] = [`${prefix}-fabric`, `${prefix}-qrouter-${router.id}`, `${prefix}-qdhcp-${inside.id}`]
  const ip = (netns: string, ...words: string[]) => lab.run(netns, '/usr/sbin/ip', ...words)
  const nft = (netns: string, ...words: string[]) => lab.run(netns, '/usr/sbin/nft', ...words)
  const onHost = (program: string, ...words: string[]) => runner.run(program, words, { timeoutSeconds: 5 })
  const [gateway, qr, ns, bridge] = [`qg-${id(0x500).slice(0, 11)}`, `qr-${id(0x401).slice(0, 11)}`, `ns-${id(0x200).slice(0, 11)}`, `brq${inside.id.slice(0, 11)}`]
  const breakages: readonly (readonly [string, () => Promise<unknown>])[] = [
    [`router ${router.id} ${gateway} lacks the address 198.51.100.105/32`, () => ip(routed, 'addr', 'del', '198.51.100.105/32', 'dev', gateway)],
    [`router ${router.id} ${qr} has the address 10.0.0.77/24 besides`, () => ip(routed, 'addr', 'add', '10.0.0.77/24', 'dev', qr)],
    [`router ${router.id} ${qr} has the MAC address ${macOf(0xff)}`, () => ip(routed, 'link', 'set', qr, 'address', macOf(0xff))],
    [`router ${router.id} lo lacks the address 169.254.169.254/32`, () => ip(routed, 'addr', 'del', '169.254.169.254/32', 'dev', 'lo')],
    [`router ${router.id} the route to default by 198.51.100.1 is missing`, () => ip(routed, 'route', 'del', 'default')],
    [`router ${router.id} the route to 10.8.0.1 by 10.0.1.7 is missing`, () => ip(routed, 'route', 'del', '10.8.0.1')],
    [`router ${router.id} there is a route to 10.7.7.0/24`, () => ip(routed, 'route', 'add', '10.7.7.0/24', 'via', '10.0.0.9')],
    [`router ${router.id} the rules of postrouting are not its own`, () => nft(routed, 'flush', 'chain', 'ip', 'nimbo', 'postrouting')],
    [`router ${router.id} the rules of prerouting are not its own`, async () => {
      const text = await nft(routed, '-a', 'list', 'chain', 'ip', 'nimbo', 'prerouting')
      await nft(routed, 'replace', 'rule', 'ip', 'nimbo', 'prerouting', 'handle', /dport 8080 .* handle (\d+)/.exec(text)?.[1] ?? '', 'ip', 'daddr', '198.51.100.200', 'tcp', 'dport', '8080', 'dnat', 'to', '10.0.0.6:80')
    }],
    [`router ${router.id} the set inside holds something else`, () => nft(routed, 'flush', 'set', 'ip', 'nimbo', 'inside')],
    [`router ${router.id} it does not forward`, () => lab.helper.sysctl({ 'net/ipv4/ip_forward': '0' }, { netns: routed })],
    [`router ${down.id} it forwards though it is to be down`, () => lab.helper.sysctl({ 'net/ipv4/ip_forward': '1' }, { netns: `${prefix}-qrouter-${down.id}` })],
    [`dhcp ${inside.id} ${ns} lacks the address 10.0.0.2/24, the route by 10.0.0.1 is missing`, () => ip(served, 'addr', 'flush', 'dev', ns, 'to', '10.0.0.2/32').then(() => ip(served, 'route', 'del', 'default').catch(() => ''))],
    [`dhcp ${inside.id} the route by 10.0.0.1 is missing`, () => ip(served, 'route', 'del', 'default')],
    [`network ${inside.id} vx-${inside.id.slice(0, 11)} does not hang on it`, () => ip(fabric, 'link', 'set', `vx-${inside.id.slice(0, 11)}`, 'nomaster')],
    [`network ${inside.id} the device vx-${inside.id.slice(0, 11)} is missing`, () => ip(fabric, 'link', 'del', `vx-${inside.id.slice(0, 11)}`)],
    [`network ${external.id} ph-public does not hang on it`, () => ip(fabric, 'link', 'set', 'ph-public', 'nomaster')],
    [`network ${inside.id} it has no zone of connection tracking`, async () => {
      const zone = new RegExp(`"${bridge}" : (\\d+)`).exec(await nft(fabric, 'list', 'map', 'inet', 'nimbo', 'zones'))?.[1] ?? ''
      await nft(fabric, 'delete', 'element', 'inet', 'nimbo', 'zones', '{', `"${bridge}"`, ':', zone, '}')
    }],
    ['fabric gw-public lacks the address 198.51.100.1/24', () => ip(fabric, 'addr', 'del', '198.51.100.1/24', 'dev', 'gw-public')],
    ['fabric the route by 198.18.0.1 is missing', () => ip(fabric, 'route', 'del', 'default')],
    ['fabric the host has no route to 198.51.100.0/24', () => onHost('/usr/sbin/ip', 'route', 'del', '198.51.100.0/24')],
    ['fabric the rules of postrouting are not its own', () => onHost('/usr/sbin/nft', 'flush', 'chain', 'ip', `nimbo_${prefix}`, 'postrouting')],
    [`fabric the host does not forward what ${prefix}-up brings`, () => lab.helper.sysctl({ [`net/ipv4/conf/${prefix}-up/forwarding`]: '0' }, {})],
  ]
  for (const [told, breakIt] of breakages) {
    await breakIt()
    assert.deepEqual(await faults(), [told])
    await made[told.split(' ')[0] as keyof typeof made]()
    assert.deepEqual(await faults(), [], `made again after: ${told}`)
  }

  const hostRules = async () => (await onHost('/usr/sbin/nft', 'list', 'table', 'ip', `nimbo_${prefix}`)).stdout
  const impossible = { ...closed, interfaces: [{ ...inner(4, 8), macAddress: 'none' }] }
  assert.deepEqual(await faults({ ...specified, routers: [impossible, router] }), [`router ${closed.id} it cannot be made: Not a MAC address: "none"`], 'and hides nothing of the others')

  // An open socket keeps what was unmounted alive, with its ends of the pairs, as does a server that ends late.
  const listening = await Promise.all([{ routerId: router.id }, { networkId: inside.id }].map((owner) => driver.listenMetadata(call, owner)))
  t.after(() => listening.forEach((server) => server.close()))
  for (const netns of [routed, served]) await onHost('/usr/bin/umount', `/run/netns/${netns}`)
  const lost = (await driver.examine(call, specified)).faults.map(({ of, id: which, isLost }) => [of, which, isLost])
  assert.deepEqual(lost, [['dhcp', inside.id, true], ['router', router.id, true]], 'namespaces that cannot be entered')
  await driver.removeRouter(call, router.id)
  await driver.removeDhcp(call, inside.id)
  for (const make of [made.dhcp, made.router]) await make()
  assert.deepEqual(await faults(), [], 'made anew, though the former ones are still there')
  for (const server of listening) await new Promise((resolve) => server.close(resolve))
  assert.deepEqual(await faults(), [], 'and nothing of it goes with them')

  const neighbours: FabricSpec = { ...fabricSpec, externalNetworks: [{ ...outside, cidr: '198.51.100.0/25' }, { physicalNetwork: 'other', cidr: '198.51.100.128/25', gatewayAddress: '198.51.100.129' }] }
  await onHost('/usr/sbin/ip', 'route', 'del', '198.51.100.0/24')
  await driver.ensureFabric(call, neighbours)
  assert.deepEqual((await driver.examine(call, unspecified)).faults, [], 'networks side by side, which the kernel joins, and a gateway whose network has another length')
  for (const half of neighbours.externalNetworks) await onHost('/usr/sbin/ip', 'route', 'del', half.cidr)
  await made.fabric()
  assert.deepEqual(await faults(), [])

  const before = await hostRules()
  await onHost('/usr/sbin/nft', 'delete', 'table', 'ip', `nimbo_${prefix}`)
  assert.match((await faults()).join(), /^fabric the rules of postrouting are not its own/)
  await driver.ensureFabric(call, fabricSpec)
  assert.equal(await hostRules(), before, 'a firewall that is loaded anew takes the table away; devices that were told to forward are still known')
  assert.match((await faults({ ...specified, routers: [{ ...router, floatingIps: floatingIps.slice(1) }] })).join(), /has the address 198.51.100.100\/32 besides, the rules of prerouting are not its own/, 'rows beside reality, not reality beside memory')

  const held = await lab.helper.listen({ netns: fabric, address: outside.gatewayAddress, port: 80 })
  t.after(() => held.close())
  await onHost('/usr/sbin/ip', 'netns', 'delete', fabric)
  await driver.ensureFabric(call, fabricSpec)
  const newFabric = async () => (await driver.examine(call, unspecified)).faults
  assert.deepEqual(await newFabric(), [], 'a fabric beside a former one that is still there')
  await new Promise((resolve) => held.close(resolve))
  assert.deepEqual(await newFabric(), [])
})
