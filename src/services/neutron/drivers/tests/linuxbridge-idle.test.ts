// A control plane that goes while guests live: what they need stays, and nothing else.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create } from '../linuxbridge/index.ts'
import { systemClock } from '#core/context'
import type { DhcpSpec, NetworkSpec, RouterSpec } from '../interface.ts'
import { call, id, macOf, needsRoot, port, rule, runner, startLab } from './lab.ts'

const fabric = { externalNetworks: [{ physicalNetwork: 'public', cidr: '198.51.100.0/24', gatewayAddress: '198.51.100.1' }] }
const network = (number: number, segment: NetworkSpec['segment'] = { type: 'local' }): NetworkSpec => ({ id: id(number), segment, mtu: 1450, remotePorts: [] })
const short = (number: number) => id(number).slice(0, 11)
const outside = 0x10f

/** The networks of two projects, alike: each with DHCP, a router to the outside, a group, and the group's addresses. */
function project(number: number) {
  const cidr = `10.${number}.0`
  const dhcp: DhcpSpec = {
    networkId: id(0x100 + number), mtu: 1450, port: { id: id(0x200 + number), macAddress: macOf(0xd0 + number) }, domain: 'openstacklocal', dnsForwarders: [], metadata: true, hosts: [],
    subnets: [{ id: id(0x210 + number), ipVersion: 4, cidr: `${cidr}.0/24`, enableDhcp: true, portAddress: `${cidr}.2`, gatewayAddress: `${cidr}.1`, dnsServers: [], hostRoutes: [], leaseSeconds: 600 }],
  }
  const router: RouterSpec = {
    id: id(0x300 + number), adminStateUp: true, floatingIps: [], portForwardings: [], routes: [],
    interfaces: [{ portId: id(0x400 + number), networkId: id(0x100 + number), macAddress: macOf(0xa0 + number), mtu: 1450, addresses: [`${cidr}.1/24`] }],
    gateway: { portId: id(0x500 + number), networkId: id(outside), macAddress: macOf(0xb0 + number), mtu: 1500, addresses: [`198.51.100.1${number}/24`], nextHop: '198.51.100.1', enableSnat: true },
  }
  const set = id(0x920 + number)
  const group = { id: id(0x900 + number), stateful: true, rules: [rule('egress'), rule('ingress', { remoteAddressSetId: set }), rule('ingress', { remoteIpPrefix: `${cidr}.0/24` })] }
  return { network: network(0x100 + number), dhcp, router, group, set: { id: set, addresses: [`${cidr}.9`] }, address: `${cidr}.5` }
}

test('what a living guest needs stays when the control plane goes; the network of one that has ended goes with all that served it', needsRoot, async (t) => {
  const lab = await startLab(t, fabric)
  const { driver } = lab
  await driver.ensureNetwork(call, network(outside, { type: 'flat', physicalNetwork: 'public' }))
  const [ours, others] = [project(1), project(2)]
  for (const each of [ours, others]) {
    await driver.ensureNetwork(call, each.network)
    await driver.ensureAddressSet(call, each.set)
    await driver.ensureSecurityGroup(call, each.group)
    await driver.ensureDhcp(call, each.dhcp)
    await driver.ensureRouter(call, each.router)
  }
  const guest = await lab.guest(port(1, ours.network.id, ours.address, { securityGroupIds: [ours.group.id] }), [`${ours.address}/24`], '10.1.0.1')
  // The taps of servers that do not run: one beside the guest, one alone on its network.
  await driver.plugPort(call, port(2, ours.network.id, '10.1.0.6', { device: 'tap', securityGroupIds: [ours.group.id] }))
  const stopped = port(3, others.network.id, others.address, { device: 'tap', securityGroupIds: [others.group.id] })
  await driver.plugPort(call, stopped)
  assert.equal((await driver.inventory(call)).ports.length, 9)
  assert.deepEqual([await guest.pings('10.1.0.1'), await guest.pings('198.51.100.1')], [true, true], 'the guest reaches its router and the outside')

  const leaving = create({ privileged: lab.helper, clock: systemClock, prefix: lab.prefix, dataDirectory: lab.dataDirectory, qemuUid: 64123 })
  for (let turn = 0; turn < 2; turn += 1) {
    await leaving.removeIdle(call)
    assert.deepEqual(await leaving.inventory(call), {
      fabric: true, networks: [short(0x101), short(outside)],
      ports: [[1, 0x101, true], [0x201, 0x101, false], [0x401, 0x101, false], [0x501, outside, false]].map(([one, net, filtered]) => ({ id: short(Number(one)), network: short(Number(net)), filtered })),
      securityGroups: [ours.group.id], addressSets: [ours.set.id], dhcp: [{ networkId: ours.network.id, alive: true }], routers: [ours.router.id], strangers: [],
    })
  }
  const rules = await lab.run(`${lab.prefix}-fabric`, '/usr/sbin/nft', 'list', 'ruleset')
  for (const gone of [id(2), id(3), others.group.id, others.set.id, short(0x102)]) assert.equal(rules.includes(gone), false, gone)
  assert.deepEqual([await guest.pings('10.1.0.1'), await guest.pings('198.51.100.1')], [true, true], 'the guest does not notice')

  // The next control plane states everything again.
  const next = lab.restarted()
  await next.ensureFabric(call, fabric)
  await next.ensureNetwork(call, network(outside, { type: 'flat', physicalNetwork: 'public' }))
  await next.ensureNetwork(call, others.network)
  await next.ensureSecurityGroup(call, others.group)
  await next.ensureDhcp(call, others.dhcp)
  await next.ensureRouter(call, others.router)
  const again = await lab.guest({ ...stopped, device: 'given' }, [`${others.address}/24`], '10.2.0.1')
  assert.deepEqual([await again.pings('10.2.0.1'), await again.pings('198.51.100.1'), await guest.pings('198.51.100.1')], [true, true, true])
})

test('QEMU holds its tap, and lets go of it when it ends', needsRoot, async (t) => {
  const lab = await startLab(t)
  await lab.driver.ensureNetwork(call, network(0x100))
  const { device } = await lab.driver.plugPort(call, port(1, id(0x100), '10.0.0.1', { device: 'tap' }))
  const leaving = create({ privileged: lab.helper, clock: systemClock, prefix: lab.prefix, dataDirectory: lab.dataDirectory, qemuUid: 64123 })
  const flags = async () => (JSON.parse((await runner.run('/usr/bin/nsenter', [`--net=/run/netns/${lab.prefix}-fabric`, '--', '/usr/sbin/ip', '-j', 'link', 'show', device], { timeoutSeconds: 10 })).stdout) as { flags: string[] }[])[0]?.flags ?? []
  const end = new AbortController()
  t.after(() => end.abort())
  const ended = runner.run('/usr/bin/nsenter', [
    `--net=/run/netns/${lab.prefix}-fabric`, '--', '/usr/bin/qemu-system-x86_64', '-machine', 'none', '-nodefaults', '-display', 'none', '-S',
    '-netdev', `tap,id=n0,ifname=${device},script=no,downscript=no,vhost=off`,
  ], { timeoutSeconds: 60, signal: end.signal }).catch(() => undefined)
  for (let attempt = 0; attempt < 500 && !(await flags()).includes('LOWER_UP'); attempt += 1) await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal((await flags()).includes('LOWER_UP'), true)
  await leaving.removeIdle(call)
  assert.deepEqual((await leaving.inventory(call)).ports.map((each) => each.id), [short(1)])
  end.abort()
  await ended
  await leaving.removeIdle(call)
  const left = await leaving.inventory(call)
  assert.deepEqual([left.ports, left.networks], [[], []])
})
