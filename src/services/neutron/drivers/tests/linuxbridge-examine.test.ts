// What is taken away from the kernel by hand is seen, and put there again by the ordinary calls.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DhcpSpec } from '../interface.ts'
import { call, id, macOf, needsRoot, port, rule, startLab } from './lab.ts'

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
  const { frame, devices, filters, groups, members, dhcpHosts, strangers, ...inventory } = await driver.examine(call)
  const { strangers: none, ...same } = await driver.inventory(call)
  assert.deepEqual([inventory, strangers], [same, none])
  assert.deepEqual([frame, filters, groups, dhcpHosts], [true, [{ portId: plugged.id, intact: true }], [{ id: group.id, intact: true }], [{ networkId: network.id, hosts: [{ macAddress: plugged.macAddress, address: '10.0.0.1' }] }]])
  assert.deepEqual(members, [{ id: set.id, addresses: ['10.0.0.9', 'fd00::9'] }])
  assert.deepEqual(devices, inventory.ports.map((each) => each.id))
  const verdict = async () => {
    const seen = await driver.examine(call)
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

  const held = async () => (await driver.examine(call)).members
  await driver.ensureAddressSet(call, { id: set.id, addresses: ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.1.0.0/24', '10.2.0.9', '10.2.0.11', '10.2.0.13', '10.2.0.15'] })
  assert.deepEqual(await held(), [{ id: set.id, addresses: ['10.0.0.1-10.0.0.3', '10.1.0.0/24', '10.2.0.9', '10.2.0.11', '10.2.0.13', '10.2.0.15'] }], 'as the kernel joins them')
  await nft('flush', 'set', 'inet', 'nimbo', `m4-${set.id}`)
  assert.deepEqual(await held(), [{ id: set.id, addresses: [] }])
  await driver.ensureAddressSet(call, set)
  assert.deepEqual(await held(), members)

  await nft('flush', 'chain', 'inet', 'nimbo', `i-${group.id}`)
  assert.deepEqual(await verdict(), [true, true, false])
  await driver.ensureSecurityGroup(call, group)
  await nft('flush', 'chain', 'inet', 'nimbo', 'forward')
  assert.deepEqual(await verdict(), [false, true, true])
  await driver.ensureFabric(call, { externalNetworks: [] })
  assert.deepEqual(await verdict(), [true, true, true])

  // What an earlier run put in force is not known by its count, but a lost chain is seen.
  const later = lab.restarted()
  assert.equal((await later.examine(call)).frame, true)
  await lab.helper.netnsAdd(`${prefix}-mine`)
  await lab.helper.ip(['link add odd0 type bridge'], { netns: fabric })
  assert.deepEqual((await later.examine(call)).strangers, ['odd0', `${prefix}-mine`])
  await lab.helper.ip(['link del odd0'], { netns: fabric })
})
