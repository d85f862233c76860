// What comes late, twice or not at all between the server and its agents, and what fails on a host.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { type RequestContext, systemClock, systemIds, systemRandom } from '#core/context'
import { openDatabase } from '#core/db'
import { AppError } from '#core/errors'
import { silentLog } from '#core/observe'
import { AnswerLost, type Bus, rpcClient } from '#core/rpc'
import { quickClock } from '../../../core/testing/quick-clock.ts'
import { l2AgentRpc } from '../contract/agent-rpc.ts'
import { neutronMigrations } from '../db/migrations/index.ts'
import type { NeutronTables } from '../db/tables.ts'
import { must, network, port, startLab, subnet, until } from './lab.ts'

const ctx: RequestContext = {
  requestId: 'req-1', signal: new AbortController().signal, log: silentLog,
  identity: { userId: 'u', userName: 'u', userDomainId: 'default', userDomainName: 'Default', roles: ['service'] },
}

type Send = Bus['send']

/** What is said over the bus passes by this first, which passes it on, or does not. */
function overheard(bus: Bus, hear: (message: Parameters<Send>[2], pass: () => ReturnType<Send>) => ReturnType<Send>): void {
  const { send } = bus
  Object.assign(bus, { send: (...sent: Parameters<Send>) => hear(sent[2], () => send.apply(bus, sent)) })
}

async function startWired(t: TestContext) {
  const lab = await startLab(t, { capabilities: { clock: quickClock(50) } })
  const { admin, demo, engine, cloud } = lab
  const blue = await network(demo)
  const block = await subnet(demo, blue.id)
  const bind = async () => {
    const made = await port(admin, blue.id, { project_id: demo.projectId, 'binding:host_id': 'host-1', device_owner: 'compute:nova' })
    await until(async () => (await must(demo, 'GET', `/ports/${made.id}`)).port.status === 'ACTIVE', 'the port')
    return made
  }
  await until(() => engine.state.dhcp.has(blue.id), 'DHCP')
  const database = await openDatabase<NeutronTables>({ name: 'neutron', file: join(cloud.dataDirectory, 'db', 'neutron.db'), migrations: neutronMigrations, clock: systemClock, log: silentLog })
  t.after(() => database.close())
  const agent = rpcClient(cloud.bus, { clock: systemClock, random: systemRandom, ids: systemIds, log: silentLog }, l2AgentRpc).on('host-1')
  return { ...lab, blue, block, bind, agent, database }
}

type Wired = Awaited<ReturnType<typeof startWired>>

/** What the agent was told to wire the port with. */
function wiringOf({ engine, blue }: Wired, portId: string) {
  const spec = engine.state.ports.get(portId)
  assert.ok(spec)
  return { network: engine.state.networks.get(blue.id), port: spec, revision: 1, groups: spec.securityGroupIds.map((id) => ({ id, revision: 1 })), addressSetIds: [] }
}

test('the word to wire a port that comes after the port was deleted leaves no wire, nor its groups', async (t) => {
  const wired = await startWired(t)
  const { demo, engine, agent, bind } = wired
  const made = await bind()
  const wiring = wiringOf(wired, made.id)
  await must(demo, 'DELETE', `/ports/${made.id}`)
  await until(() => !engine.state.ports.has(made.id) && engine.state.securityGroups.size === 0 && engine.state.addressSets.size === 0, 'the end of the port')
  assert.deepEqual(await agent.wirePort(ctx, { wiring }), { up: false })
  assert.deepEqual([[...engine.state.ports.keys()], [...engine.state.securityGroups.keys()], [...engine.state.addressSets.keys()]], [[], [], []])
})

test('a port that is unplugged while its agent asks for its groups leaves none', async (t) => {
  const wired = await startWired(t)
  const { demo, engine, agent, bind, cloud } = wired
  const made = await bind()
  const wiring = wiringOf(wired, made.id)
  const set = [...engine.state.addressSets.keys()][0] ?? ''
  await must(demo, 'DELETE', `/ports/${made.id}`)
  await until(() => !engine.state.ports.has(made.id) && engine.state.addressSets.size === 0, 'the end of the port')
  const asked = Promise.withResolvers<void>()
  const answered = Promise.withResolvers<void>()
  let questions = 0
  overheard(cloud.bus, async ({ method, args }, pass) => {
    const { addressSetIds = [] } = JSON.parse(args) as { addressSetIds?: readonly string[] }
    if (method !== 'groupSpecs' || addressSetIds.length === 0) return pass()
    if (++questions === 1) {
      asked.resolve()
      await answered.promise
      throw new AnswerLost('It was lost on its way.')
    }
    const sending = await pass()
    return { answer: systemClock.sleep(100).then(() => sending.answer) }
  })
  const late = assert.rejects(agent.wirePort(ctx, { wiring }), { code: 'bus.lost' })
  await asked.promise
  const changed = agent.groupsChanged(ctx, { groupIds: [], addressSetIds: [set], addresses: [] })
  const unplugged = agent.unwirePort(ctx, { portId: made.id })
  answered.resolve()
  await Promise.all([late, changed, unplugged])
  assert.deepEqual([[...engine.state.ports.keys()], [...engine.state.securityGroups.keys()], [...engine.state.addressSets.keys()]], [[], [], []])
})

test('the word to wire a port that comes after its network was deleted leaves no network', async (t) => {
  const wired = await startWired(t)
  const { demo, engine, agent, bind, blue } = wired
  const made = await bind()
  const wiring = wiringOf(wired, made.id)
  await must(demo, 'DELETE', `/ports/${made.id}`)
  await must(demo, 'DELETE', `/networks/${blue.id}`)
  await until(() => !engine.state.networks.has(blue.id), 'the end of the network')
  await agent.wirePort(ctx, { wiring })
  assert.equal(engine.state.networks.has(blue.id), false)
})

test('the word to wire a port that comes after the port was deleted leaves no wire, though the question whether it is there gets lost', async (t) => {
  const wired = await startWired(t)
  const { demo, engine, agent, bind, cloud } = wired
  const made = await bind()
  const wiring = wiringOf(wired, made.id)
  await must(demo, 'DELETE', `/ports/${made.id}`)
  await until(() => !engine.state.ports.has(made.id) && engine.state.addressSets.size === 0, 'the end of the port')
  let lost = 2
  overheard(cloud.bus, async ({ method }, pass) => {
    if (method === 'portIsUp' && lost-- > 0) throw new AnswerLost('It was lost on its way.')
    return pass()
  })
  await assert.rejects(agent.wirePort(ctx, { wiring }), { code: 'bus.lost' })
  assert.ok(engine.state.ports.has(made.id))
  await until(() => engine.state.ports.size + engine.state.securityGroups.size + engine.state.addressSets.size === 0, 'the end of the port')
})

test('the word to unplug a port that comes after the port is back leaves its wire', async (t) => {
  const { engine, agent, bind, admin } = await startWired(t)
  const made = await bind()
  await must(admin, 'PUT', `/ports/${made.id}`, { port: { 'binding:host_id': '' } })
  await until(() => !engine.state.ports.has(made.id), 'the unplugging')
  await must(admin, 'PUT', `/ports/${made.id}`, { port: { 'binding:host_id': 'host-1' } })
  await until(() => engine.state.ports.has(made.id), 'the second wiring')
  await agent.unwirePort(ctx, { portId: made.id })
  assert.ok(engine.state.ports.has(made.id))
})

test('a port that is deleted on its new host is unplugged on the old one too, though that failed at first', async (t) => {
  const { admin, engine, bind } = await startWired(t)
  const made = await bind()
  const unplug = engine.unplugPort
  let refused = 0
  engine.unplugPort = async (call, id) => {
    if (++refused <= 2) throw new AppError(500, 'engine.failed', 'The engine failed.')
    return unplug.call(engine, call, id)
  }
  await must(admin, 'PUT', `/ports/${made.id}`, { port: { 'binding:host_id': 'host-9' } })
  await until(() => refused === 1, 'the first failure')
  await must(admin, 'DELETE', `/ports/${made.id}`)
  await until(() => !engine.state.ports.has(made.id), 'the unplugging')
})

test('a port whose wiring failed has no wire, though the engine had made it before it failed', async (t) => {
  const { admin, engine, blue, demo } = await startWired(t)
  const plug = engine.plugPort
  engine.plugPort = async (call, spec) => {
    await plug.call(engine, call, spec)
    throw new AppError(504, 'engine.silent', 'The engine did not answer.')
  }
  const made = await port(admin, blue.id, { project_id: demo.projectId, 'binding:host_id': 'host-1', device_owner: 'compute:nova' })
  await until(async () => (await must(admin, 'GET', `/ports/${made.id}`)).port['binding:vif_type'] === 'binding_failed', 'the failure')
  await until(() => !engine.state.ports.has(made.id), 'the end of the wire')
})

test('a change of a running server’s port that its host cannot take leaves the server connected, and is made up for', async (t) => {
  const { admin, demo, engine, bind, database } = await startWired(t)
  const made = await bind()
  const plug = engine.plugPort
  engine.plugPort = () => Promise.reject(new AppError(500, 'engine.failed', 'The engine failed.'))
  const { security_group: group } = await must(demo, 'POST', '/security-groups', { security_group: { name: 'web' } })
  await must(demo, 'PUT', `/ports/${made.id}`, { port: { security_groups: [group.id] } })
  await until(async () => {
    const all = await database.read.selectFrom('operations').select(['status']).where('kind', '=', 'port.wire').orderBy('created_at').execute()
    return all.length === 2 && all[1]?.status === 'failed'
  }, 'the end of the tries')
  assert.equal((await must(admin, 'GET', `/ports/${made.id}`)).port['binding:vif_type'], 'bridge')
  assert.ok(engine.state.ports.has(made.id))
  engine.plugPort = plug
  await until(() => engine.state.ports.get(made.id)?.securityGroupIds.join() === group.id, 'the making up')
})

test('what an agent missed while it counted as down it makes up for when it reports again', async (t) => {
  const { engine, bind, blue, database } = await startWired(t)
  const made = await bind()
  engine.state.ports.delete(made.id)
  engine.state.dhcp.delete(blue.id)
  await database.transaction((tx) => tx.updateTable('agents').set({ missed: 1 }).where('agent_type', 'in', ['Linux bridge agent', 'DHCP agent']).execute())
  await until(() => engine.state.ports.has(made.id) && engine.state.dhcp.has(blue.id), 'the making up')
  assert.deepEqual(await database.read.selectFrom('agents').select('agent_type').where('missed', '=', 1).execute(), [])
})

test('one port that a host cannot wire does not keep its agent from the others', async (t) => {
  const { engine, bind, agent } = await startWired(t)
  const made = await bind()
  const plug = engine.plugPort
  engine.plugPort = (call, spec) => spec.id === made.id ? Promise.reject(new AppError(500, 'engine.failed', 'The engine failed.')) : plug.call(engine, call, spec)
  engine.state.ports.delete(made.id)
  await agent.resync(ctx, {})
  await bind()
  engine.plugPort = plug
  await until(() => engine.state.ports.has(made.id), 'the next comparison')
})

test('addresses that could not be told to a filter are told again', async (t) => {
  const { engine, bind } = await startWired(t)
  const first = await bind()
  const ensure = engine.ensureAddressSet
  let refused = false
  engine.ensureAddressSet = async (call, spec) => {
    if (refused) return ensure.call(engine, call, spec)
    refused = true
    throw new AppError(500, 'engine.failed', 'The engine failed.')
  }
  const second = await bind()
  assert.ok(refused)
  assert.deepEqual([...engine.state.addressSets.values()].map(({ addresses }) => [...addresses].sort((a, b) => a.localeCompare(b))), [
    [first, second].map((each) => String(each.fixed_ips[0].ip_address)).sort((a, b) => a.localeCompare(b)),
  ])
})

test('DHCP knows the ports that are plugged in, and none that nobody can ask from', async (t) => {
  const { demo, engine, bind, blue, block } = await startWired(t)
  const loose = await port(demo, blue.id)
  const made = await bind()
  await must(demo, 'PUT', `/subnets/${block.id}`, { subnet: { dns_nameservers: ['192.0.2.53'] } })
  const spec = await until(() => {
    const found = engine.state.dhcp.get(blue.id)
    return found?.subnets[0]?.dnsServers.length === 1 && found
  }, 'the whole of DHCP')
  assert.deepEqual(spec.hosts.map(({ portId }) => portId), [made.id])
  await must(demo, 'DELETE', `/ports/${loose.id}`)
})

test('a port that becomes a router’s leaves no wire on the host that it was bound to', async (t) => {
  const { demo, engine, bind } = await startWired(t)
  const made = await bind()
  const { router } = await must(demo, 'POST', '/routers', { router: { name: 'r' } })
  await must(demo, 'PUT', `/routers/${router.id}/add_router_interface`, { port_id: made.id })
  await until(() => !engine.state.ports.has(made.id), 'the unplugging')
  await until(() => engine.state.routers.get(router.id)?.interfaces.some(({ portId }) => portId === made.id), 'the interface')
})
