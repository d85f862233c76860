// What the tests of neutron share: a cloud, its people, the engine behind the agents, and waiting for operations.
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createCredentials } from '#core/client'
import { systemClock, systemIds, systemRandom } from '#core/context'
import { silentLog } from '#core/observe'
import { createProcessRunner } from '#core/process'
import type { Runtime } from '#core/service'
import { startCloud, type Session, type TestCloud, type TestCloudOptions } from '../../../app/testing/index.ts'
import type { FakeNetworkDriver } from '../drivers/fake/index.ts'
import { engineForTests } from '../host/agent.ts'
import { startDhcpAgent } from '../host/dhcp-agent.ts'
import { startL2Agent } from '../host/l2-agent.ts'
import { startL3Agent } from '../host/l3-agent.ts'

export interface Lab {
  readonly cloud: TestCloud
  readonly admin: Session
  readonly demo: Session
  readonly engine: FakeNetworkDriver
}

export async function startLab(t: TestContext, options: TestCloudOptions = {}): Promise<Lab> {
  const cloud = await startCloud(t, ['keystone', 'neutron'], options)
  return { cloud, admin: await cloud.login('admin'), demo: await cloud.login('demo'), engine: (await engineForTests({ bus: cloud.bus, host: 'host-1' })) as FakeNetworkDriver }
}

/** The network agents of another host of the cloud, with an engine of their own. */
export async function startHost(t: TestContext, { cloud, admin }: Lab, host: string): Promise<FakeNetworkDriver> {
  const capabilities = { clock: systemClock, ids: systemIds, random: systemRandom, log: silentLog }
  const never = async () => Promise.reject(new Error('agents have neither an API nor a database'))
  const runtime: Runtime = {
    ...capabilities, bus: cloud.bus, trace: cloud.trace, services: cloud.services, host, region: 'RegionOne', dataDirectory: cloud.dataDirectory, authUrl: '',
    credentials: createCredentials({ keystone: cloud.services.keystone, userName: 'neutron', password: `neutron-${'s'.repeat(32)}`, capabilities }),
    authenticate: never, processes: createProcessRunner(), database: never, driver: 'fake', fabric: '', checkReplies: false,
    config: (section) => Object.fromEntries(Object.entries(section.options).map(([key, option]) => [key, option.default])) as never,
  }
  const roles = [await startL2Agent(runtime), await startDhcpAgent(runtime), await startL3Agent(runtime)]
  t.after(async () => {
    for (const role of roles) await role.stop()
  })
  await until(async () => (await must(admin, 'GET', `/agents?host=${host}`)).agents.length === roles.length, 'the agents')
  return (await engineForTests(runtime)) as FakeNetworkDriver
}

/** The body of an answer that must have succeeded. */
export async function must(session: Session, method: string, path: string, body?: unknown): Promise<any> {
  const reply = await session.call('neutron', method, `/v2.0${path}`, body)
  if (reply.status >= 300) throw new Error(`${method} ${path}: ${reply.status} ${JSON.stringify(reply.body)}`)
  return reply.body
}

export async function network(session: Session, more: Readonly<Record<string, unknown>> = {}): Promise<any> {
  return (await must(session, 'POST', '/networks', { network: { name: 'blue', ...more } })).network
}

export async function subnet(session: Session, networkId: string, cidr = '10.1.0.0/24', more: Readonly<Record<string, unknown>> = {}): Promise<any> {
  return (await must(session, 'POST', '/subnets', { subnet: { network_id: networkId, ip_version: cidr.includes(':') ? 6 : 4, cidr, ...more } })).subnet
}

export async function port(session: Session, networkId: string, more: Readonly<Record<string, unknown>> = {}): Promise<any> {
  return (await must(session, 'POST', '/ports', { port: { network_id: networkId, ...more } })).port
}

/** The external network with its subnet, as a new cloud has it. */
export async function external(admin: Session): Promise<any> {
  const made = await network(admin, { name: 'public', 'router:external': true, 'provider:network_type': 'flat', 'provider:physical_network': 'public' })
  await subnet(admin, made.id, '203.0.113.0/24', { enable_dhcp: false })
  return made
}

/** Wait until something holds; what it answers is handed on. */
export async function until<T>(look: () => Promise<T | undefined | false> | T | undefined | false, what = 'it'): Promise<T> {
  for (let attempt = 0; attempt < 2000; attempt++) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    await sleep(10)
  }
  throw new Error(`${what} did not come to pass`)
}

/** Until no operation of neutron is under way any more. */
export async function atRest(admin: Session): Promise<void> {
  await until(async () => {
    const { status, body } = await admin.call('neutron', 'GET', '/v1/operations?open=true&all_projects=true')
    if (status !== 200) throw new Error(`operations: ${status} ${JSON.stringify(body)}`)
    return body.operations.length === 0
  }, 'the end of all operations')
}

/** What a refused request is answered with: status and the type of the fault. */
export async function refused(session: Session, method: string, path: string, body?: unknown): Promise<[number, string]> {
  const reply = await session.call('neutron', method, `/v2.0${path}`, body)
  return [reply.status, String(reply.body?.NeutronError?.type)]
}
