// DHCP, routers, floating addresses, metadata and tunnels on the real kernel, and that nothing is left behind.
import assert from 'node:assert/strict'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import type { DhcpSpec, FabricSpec, NetworkSpec, RouterSpec } from '../interface.ts'
import { FabricConflict } from '../interface.ts'
import { call, type Guest, id, type Lab, macOf, needsRoot, port, rule, runner, startLab, unspecified } from './lab.ts'

const fabric: FabricSpec = { externalNetworks: [{ physicalNetwork: 'public', cidr: '198.51.100.0/24', gatewayAddress: '198.51.100.1' }] }
const open = { id: id(0x900), stateful: true, rules: [rule('ingress'), rule('egress')] }
const local = (number: number): NetworkSpec => ({ id: id(number), segment: { type: 'local' }, mtu: 1450, remotePorts: [] })
const external: NetworkSpec = { id: id(0x1ff), segment: { type: 'flat', physicalNetwork: 'public' }, mtu: 1500, remotePorts: [] }

const dhcp = (number: number, changes: Partial<DhcpSpec> = {}): DhcpSpec => ({
  networkId: id(number), mtu: 1450, port: { id: id(number + 0x1000), macAddress: macOf(0xd0) }, domain: 'openstacklocal', dnsForwarders: [], metadata: true,
  subnets: [{
    id: id(number + 0x2000), ipVersion: 4, cidr: '10.0.0.0/24', enableDhcp: true, portAddress: '10.0.0.2', gatewayAddress: '10.0.0.1',
    dnsServers: ['192.0.2.53'], hostRoutes: [{ destination: '10.9.0.0/16', nextHop: '10.0.0.7' }], leaseSeconds: 600,
  }],
  hosts: [], ...changes,
})
const host = (number: number, subnet: number, address: string) => ({
  portId: id(number), macAddress: macOf(number), hostName: `host-${address.replaceAll('.', '-')}`, addresses: [{ subnetId: id(subnet + 0x2000), address }], options: [],
})

/** Ask for a lease; what the client was told, by udhcpc's names. */
async function lease(guest: Guest, directory: string): Promise<Record<string, string> | undefined> {
  const script = `${directory}/lease`
  writeFileSync(script, '#!/bin/sh\n[ "$1" = bound ] && env\nexit 0\n', { mode: 0o755 })
  const said = await guest.run('/usr/bin/busybox', 'udhcpc', '-n', '-q', '-f', '-t', '4', '-T', '1', '-i', 'eth0', '-O', 'staticroutes', '-O', 'mtu', '-O', 'bootfile', '-s', script).catch(() => undefined)
  return said === undefined ? undefined : Object.fromEntries(said.split('\n').map((line) => [line.split('=')[0], line.slice(line.indexOf('=') + 1)]))
}

test('a guest gets its own address, routes, resolver and MTU by DHCP, through any change and a killed server', needsRoot, async (t) => {
  const lab = await startLab(t)
  const { driver } = lab
  await driver.ensureNetwork(call, local(0x110))
  await driver.ensureSecurityGroup(call, { id: id(0x901), stateful: true, rules: [] })
  const a = await lab.guest(port(0x51, id(0x110), '10.0.0.11', { securityGroupIds: [id(0x901)] }))
  const b = await lab.guest(port(0x52, id(0x110), '10.0.0.12', { securityGroupIds: [id(0x901)] }))
  const first = { ...host(0x51, 0x110, '10.0.0.11'), options: [{ name: 'bootfile-name', value: 'boot.img', ipVersion: 4 as const }, { name: 'bootfile-name', value: 'x\ndhcp-script=/bin/sh', ipVersion: 4 as const }] }
  const report = await driver.ensureDhcp(call, dhcp(0x110, { hosts: [first] }))
  assert.equal(report.problems.length, 1, 'a value with a newline is left out')
  const got = await lease(a, lab.dataDirectory)
  assert.deepEqual([got?.['ip'], got?.['router'], got?.['dns'], got?.['mtu'], got?.['staticroutes'], got?.['boot_file'] ?? got?.['bootfile']],
    ['10.0.0.11', '10.0.0.1', '192.0.2.53', '1450', '10.9.0.0/16 10.0.0.7 169.254.169.254/32 10.0.0.2 0.0.0.0/0 10.0.0.1', 'boot.img'])
  assert.equal(await lease(b, lab.dataDirectory), undefined, 'a stranger gets nothing')

  const pid = async () => (await lab.helper.daemons('dnsmasq')).get(id(0x110))?.pid
  const withoutOptions = { ...first, options: [] }
  await driver.ensureDhcp(call, dhcp(0x110, { hosts: [withoutOptions] }))
  assert.equal((await lease(a, lab.dataDirectory))?.['ip'], '10.0.0.11')
  const before = await pid()
  await driver.ensureDhcp(call, dhcp(0x110, { hosts: [withoutOptions, host(0x52, 0x110, '10.0.0.12')] }))
  assert.equal((await lease(b, lab.dataDirectory))?.['ip'], '10.0.0.12')
  assert.equal(await pid(), before, 'a new host is told to the running server')
  await driver.ensureDhcp(call, dhcp(0x110, { hosts: [host(0x52, 0x110, '10.0.0.11')] }))
  await driver.plugPort(call, port(0x52, id(0x110), '10.0.0.11', { securityGroupIds: [id(0x901)] }))
  assert.equal((await lease(b, lab.dataDirectory))?.['ip'], '10.0.0.11', 'an address goes to its new owner although the old one held a lease')

  process.kill(await pid() as number, 'SIGKILL')
  for (let turn = 0; turn < 100 && (await pid()) !== undefined; turn += 1) await new Promise((resolve) => setTimeout(resolve, 10))
  assert.deepEqual((await driver.inventory(call)).dhcp, [{ networkId: id(0x110), alive: false }])
  await lab.restarted().ensureDhcp(call, dhcp(0x110, { hosts: [host(0x52, 0x110, '10.0.0.11')] }))
  assert.deepEqual((await driver.inventory(call)).dhcp, [{ networkId: id(0x110), alive: true }])
  assert.equal((await lease(b, lab.dataDirectory))?.['ip'], '10.0.0.11')

  const server = await driver.listenMetadata(call, { networkId: id(0x110) })
  t.after(() => server.close())
  server.on('connection', (socket) => socket.end(String(socket.remoteAddress)))
  await b.ip('addr add 10.0.0.11/24 dev eth0', 'route add 169.254.169.254 via 10.0.0.2')
  assert.equal(await b.fetch('169.254.169.254', 80), '10.0.0.11', 'metadata is reached without any rule of a group, and sees who asks')
  await driver.removeDhcp(call, id(0x110))
  await driver.removeDhcp(call, id(0x110))
  assert.deepEqual((await driver.inventory(call)).dhcp, [])
})

test('two tenants with the same addresses: floating addresses, translation, metadata, and what must not pass', needsRoot, async (t) => {
  const lab = await startLab(t, fabric)
  const { driver } = lab
  await driver.ensureNetwork(call, external)
  await driver.ensureSecurityGroup(call, open)
  const router = (number: number, changes: Partial<RouterSpec> = {}): RouterSpec => ({
    id: id(0x300 + number), adminStateUp: true,
    interfaces: [{ portId: id(0x400 + number), networkId: id(0x120 + number), macAddress: macOf(0xa0 + number), mtu: 1450, addresses: ['10.0.0.1/24'] }],
    gateway: { portId: id(0x500 + number), networkId: external.id, macAddress: macOf(0xb0 + number), mtu: 1500, addresses: [`198.51.100.${10 + number}/24`], nextHop: '198.51.100.1', enableSnat: true },
    floatingIps: [{ floatingAddress: `198.51.100.${20 + number}`, fixedAddress: '10.0.0.5' }], portForwardings: [], routes: [], ...changes,
  })
  const guests: Guest[] = []
  for (const number of [1, 2]) {
    await driver.ensureNetwork(call, local(0x120 + number))
    await driver.ensureRouter(call, router(number))
    const guest = await lab.guest(port(0x60 + number, id(0x120 + number), '10.0.0.5', { securityGroupIds: [open.id] }), ['10.0.0.5/24'], '10.0.0.1')
    await guest.serve('10.0.0.5', 80, `tenant ${number}`)
    guests.push(guest)
    const metadata = await driver.listenMetadata(call, { routerId: id(0x300 + number) })
    t.after(() => metadata.close())
    metadata.on('connection', (socket) => socket.end(`metadata ${number} for ${socket.remoteAddress}`))
  }
  const [one, two] = guests as [Guest, Guest]
  // A neighbour on the external network that still knows an address elsewhere learns that it has moved here.
  const outside = { netns: `${lab.prefix}-fabric` }
  const neighbour = async () => ((await lab.helper.ipQuery(['neigh', 'show', '198.51.100.23'], outside)) as { lladdr?: string }[])[0]?.lladdr
  await lab.helper.ip([`neigh replace 198.51.100.23 lladdr ${macOf(0xee)} dev gw-public nud stale`], outside)
  assert.equal(await neighbour(), macOf(0xee))
  await driver.ensureRouter(call, router(1, { floatingIps: [...router(1).floatingIps, { floatingAddress: '198.51.100.23', fixedAddress: '10.0.0.6' }] }))
  for (let turn = 0; turn < 100 && await neighbour() !== macOf(0xb1); turn += 1) await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal(await neighbour(), macOf(0xb1), 'a floating address that came is announced')

  const fromHost = async (address: string, at = 80) => (await runner.run('/usr/bin/busybox', ['nc', '-w', '1', address, String(at)], { timeoutSeconds: 5 }).catch(() => ({ stdout: '' }))).stdout
  assert.equal(await fromHost('198.51.100.21'), 'tenant 1', 'the host reaches a guest by its floating address')
  assert.equal(await fromHost('198.51.100.22'), 'tenant 2')
  assert.equal(await one.fetch('198.51.100.22', 80), 'tenant 2', 'one tenant reaches the other by its floating address')
  assert.equal(await one.fetch('198.51.100.21', 80), 'tenant 1', 'and itself')
  assert.deepEqual([await one.fetch('169.254.169.254', 80), await two.fetch('169.254.169.254', 80)], ['metadata 1 for 10.0.0.5', 'metadata 2 for 10.0.0.5'])

  // An address of the host's own, beyond the fabric.
  const uplink = readFileSync('/proc/net/fib_trie', 'utf8').includes('198.18.0.1') ? '198.18.0.1' : '127.0.0.1'
  assert.equal(await one.pings(uplink), true, 'the guest reaches the host')
  const talk = await lab.helper.listen({ netns: one.netns, address: '10.0.0.5', port: 90 })
  t.after(() => talk.close())
  let received = 0
  talk.on('connection', (socket) => {
    // The connection is cut without a farewell, and would keep the test waiting for ever.
    t.after(() => socket.destroy())
    socket.on('error', () => {}).on('data', (chunk) => (received += chunk.length))
  })
  const stop = new AbortController()
  const talking = runner.run('/bin/sh', ['-c', 'while sleep 0.05; do echo x; done | busybox nc 198.51.100.21 90'], { timeoutSeconds: 20, signal: stop.signal }).catch(() => {})
  const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))
  for (let turn = 0; turn < 60 && received < 6; turn += 1) await pause(50)
  assert.ok(received >= 6, 'a conversation with the floating address runs')
  await driver.ensureRouter(call, router(1, { floatingIps: [] }))
  await pause(100)
  const heard = received
  await pause(500)
  assert.equal(received, heard, 'and ends when the address is taken away')
  stop.abort()
  await talking
  assert.equal(await fromHost('198.51.100.21'), '', 'a floating address that is taken away leads nowhere')
  assert.equal(await one.pings(uplink), true, 'and the guest still gets out, as its router')

  await driver.ensureRouter(call, router(1, {
    floatingIps: [], portForwardings: [{ protocol: 'tcp', floatingAddress: '198.51.100.30', externalPort: 8080, fixedAddress: '10.0.0.5', internalPort: 80 }],
  }))
  assert.equal(await fromHost('198.51.100.30', 8080), 'tenant 1', 'a forwarded port')
  const hostRoute = ['route', 'add', '10.0.0.0/24', 'via', '198.51.100.11']
  await lab.helper.ip([hostRoute.join(' ')], { netns: `${lab.prefix}-fabric` })
  assert.equal(await lab.run(`${lab.prefix}-fabric`, '/usr/bin/busybox', 'nc', '-w', '1', '10.0.0.5', '80').catch(() => ''), '', 'inner addresses are not reached from outside')

  await driver.ensureRouter(call, router(1, { adminStateUp: false }))
  assert.equal(await one.pings(uplink), false, 'a router that is down forwards nothing')
  await driver.removeRouter(call, id(0x301))
  await driver.removeRouter(call, id(0x301))
  assert.deepEqual((await driver.inventory(call)).routers, [id(0x302)])
  assert.equal(await fromHost('198.51.100.22'), 'tenant 2', 'the other tenant does not notice')
})

test('a router with subnets and routes of IPv6 still carries IPv4', needsRoot, async (t) => {
  const lab = await startLab(t, fabric)
  const { driver } = lab
  await driver.ensureSecurityGroup(call, open)
  await driver.ensureNetwork(call, external)
  await driver.ensureNetwork(call, local(0x150))
  const port6 = { portId: id(0x451), networkId: id(0x150), macAddress: macOf(0xa8), mtu: 1450, addresses: ['fd00::1/64'] }
  const spec: RouterSpec = {
    id: id(0x350), adminStateUp: true, portForwardings: [], floatingIps: [{ floatingAddress: '198.51.100.25', fixedAddress: '10.0.0.5' }],
    interfaces: [{ ...port6, portId: id(0x450), macAddress: macOf(0xa9), addresses: ['10.0.0.1/24', 'fd01::1/64'] }, port6],
    gateway: { portId: id(0x550), networkId: external.id, macAddress: macOf(0xb9), mtu: 1500, addresses: ['198.51.100.19/24', 'fd02::9/64'], nextHop: '198.51.100.1', enableSnat: true },
    routes: [{ destination: 'fd09::/64', nextHop: 'fd00::9' }],
  }
  await driver.ensureRouter(call, spec)
  const guest = await lab.guest(port(0x66, id(0x150), '10.0.0.5', { securityGroupIds: [open.id] }), ['10.0.0.5/24'], '10.0.0.1')
  await guest.serve('10.0.0.5', 80, 'inside')
  assert.equal((await runner.run('/usr/bin/busybox', ['nc', '-w', '1', '198.51.100.25', '80'], { timeoutSeconds: 5 })).stdout, 'inside')
  assert.deepEqual((await driver.examine(call, { ...unspecified, routers: [spec] })).faults, [])
})

test('removing the fabric leaves the host exactly as it was', needsRoot, async (t) => {
  const look = async () => ({
    links: (await runner.run('/usr/sbin/ip', ['-br', 'link'], { timeoutSeconds: 5 })).stdout.split('\n').map((line) => line.split(/[ @]/)[0]),
    routes: (await runner.run('/usr/sbin/ip', ['route'], { timeoutSeconds: 5 })).stdout,
    rules: (await runner.run('/usr/sbin/nft', ['list', 'ruleset'], { timeoutSeconds: 5 })).stdout,
    settings: (await runner.run('/usr/sbin/sysctl', ['-a', '-r', '^net\\.(ipv4|bridge)'], { timeoutSeconds: 5 })).stdout.split('\n').filter((line) => !/neigh|fib_multipath_hash_seed/.test(line)),
    tun: statSync('/dev/net/tun').mode,
  })
  const before = await look()
  const lab = await startLab(t, fabric)
  const { driver } = lab
  await driver.ensureNetwork(call, external)
  await driver.ensureNetwork(call, local(0x130))
  await driver.plugPort(call, port(0x71, id(0x130), '10.0.0.5', { device: 'tap' }))
  await driver.ensureDhcp(call, dhcp(0x130))
  await driver.ensureRouter(call, {
    id: id(0x310), adminStateUp: true, floatingIps: [], portForwardings: [], routes: [],
    interfaces: [{ portId: id(0x410), networkId: id(0x130), macAddress: macOf(0xa9), mtu: 1450, addresses: ['10.0.0.1/24'] }],
    gateway: { portId: id(0x510), networkId: external.id, macAddress: macOf(0xb9), mtu: 1500, addresses: ['198.51.100.19/24'], nextHop: '198.51.100.1', enableSnat: true },
  })
  const during = await look()
  assert.notDeepEqual(during, before)
  const second = await startLab(t, undefined, 2)
  await assert.rejects(second.driver.ensureFabric(call, fabric), FabricConflict, 'two clouds cannot have the same external network')
  await second.driver.ensureFabric(call, { externalNetworks: [{ physicalNetwork: 'public', cidr: '198.51.101.0/24', gatewayAddress: '198.51.101.1' }] })
  await driver.close()
  await driver.removeFabric(call)
  assert.equal(await second.run(`${second.prefix}-fabric`, '/usr/bin/ping', '-c', '1', '-W', '1', '198.18.0.3').then(() => true), true, 'the other cloud lives on')
  await second.driver.removeFabric(call)
  assert.deepEqual(await look(), before)
  assert.deepEqual([...await lab.helper.netnsList(), ...(await lab.helper.daemons('dnsmasq')).keys()], [])
})

test('a network spans two hosts by VXLAN, and learns of a port that moves', needsRoot, async (t) => {
  const labs: Lab[] = []
  for (const number of [1, 2]) {
    labs.push(await startLab(t, { externalNetworks: [], tunnel: { localAddress: `198.18.0.${2 * number}`, underlay: 'fabric' } }, number))
  }
  const [left, right] = labs as [Lab, Lab]
  const network = (remote: number, end: number): NetworkSpec => ({
    id: id(0x140), segment: { type: 'vxlan', vni: 4242 }, mtu: 1450,
    remotePorts: [{ macAddress: macOf(remote), addresses: [`10.0.0.${remote}`], tunnelAddress: `198.18.0.${2 * end}` }],
  })
  for (const lab of [left, right]) await lab.driver.ensureSecurityGroup(call, open)
  await left.driver.ensureNetwork(call, network(2, 2))
  await right.driver.ensureNetwork(call, network(1, 1))
  const a = await left.guest(port(1, id(0x140), '10.0.0.1', { securityGroupIds: [open.id] }), ['10.0.0.1/24'])
  const b = await right.guest(port(2, id(0x140), '10.0.0.2', { securityGroupIds: [open.id] }), ['10.0.0.2/24'])
  assert.equal(await a.pings('10.0.0.2'), true)
  await b.serve('10.0.0.2', 80, 'far')
  assert.equal(await a.fetch('10.0.0.2', 80), 'far')
  await left.driver.ensureNetwork(call, { ...network(2, 2), remotePorts: [] })
  await a.ip('neigh del 10.0.0.2 dev eth0')
  assert.equal(await a.pings('10.0.0.2'), false, 'a port that is gone is forgotten')
  await left.driver.ensureNetwork(call, network(2, 2))
  assert.equal(await a.pings('10.0.0.2'), true)
})
