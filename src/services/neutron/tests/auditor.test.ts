// The auditor of a cloud whose network engine is broken by hand.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { systemClock, systemIds } from '#core/context'
import { openDatabase } from '#core/db'
import { silentLog } from '#core/observe'
import { auditorOf, quickAudit } from '../../../app/testing/audit.ts'
import { neutronMigrations } from '../db/migrations/index.ts'
import type { NeutronTables } from '../db/tables.ts'
import { atRest, external, must, network, port, startLab, subnet, until } from './lab.ts'

async function startBroken(t: TestContext) {
  const lab = await startLab(t, { config: { neutron: quickAudit } })
  const { admin, demo, engine, cloud } = lab
  const outside = await external(admin)
  const blue = await network(demo)
  const block = await subnet(demo, blue.id)
  const { router } = await must(demo, 'POST', '/routers', { router: { name: 'r', external_gateway_info: { network_id: outside.id } } })
  await must(demo, 'PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: block.id })
  const wired = await port(admin, blue.id, { project_id: demo.projectId, 'binding:host_id': 'host-1', device_id: 'vm-1', device_owner: 'compute:nova' })
  await until(async () => (await must(demo, 'GET', `/ports/${wired.id}`)).port.status === 'ACTIVE', 'the port')
  await until(() => engine.state.routers.get(router.id)?.interfaces.length === 1 && engine.state.dhcp.get(blue.id)?.hosts.some((host) => host.portId === wired.id), 'router and DHCP')
  // What an operation works on is left to it: an auditor would say less.
  await atRest(admin)
  const auditor = auditorOf(cloud, 'neutron')
  assert.deepEqual(await auditor.history(), [], 'a cloud in order')
  return { ...lab, auditor, networkId: String(blue.id), portId: String(wired.id), routerId: String(router.id), groupId: String(wired.security_groups[0]) }
}

async function openRows(t: TestContext, { dataDirectory }: Broken['cloud']) {
  const database = await openDatabase<NeutronTables>({ name: 'neutron', migrations: neutronMigrations, file: join(dataDirectory, 'db', 'neutron.db'), clock: systemClock, log: silentLog })
  t.after(() => database.close())
  return database
}

type Broken = Awaited<ReturnType<typeof startBroken>>

/** What is broken, how, and what the auditor says when it has put it right. */
const ways: Readonly<Record<string, (lab: Broken) => readonly string[]>> = {
  'a device that is gone': ({ engine, portId }) => [engine.state.ports.delete(portId) ? `wire.missing ${portId}` : ''],
  'a filter that was flushed': ({ engine, portId }) => [engine.state.brokenFilters.add(portId) ? `filter.broken ${portId}` : ''],
  'the way to all filters': ({ engine }) => [engine.state.brokenFilters.add('frame') ? 'fabric.broken host-1' : ''],
  'rules that were flushed': ({ engine, groupId }) => [engine.state.brokenFilters.add(groupId) ? `group.broken ${groupId}` : ''],
  'addresses that are gone': ({ engine, groupId }) => [engine.state.addressSets.delete(groupId) ? `address-set.missing ${groupId}` : ''],
  'addresses that were flushed': ({ engine, groupId }) => [engine.state.addressSets.set(groupId, { id: groupId, addresses: [] }) ? `address-set.broken ${groupId}` : ''],
  'a segment that is gone, with all that hung on it': ({ engine, networkId, portId }) =>
    [engine.state.networks.delete(networkId) ? `network.missing ${networkId}` : '', `wire.loose ${portId}`],
  'DHCP that is gone': ({ engine, networkId }) => [engine.state.dhcp.delete(networkId) ? `dhcp.missing ${networkId}` : ''],
  'DHCP that lacks a port': ({ engine, networkId }) => {
    const spec = engine.state.dhcp.get(networkId)
    assert.ok(spec)
    engine.state.dhcp.set(networkId, { ...spec, hosts: [] })
    return [`dhcp.incomplete ${networkId}`]
  },
  'DHCP that gives a port another address, and answers one that is gone': ({ engine, networkId }) => {
    const spec = engine.state.dhcp.get(networkId)
    const [host] = spec?.hosts ?? []
    assert.ok(spec && host)
    const gone = { ...host, portId: systemIds.uuid(), macAddress: 'fa:16:3e:00:00:99' }
    engine.state.dhcp.set(networkId, { ...spec, hosts: [...spec.hosts.map((each) => ({ ...each, addresses: each.addresses.map((at) => ({ ...at, address: '10.9.9.9' })) })), gone] })
    return [`dhcp.outdated ${networkId}`]
  },
  'DHCP whose own address is another': ({ engine, networkId }) => {
    const spec = engine.state.dhcp.get(networkId)
    assert.ok(spec)
    engine.state.dhcp.set(networkId, { ...spec, subnets: spec.subnets.map((one) => ({ ...one, portAddress: '10.9.9.9' })) })
    return [`dhcp.broken ${networkId}`]
  },
  'a segment that hangs on another tunnel': ({ engine, networkId }) => {
    const spec = engine.state.networks.get(networkId)
    assert.ok(spec)
    engine.state.networks.set(networkId, { ...spec, segment: { type: 'vxlan', vni: 4_000_000 } })
    return [`network.broken ${networkId}`]
  },
  'what joins the fabric to the host': ({ engine }) => [engine.state.brokenFilters.add('host') ? 'fabric.broken host-1' : ''],
  'a router that does not translate any more': ({ engine, routerId }) => {
    const spec = engine.state.routers.get(routerId)
    assert.ok(spec?.gateway)
    engine.state.routers.set(routerId, { ...spec, gateway: { ...spec.gateway, enableSnat: false } })
    return [`router.broken ${routerId}`]
  },
  'a router that is gone': ({ engine, routerId }) => [engine.state.routers.delete(routerId) ? `router.missing ${routerId}` : ''],
}

for (const [name, breakIt] of Object.entries(ways)) {
  test(`${name}: it is made again`, async (t) => {
    const lab = await startBroken(t)
    const { engine, auditor, portId, networkId, routerId, groupId } = lab
    const remember = () => structuredClone([
      engine.state.ports.get(portId), engine.state.networks.get(networkId), engine.state.securityGroups.get(groupId), engine.state.addressSets.get(groupId),
      engine.state.dhcp.get(networkId)?.hosts.map(({ portId: client }) => client).sort((a, b) => a.localeCompare(b)), engine.state.dhcp.get(networkId)?.subnets, engine.state.routers.get(routerId), [...engine.state.brokenFilters],
    ])
    const before = remember()
    const said = breakIt(lab)
    assert.notDeepEqual(remember(), before, 'the test can tell')
    assert.deepEqual(await auditor.history(), said.map((each) => `${each} repaired`).sort((a, b) => a.localeCompare(b)))
    assert.deepEqual(remember(), before)
    assert.deepEqual(await auditor.audit(), [])
  })
}

test('a second port of an owner like DHCP’s, and subnets that were made at once, are no difference', async (t) => {
  const { cloud, admin, demo, auditor, engine, networkId } = await startBroken(t)
  const { port: second } = await must(admin, 'POST', '/ports', { port: { network_id: networkId, device_owner: 'network:dhcp', device_id: 'mine' } })
  const rows = await openRows(t, cloud)
  await rows.transaction((tx) => tx.updateTable('ports').set({ created_at: '2999-01-01T00:00:00Z' }).where('id', '=', second.id).execute())
  await must(demo, 'POST', '/subnets', { subnets: [4, 3, 2].map((number) => ({ network_id: networkId, ip_version: 4, cidr: `10.${number}.0.0/24` })) })
  await until(() => engine.state.dhcp.get(networkId)?.subnets.length === 4, 'DHCP in all subnets')
  await atRest(admin)
  assert.deepEqual(await auditor.history(), [])
})

test('a port whose row is gone leaves the host with the rules and addresses of its group', async (t) => {
  const { cloud, engine, auditor, portId, networkId, groupId } = await startBroken(t)
  const rows = await openRows(t, cloud)
  await rows.transaction((tx) => tx.deleteFrom('ports').where('id', '=', portId).execute())
  assert.deepEqual(await auditor.history(), [
    `address-set.stray ${groupId} repaired`, `dhcp.outdated ${networkId} repaired`, `group.stray ${groupId} repaired`, `wire.stray ${portId.slice(0, 11)} repaired`,
  ])
  assert.deepEqual([engine.state.ports.size, engine.state.securityGroups.size, engine.state.addressSets.size], [0, 0, 0])
  assert.deepEqual(await auditor.audit(), [])
})

test('what is on a host for nothing is removed, and what is not the cloud’s is told', async (t) => {
  const { engine, auditor, portId, networkId, routerId, groupId } = await startBroken(t)
  const [net, stray, dhcpPort, group, router] = [systemIds.uuid(), systemIds.uuid(), systemIds.uuid(), systemIds.uuid(), systemIds.uuid()]
  const known = { port: engine.state.ports.get(portId), network: engine.state.networks.get(networkId), dhcp: engine.state.dhcp.get(networkId), router: engine.state.routers.get(routerId), group: engine.state.securityGroups.get(groupId) }
  assert.ok(known.port && known.network && known.dhcp && known.router && known.group)
  engine.state.networks.set(net, { ...known.network, id: net })
  engine.state.ports.set(stray, { ...known.port, id: stray, networkId: net })
  engine.state.securityGroups.set(group, { ...known.group, id: group })
  engine.state.addressSets.set(group, { id: group, addresses: [] })
  engine.state.dhcp.set(net, { ...known.dhcp, networkId: net, port: { ...known.dhcp.port, id: dhcpPort } })
  engine.state.routers.set(router, { ...known.router, id: router, interfaces: [], gateway: null })
  engine.state.strangers.add('veth0')
  assert.deepEqual(await auditor.history(), [
    `address-set.stray ${group} repaired`, `dhcp.stray ${net} repaired`, `group.stray ${group} repaired`, 'network.stranger veth0 open', `network.stray ${net.slice(0, 11)} repaired`,
    `router.stray ${router} repaired`, ...[stray, dhcpPort].map((id) => `wire.stray ${id.slice(0, 11)} repaired`).sort((a, b) => a.localeCompare(b)),
  ])
  assert.deepEqual([[...engine.state.ports.keys()], [...engine.state.dhcp.keys()], [...engine.state.routers.keys()], engine.state.networks.has(net), engine.state.securityGroups.has(group)], [[portId], [networkId], [routerId], false, false])
})
