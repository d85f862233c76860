// Ports on the real kernel: what a guest may claim to be, and what security groups let pass.
import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { eventually } from '../../../../core/testing/real-machine.ts'
import type { NetworkSpec } from '../interface.ts'
import { linkLocal } from '../linuxbridge/addresses.ts'
import { call, id, macOf, needsRoot, port, rule, runner, startLab } from './lab.ts'

const network = (number: number, segment: NetworkSpec['segment'] = { type: 'local' }): NetworkSpec =>
  ({ id: id(number), segment, mtu: 1450, remotePorts: [] })
const open = { id: id(0x900), stateful: true, rules: [rule('ingress'), rule('egress')] }

test('a guest cannot speak with another MAC, another address or for another in ARP', needsRoot, async (t) => {
  const lab = await startLab(t)
  const { driver } = lab
  await driver.ensureNetwork(call, network(0x100))
  await driver.ensureSecurityGroup(call, open)
  const plugged = (number: number) => port(number, id(0x100), `10.0.0.${number}`, { securityGroupIds: [open.id] })
  const [a, b] = [await lab.guest(plugged(1), ['10.0.0.1/24']), await lab.guest(plugged(2), ['10.0.0.2/24'])]
  await lab.guest(plugged(3), ['10.0.0.3/24'])
  assert.equal(await a.pings('10.0.0.2'), true, 'honest packets pass')
  assert.equal(await b.pings('10.0.0.3'), true)

  await a.ip('addr add 10.0.0.77/24 dev eth0')
  assert.equal(await a.pings('10.0.0.2', '-I', '10.0.0.77'), false, 'another source address')
  const knownMac = async (address: string) => /lladdr (\S+)/.exec(await b.run('/usr/sbin/ip', 'neigh', 'show', address))?.[1]
  const claim = async () => {
    await a.ip('addr replace 10.0.0.3/32 dev eth0')
    await a.run('/usr/bin/arping', '-U', '-c', '1', '-w', '1', '-I', 'eth0', '10.0.0.3').catch(() => {})
    await a.ip('addr del 10.0.0.3/32 dev eth0')
  }
  await claim()
  assert.equal(await knownMac('10.0.0.3'), macOf(3), 'a claim of the address of another is not heard')
  await a.ip('link set eth0 address fa:16:3e:99:99:99')
  assert.equal(await a.pings('10.0.0.2'), false, 'another MAC address')
  await a.ip(`link set eth0 address ${macOf(1)}`)
  assert.equal(await a.pings('10.0.0.2'), true)

  const overlapping = ['10.0.0.64/28', '10.0.0.77', '10.0.0.0/24', '10.0.0.1'].map((ipAddress) => ({ macAddress: macOf(1), ipAddress }))
  assert.deepEqual((await driver.plugPort(call, { ...plugged(1), allowedAddressPairs: overlapping })).problems, [])
  assert.equal(await a.pings('10.0.0.2', '-I', '10.0.0.77'), true, 'allowed address pairs, also those that overlap')
  await driver.plugPort(call, { ...plugged(1), allowedAddressPairs: [{ macAddress: macOf(1), ipAddress: '10.0.0.64/28' }] })
  assert.equal(await a.pings('10.0.0.2', '-I', '10.0.0.77'), true, 'an allowed address pair')

  await driver.plugPort(call, { ...plugged(1), portSecurityEnabled: false })
  await claim()
  assert.equal(await knownMac('10.0.0.3'), macOf(1), 'without port security the claim is heard: the test can tell')
})

const python = existsSync('/usr/bin/python3') ? needsRoot : { skip: 'needs python3, which writes the packets' }
test('a guest cannot speak for another in IPv6, nor as a router', python, async (t) => {
  const lab = await startLab(t)
  const { driver } = lab
  await driver.ensureNetwork(call, network(0x106))
  const all = { id: id(0x906), stateful: true, rules: [rule('ingress', { etherType: 'IPv6' }), rule('egress', { etherType: 'IPv6' })] }
  await driver.ensureSecurityGroup(call, all)
  const plugged = (number: number) => port(number, id(0x106), `fd00::${number}`, { securityGroupIds: [all.id] })
  const addresses = (number: number) => [`fd00::${number}/64 nodad`]
  const [a, b] = [await lab.guest(plugged(1), addresses(1)), await lab.guest(plugged(2), addresses(2))]
  await lab.guest(plugged(3), addresses(3))
  assert.equal(await a.pings('fd00::2'), true, 'honest packets pass')
  assert.equal(await b.pings('fd00::3'), true)

  await a.ip('addr add fd00::77/64 nodad dev eth0')
  assert.equal(await a.pings('fd00::2', '-I', 'fd00::77'), false, 'another source address')
  await a.ip('addr del fd00::77/64 dev eth0')
  const knownMac = async (address: string) => /lladdr (\S+)/.exec(await b.run('/usr/sbin/ip', 'neigh', 'show', address))?.[1]
  const routes = () => b.run('/usr/sbin/ip', '-6', 'route', 'show', 'default')
  // To all nodes, with the hop limit that tells a neighbour's packets.
  const say = (source: string, message: string) => a.run('/usr/bin/python3', '-c', [
    'import socket',
    's = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)',
    's.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)',
    'link = socket.if_nametoindex("eth0")',
    `s.bind(("${source}", 0, 0, link))`,
    `s.sendto(${message}, ("ff02::1", 0, 0, link))`,
  ].join('\n'))
  const ownMac = `bytes.fromhex("${macOf(1).replaceAll(':', '')}")`
  // A neighbour advertisement that overrides what is known, and a router advertisement of half an hour.
  const advertise = (address: string) => say('fd00::1', `bytes([136, 0, 0, 0, 0x20, 0, 0, 0]) + socket.inet_pton(socket.AF_INET6, "${address}") + bytes([2, 1]) + ${ownMac}`)
  const beRouter = () => say(linkLocal(macOf(1)), 'bytes([134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0])')
  // The kernel gives the address for the router's part out only once nobody else was found to have it.
  await eventually('its own address is its own', async () => !(await a.run('/usr/sbin/ip', '-6', 'address', 'show', 'dev', 'eth0')).includes('tentative'))
  await advertise('fd00::3')
  await beRouter()
  assert.equal(await knownMac('fd00::3'), macOf(3), 'a claim of the address of another is not heard')
  assert.equal(await routes(), '', 'nor one to be a router')
  await advertise('fd00::1')
  assert.equal(await a.pings('fd00::2'), true, 'it may speak for itself')

  await driver.plugPort(call, { ...plugged(1), portSecurityEnabled: false })
  await advertise('fd00::3')
  await beRouter()
  await eventually('without port security the claim is heard: the test can tell', async () => await knownMac('fd00::3') === macOf(1))
  await eventually('and so is the router', async () => (await routes()).startsWith('default via fe80::'))
})

test('of a port that a new agent finds without knowing it nothing stays in the kernel', needsRoot, async (t) => {
  const lab = await startLab(t)
  await lab.driver.ensureNetwork(call, network(0x100))
  await lab.driver.ensureSecurityGroup(call, open)
  const rules = () => lab.run(`${lab.prefix}-fabric`, '/usr/sbin/nft', 'list', 'ruleset')
  await lab.driver.unplugPort(call, id(1))
  const before = await rules()
  const gone = port(1, id(0x100), '10.0.0.1', { device: 'tap', securityGroupIds: [open.id] })
  await lab.driver.plugPort(call, gone)
  assert.match(await rules(), new RegExp(gone.id), 'the test can tell')
  const later = lab.restarted()
  for (const leftover of (await later.inventory(call)).ports) await later.unplugPort(call, leftover.id)
  assert.equal(await rules(), before)
  assert.deepEqual((await later.inventory(call)).ports, [])
  await later.plugPort(call, gone)
  assert.deepEqual((await later.inventory(call)).ports.map((each) => each.filtered), [true], 'and it may come again')
})

test('a guest cannot act as DHCP server for the others', needsRoot, async (t) => {
  const lab = await startLab(t)
  await lab.driver.ensureNetwork(call, network(0x101))
  await lab.driver.ensureSecurityGroup(call, open)
  const rogue = port(0x11, id(0x101), '10.0.0.1', { securityGroupIds: [open.id] })
  const guest = await lab.guest(rogue, ['10.0.0.1/24'])
  const victim = await lab.guest(port(0x12, id(0x101), '10.0.0.2', { securityGroupIds: [open.id] }))
  const stop = new AbortController()
  const leases = `${lab.dataDirectory}/leases`
  const config = `${lab.dataDirectory}/udhcpd.conf`
  writeFileSync(leases, '')
  writeFileSync(config, `start 10.0.0.50\nend 10.0.0.60\ninterface eth0\nlease_file ${leases}\npidfile ${leases}.pid\n`)
  const server = runner.run('/usr/bin/nsenter', [`--net=/run/netns/${guest.netns}`, '--', '/usr/bin/busybox', 'udhcpd', '-f', '-S', config], { timeoutSeconds: 30, signal: stop.signal })
    .catch(() => {})
  t.after(async () => {
    stop.abort()
    await server
  })
  const lease = () => victim.run('/usr/bin/busybox', 'udhcpc', '-n', '-q', '-f', '-t', '3', '-T', '1', '-i', 'eth0', '-s', '/bin/true')
    .then(() => true, () => false)
  assert.equal(await lease(), false, 'its offers are dropped')
  await lab.driver.plugPort(call, { ...rogue, portSecurityEnabled: false })
  assert.equal(await lease(), true, 'without port security they arrive: the test can tell')
})

test('security groups: nothing comes in by default, rules let in, replies pass, removal cuts what runs', needsRoot, async (t) => {
  const lab = await startLab(t)
  const { driver } = lab
  await driver.ensureNetwork(call, network(0x102))
  const web = { id: id(0x910), stateful: true, rules: [rule('egress')] }
  const clients = { id: id(0x911), stateful: true, rules: [rule('egress')] }
  await driver.ensureSecurityGroup(call, web)
  await driver.ensureSecurityGroup(call, clients)
  const server = await lab.guest(port(0x21, id(0x102), '10.0.0.1', { securityGroupIds: [web.id] }), ['10.0.0.1/24'])
  const client = await lab.guest(port(0x22, id(0x102), '10.0.0.2', { securityGroupIds: [clients.id] }), ['10.0.0.2/24'])
  const other = await lab.guest(port(0x23, id(0x102), '10.0.0.3', { securityGroupIds: [] }), ['10.0.0.3/24'])
  await server.serve('10.0.0.1', 80, 'web')
  await client.serve('10.0.0.2', 80, 'client')
  assert.equal(await client.fetch('10.0.0.1', 80), undefined, 'nothing comes in by default')
  assert.equal(await client.pings('10.0.0.1'), false)

  const http = rule('ingress', { protocol: 'tcp', portRangeMin: 80, portRangeMax: 80 })
  const echo = rule('ingress', { protocol: 'icmp', portRangeMin: 8, portRangeMax: 0 })
  await driver.ensureSecurityGroup(call, { ...web, rules: [...web.rules, http, echo] })
  assert.equal(await client.fetch('10.0.0.1', 80), 'web', 'a rule lets in, and the reply passes')
  assert.equal(await client.pings('10.0.0.1'), true)
  assert.equal(await server.fetch('10.0.0.2', 80), undefined, 'the other way nothing is allowed')
  assert.equal(await other.fetch('10.0.0.1', 80), undefined, 'a port without groups cannot speak')

  const bad = rule('ingress', { remoteIpPrefix: '10.0.0.0/24 accept; drop' })
  const { problems } = await driver.ensureSecurityGroup(call, { ...web, rules: [...web.rules, bad, http, rule('ingress', { protocol: 'gre', portRangeMin: 1 })] })
  assert.equal(problems.length, 2)
  assert.equal(await client.fetch('10.0.0.1', 80), 'web', 'a bad rule does not stop the others')

  const talk = await server.serve('10.0.0.1', 90, '')
  talk.removeAllListeners('connection')
  let received = 0
  let sent = 0
  talk.on('connection', (socket) => {
    socket.on('error', () => {})
    socket.on('data', (chunk) => (received += chunk.length))
  })
  const udp = rule('ingress', { protocol: 'tcp', portRangeMin: 90, portRangeMax: 90 })
  await driver.ensureSecurityGroup(call, { ...web, rules: [...web.rules, udp] })
  const stop = new AbortController()
  t.after(() => stop.abort())
  const talking = runner.run('/usr/bin/nsenter', [`--net=/run/netns/${client.netns}`, '--', '/bin/sh', '-c', 'while sleep 0.05; do echo x; done | busybox nc 10.0.0.1 90'], { timeoutSeconds: 20, signal: stop.signal }).catch(() => {})
  const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))
  for (let turn = 0; turn < 60 && received < 6; turn += 1) await pause(50)
  assert.ok(received >= 6, 'the conversation runs')
  await driver.ensureSecurityGroup(call, web)
  await pause(100)
  sent = received
  await pause(700)
  assert.equal(received, sent, 'taking the rule away cut it')
  await driver.ensureSecurityGroup(call, { ...web, rules: [...web.rules, udp] })
  for (let turn = 0; turn < 60 && received === sent; turn += 1) await pause(50)
  assert.ok(received > sent, 'and giving it back lets it go on')
  stop.abort()
  await talking
})

test('a remote group admits its members only, and a new member at once', needsRoot, async (t) => {
  const lab = await startLab(t)
  const { driver } = lab
  await driver.ensureNetwork(call, network(0x103))
  const friends = { id: id(0x920), stateful: true, rules: [rule('egress'), rule('ingress', { protocol: 'tcp', remoteAddressSetId: id(0x920) })] }
  const plain = { id: id(0x921), stateful: true, rules: [rule('egress')] }
  await driver.ensureSecurityGroup(call, friends)
  await driver.ensureSecurityGroup(call, plain)
  await driver.ensureAddressSet(call, { id: friends.id, addresses: ['10.0.0.1', '10.0.0.2'] })
  const a = await lab.guest(port(0x31, id(0x103), '10.0.0.1', { securityGroupIds: [friends.id] }), ['10.0.0.1/24'])
  const b = await lab.guest(port(0x32, id(0x103), '10.0.0.2', { securityGroupIds: [friends.id] }), ['10.0.0.2/24'])
  const c = await lab.guest(port(0x33, id(0x103), '10.0.0.3', { securityGroupIds: [plain.id] }), ['10.0.0.3/24'])
  await a.serve('10.0.0.1', 80, 'a')
  assert.deepEqual([await b.fetch('10.0.0.1', 80), await c.fetch('10.0.0.1', 80)], ['a', undefined])
  await driver.ensureAddressSet(call, { id: friends.id, addresses: ['10.0.0.1', '10.0.0.3', 'nonsense'] })
  assert.deepEqual([await b.fetch('10.0.0.1', 80), await c.fetch('10.0.0.1', 80)], [undefined, 'a'])
})

test('members of a remote group whose addresses overlap are all admitted, and nobody else', needsRoot, async (t) => {
  const lab = await startLab(t)
  const { driver } = lab
  await driver.ensureNetwork(call, network(0x104))
  const friends = { id: id(0x922), stateful: true, rules: [rule('egress'), rule('ingress', { protocol: 'tcp', remoteAddressSetId: id(0x922) })] }
  await driver.ensureSecurityGroup(call, friends)
  const a = await lab.guest(port(0x34, id(0x104), '10.0.0.1', { securityGroupIds: [friends.id] }), ['10.0.0.1/24'])
  const b = await lab.guest(port(0x35, id(0x104), '10.0.0.2', { securityGroupIds: [friends.id] }), ['10.0.0.2/24'])
  const c = await lab.guest(port(0x36, id(0x104), '10.0.0.9', { securityGroupIds: [friends.id] }), ['10.0.0.9/24'])
  await a.serve('10.0.0.1', 80, 'a')
  const admitted = async () => [await b.fetch('10.0.0.1', 80), await c.fetch('10.0.0.1', 80)]
  // What allowed address pairs may be: the port's own address again, prefixes in each other, and side by side.
  const overlapping = ['10.0.0.2', '10.0.0.2/32', '10.0.0.0/30', '10.0.0.0/29', '10.0.0.1', 'fd00::/64', 'fd00::1']
  assert.deepEqual((await driver.ensureAddressSet(call, { id: friends.id, addresses: overlapping })).problems, [])
  assert.deepEqual(await admitted(), ['a', undefined])
  await driver.ensureAddressSet(call, { id: friends.id, addresses: [...overlapping, '10.0.0.8/29'] })
  assert.deepEqual(await admitted(), ['a', 'a'])
  await driver.ensureAddressSet(call, { id: friends.id, addresses: ['10.0.0.2', '10.0.0.2/32'] })
  assert.deepEqual(await admitted(), ['a', undefined], 'what goes takes nothing with it that stays')
})

test('a restarted engine goes on with what it finds, and each thing can be taken away', needsRoot, async (t) => {
  const lab = await startLab(t)
  await lab.driver.ensureNetwork(call, network(0x104))
  await lab.driver.ensureSecurityGroup(call, open)
  const [first, second] = [port(0x41, id(0x104), '10.0.0.1', { securityGroupIds: [open.id], device: 'tap' }), port(0x42, id(0x104), '10.0.0.2', { securityGroupIds: [open.id], device: 'tap' })]
  await lab.driver.plugPort(call, first)
  const driver = lab.restarted()
  await driver.ensureFabric(call, { externalNetworks: [] })
  await driver.ensureNetwork(call, network(0x104))
  await driver.plugPort(call, first)
  await driver.plugPort(call, second)
  const fabric = { netns: `${lab.prefix}-fabric` }
  const numbers = (await lab.helper.nftQuery(['map', 'inet', 'nimbo', 'egress'], fabric)).map((entry) => entry['map'] as { elem: unknown[] }).find(Boolean)
  assert.equal(numbers?.elem.length, 2)
  const inventory = await driver.inventory(call)
  assert.deepEqual(inventory, {
    fabric: true, networks: [id(0x104).slice(0, 11)],
    ports: [first, second].map((one) => ({ id: one.id.slice(0, 11), network: id(0x104).slice(0, 11), filtered: true })),
    securityGroups: [open.id], addressSets: [], dhcp: [], routers: [], strangers: [],
  })
  const [tap] = await lab.helper.ipQuery(['-d', 'link', 'show', 'dev', `tap${first.id.slice(0, 11)}`], fabric) as { linkinfo: { info_data: { user: string } } }[]
  assert.equal(String(tap?.linkinfo.info_data.user), '64123')
  for (const one of [first, second]) {
    await driver.unplugPort(call, one.id)
    await driver.unplugPort(call, one.id)
  }
  await driver.removeSecurityGroup(call, open.id)
  await driver.removeNetwork(call, id(0x104))
  await driver.removeNetwork(call, id(0x104))
  const empty = await driver.inventory(call)
  assert.deepEqual({ ...empty, fabric: false }, { fabric: false, networks: [], ports: [], securityGroups: [], addressSets: [], dhcp: [], routers: [], strangers: [] })
})

const qemu = existsSync('/usr/bin/qemu-system-x86_64') ? needsRoot : { skip: 'needs qemu-system-x86_64' }
test('QEMU, as its own user without any right, opens the tap in the fabric', qemu, async (t) => {
  const lab = await startLab(t)
  await lab.driver.ensureNetwork(call, network(0x105))
  const { device, netns } = await lab.driver.plugPort(call, port(0x45, id(0x105), '10.0.0.1', { device: 'tap' }))
  const { pid } = await lab.helper.startDaemon({
    kind: 'qemu', id: id(0x45), netns, outputFile: `${lab.dataDirectory}/qemu.log`,
    args: ['-M', 'q35,accel=tcg', '-m', '16', '-nodefaults', '-display', 'none', '-S', '-netdev', `tap,id=n0,ifname=${device},script=no,downscript=no`, '-device', 'virtio-net-pci,netdev=n0,romfile='],
  })
  t.after(() => process.kill(pid, 'SIGKILL'))
  await new Promise((resolve) => setTimeout(resolve, 700))
  assert.equal((await lab.helper.daemons('qemu')).get(id(0x45))?.pid, pid, readFileSync(`${lab.dataDirectory}/qemu.log`, 'utf8'))
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  assert.match(status, /^Uid:\s+64123\s+64123\s+64123\s+64123$/m)
  assert.match(status, /^CapBnd:\s+0+$/m)
  const [tap] = await lab.helper.ipQuery(['link', 'show', 'dev', device], { netns }) as { flags: string[] }[]
  assert.ok(tap?.flags.includes('LOWER_UP'), 'somebody holds the tap')
})
