// The one suite that every network engine passes.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { create as createFake } from '../fake/index.ts'
import { BadSpecification, NetworkAbsent, type NetworkDriver, type NetworkSpec, Superseded, UnknownPhysicalNetwork } from '../interface.ts'
import { call, id, macOf, needsRoot, port, rule, startLab } from './lab.ts'

const fabric = { externalNetworks: [{ physicalNetwork: 'public', cidr: '198.51.100.0/24', gatewayAddress: '198.51.100.1' }] }
const engines: Record<string, { options: object; start(t: TestContext): Promise<NetworkDriver> }> = {
  fake: {
    options: {},
    async start(t) {
      const driver = createFake()
      t.after(() => driver.removeFabric(call))
      await driver.ensureFabric(call, fabric)
      return driver
    },
  },
  linuxbridge: { options: needsRoot, start: async (t) => (await startLab(t, fabric)).driver },
}
const network = (number: number, segment: NetworkSpec['segment']): NetworkSpec => ({ id: id(number), segment, mtu: 1450, remotePorts: [] })

for (const [name, engine] of Object.entries(engines)) {
  test(`${name}: an agent that was held up while another took its place changes nothing on the host any more`, engine.options, async (t) => {
    const driver = await engine.start(t)
    const [former, other] = [await driver.hold('l2'), await driver.hold('dhcp')]
    await former.ensureNetwork(call, network(0x100, { type: 'local' }))
    const present = await driver.hold('l2')
    for (const late of [() => former.removeNetwork(call, id(0x100)), () => former.inventory(call), () => former.confirm()]) await assert.rejects(late(), Superseded)
    assert.deepEqual((await present.inventory(call)).networks.length, 1)
    await Promise.all([present.confirm(), other.confirm()])
    await present.removeNetwork(call, id(0x100))
    assert.deepEqual((await other.inventory(call)).networks, [])
  })

  test(`${name}: everything can be stated twice, is in the inventory, and can be taken away twice`, engine.options, async (t) => {
    const driver = await engine.start(t)
    const group = { id: id(0x900), stateful: true, rules: [rule('egress')] }
    const plugged = port(1, id(0x100), '10.0.0.5', { device: 'tap', securityGroupIds: [group.id] })
    const router = {
      id: id(0x300), adminStateUp: true, floatingIps: [], portForwardings: [], routes: [{ destination: '10.8.0.0/16', nextHop: '10.0.0.9' }],
      interfaces: [{ portId: id(0x400), networkId: id(0x100), macAddress: macOf(0xa0), mtu: 1450, addresses: ['10.0.0.1/24'] }],
      gateway: { portId: id(0x500), networkId: id(0x101), macAddress: macOf(0xb0), mtu: 1500, addresses: ['198.51.100.9/24'], nextHop: '198.51.100.1', enableSnat: true },
    }
    const dhcp = {
      networkId: id(0x100), mtu: 1450, port: { id: id(0x200), macAddress: macOf(0xd0) }, domain: 'openstacklocal', dnsForwarders: [], metadata: true, hosts: [],
      subnets: [{ id: id(0x201), ipVersion: 4 as const, cidr: '10.0.0.0/24', enableDhcp: true, portAddress: '10.0.0.2', gatewayAddress: '10.0.0.1', dnsServers: [], hostRoutes: [], leaseSeconds: 600 }],
    }
    for (let turn = 0; turn < 2; turn += 1) {
      await driver.ensureFabric(call, fabric)
      await driver.ensureNetwork(call, network(0x100, { type: 'local' }))
      await driver.ensureNetwork(call, network(0x101, { type: 'flat', physicalNetwork: 'public' }))
      assert.deepEqual((await driver.ensureSecurityGroup(call, group)).problems, [])
      assert.deepEqual((await driver.ensureAddressSet(call, { id: group.id, addresses: ['10.0.0.5'] })).problems, [])
      const { device, problems } = await driver.plugPort(call, plugged)
      assert.deepEqual([device, problems], ['tap00000001-00', []])
      await driver.ensureDhcp(call, dhcp)
      await driver.ensureRouter(call, router)
    }
    const short = (number: number) => id(number).slice(0, 11)
    assert.deepEqual(await driver.inventory(call), {
      fabric: true, networks: [short(0x100), short(0x101)],
      ports: [[1, 0x100, true], [0x200, 0x100, false], [0x400, 0x100, false], [0x500, 0x101, false]]
        .map(([one, net, filtered]) => ({ id: short(Number(one)), network: short(Number(net)), filtered })),
      securityGroups: [group.id], addressSets: [group.id], dhcp: [{ networkId: id(0x100), alive: true }], routers: [router.id], strangers: [],
    })
    const metadata = await driver.listenMetadata(call, { networkId: id(0x100) })
    metadata.close()
    for (let turn = 0; turn < 2; turn += 1) {
      await driver.removeRouter(call, router.id)
      await driver.removeDhcp(call, id(0x100))
      await driver.unplugPort(call, plugged.id)
      await driver.removeSecurityGroup(call, group.id)
      await driver.removeAddressSet(call, group.id)
      await driver.removeNetwork(call, id(0x100))
      await driver.removeNetwork(call, id(0x101))
    }
    assert.deepEqual(await driver.inventory(call), {
      fabric: true, networks: [], ports: [], securityGroups: [], addressSets: [], dhcp: [], routers: [], strangers: [],
    })
  })

  test(`${name}: what is left over can be taken away by what an inventory says of it, and its groups after it`, engine.options, async (t) => {
    const driver = await engine.start(t)
    const group = { id: id(0x900), stateful: true, rules: [rule('egress')] }
    await driver.ensureSecurityGroup(call, group)
    for (const number of [1, 2]) {
      await driver.ensureNetwork(call, network(0x100 + number, { type: 'local' }))
      await driver.plugPort(call, port(number, id(0x100 + number), `10.0.0.${number}`, { device: 'tap', securityGroupIds: [group.id] }))
    }
    const [leftover, other] = (await driver.inventory(call)).ports
    assert.ok(leftover && other && leftover.network && leftover.id.length < id(1).length)
    await driver.unplugPort(call, leftover.id)
    await driver.removeNetwork(call, leftover.network)
    const between = await driver.inventory(call)
    assert.deepEqual([between.ports, between.networks, between.securityGroups], [[other], [other.network], [group.id]], 'and nothing else')
    await driver.unplugPort(call, other.id)
    await driver.removeNetwork(call, other.network ?? '')
    await driver.removeSecurityGroup(call, group.id)
    assert.deepEqual(await driver.inventory(call), { fabric: true, networks: [], ports: [], securityGroups: [], addressSets: [], dhcp: [], routers: [], strangers: [] })
  })

  test(`${name}: what cannot be is refused by name`, engine.options, async (t) => {
    const driver = await engine.start(t)
    await assert.rejects(driver.ensureNetwork(call, network(0x100, { type: 'flat', physicalNetwork: 'other' })), UnknownPhysicalNetwork)
    await assert.rejects(driver.plugPort(call, port(1, id(0x100), '10.0.0.5', { device: 'tap' })), NetworkAbsent)
    assert.deepEqual((await driver.inventory(call)).ports, [], 'and leaves nothing behind')
    await driver.ensureNetwork(call, network(0x100, { type: 'local' }))
    await assert.rejects(driver.plugPort(call, port(1, id(0x100), '10.0.0.5', { device: 'tap', macAddress: 'x' })), BadSpecification)
    await assert.rejects(driver.ensureNetwork(call, { ...network(0x100, { type: 'local' }), id: '../x' }), BadSpecification)
  })
}
