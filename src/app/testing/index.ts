// A cloud in a test: real databases and pipelines, fake drivers, no sockets, gone when the test ends.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { type Caller, type Client, client, networkTransport } from '#core/client'
import { type Capabilities, systemClock, systemIds, systemRandom } from '#core/context'
import { readText } from '#core/http'
import { type Logger, openLog, silentLog } from '#core/observe'
import { createProcessRunner } from '#core/process'
import type { ServiceName } from '#core/service'
import type { RouteTable } from '#core/spec'
import { emptyDatabase, withoutPostgres } from '../../core/testing/postgres.ts'
import { startCloud as compose, type Cloud } from '../cloud.ts'
import { defaultPorts, type Settings } from '../settings.ts'

export type Person = 'admin' | 'demo' | 'member' | 'reader' | 'stranger'

export interface Answered {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** JSON as a value, anything else as text. */
  readonly body: any
}

export interface Session {
  readonly token: string
  readonly projectId: string
  readonly userId: string
  /** A request with this session's token. The path stands behind the service's origin, prefix included. */
  call(service: ServiceName, method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answered>
  client<T extends RouteTable>(table: T, options?: { version?: string }): Client<T>
}

export interface TestCloud extends Omit<Cloud, 'stop'> {
  readonly dataDirectory: string
  login(person: Person): Promise<Session>
  /** A request without a token, or with headers of its own. */
  call(service: ServiceName, method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answered>
  /** End this incarnation and begin another one on the same data. */
  restart(): Promise<TestCloud>
  stop(): Promise<void>
}

export interface TestCloudOptions {
  readonly config?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly capabilities?: Partial<Capabilities>
  /** Speak through sockets on free ports, the services among each other too. */
  readonly sockets?: boolean
  readonly dataDirectory?: string
  /** On a PostgreSQL server of the test's own, with several connections for each database; `NIMBO_TEST_DATABASE=postgres` asks it of every test. */
  readonly database?: 'sqlite' | 'postgres'
  /** What `database: 'postgres'` made, for a restart. */
  readonly databaseUrl?: string
}

const passwords: Readonly<Record<Person, string>> = { admin: 'admin-secret', demo: 'demo-secret', member: 'member-secret', reader: 'reader-secret', stranger: 'stranger-secret' }

/** Runs a file of tests once more, with every cloud and database of it on PostgreSQL. */
export async function onPostgres(file: () => Promise<unknown>): Promise<void> {
  if (withoutPostgres !== false) return void test('on PostgreSQL', { skip: withoutPostgres })
  process.env['NIMBO_TEST_DATABASE'] = 'postgres'
  await file()
}

/** `NIMBO_TEST_LOG=debug` shows what the roles say. */
function testLog(): Logger {
  const level = process.env['NIMBO_TEST_LOG']
  return level === undefined ? silentLog : openLog({ level: level as 'debug' })
}

/**
 * Start services in this process, keystone always among them. The people: `admin` (everything), `demo` and `member`
 * (member of project demo), `reader` (reader of project demo), `stranger` (member of another project).
 */
export async function startCloud(t: TestContext, names: readonly ServiceName[], options: TestCloudOptions = {}): Promise<TestCloud> {
  const dataDirectory = options.dataDirectory ?? mkdtempSync(join(tmpdir(), 'nimbo-test-'))
  const settings: Settings = {
    prefix: 'nbtest', driver: 'fake', address: '127.0.0.1', publicCidr: '203.0.113.0/24', link: { host: '198.18.0.1', fabric: '198.18.0.2' }, host: 'host-1', region: 'RegionOne',
    ports: options.sockets ? (Object.fromEntries(Object.keys(defaultPorts).map((name) => [name, 0])) as typeof defaultPorts) : defaultPorts,
  }
  const servicePasswords = Object.fromEntries(['glance', 'placement', 'nova', 'neutron', 'cinder'].map((name) => [name, `${name}-${'s'.repeat(32)}`]))
  const capabilities: Capabilities = { clock: systemClock, random: systemRandom, ids: systemIds, log: testLog(), ...options.capabilities }
  const engine = options.database ?? process.env['NIMBO_TEST_DATABASE']
  const url = options.databaseUrl ?? (engine === 'postgres' ? await emptyDatabase() : undefined)
  const cloud = await compose({
    dataDirectory, ...(url !== undefined && { database: { url } }), settings, capabilities, processes: createProcessRunner(), checkReplies: true, synchronous: 'OFF',
    secrets: { adminPassword: passwords.admin, demoPassword: passwords.demo, servicePasswords, metadataSecret: 'metadata-secret' },
    only: ['keystone', ...names.filter((name) => name !== 'keystone')],
    config: { ...options.config, keystone: { password_hash_rounds: 4, ...options.config?.['keystone'] } },
    sockets: options.sockets === true, overNetwork: options.sockets === true,
  })
  let stopped = false
  const stop = async () => {
    if (stopped) return
    stopped = true
    await cloud.stop()
  }
  t.after(async () => {
    await stop()
    if (!options.dataDirectory) rmSync(dataDirectory, { recursive: true, force: true })
  })

  const call: TestCloud['call'] = async (service, method, path, body, headers = {}) => {
    const target = cloud.services[service]
    const port = cloud.ports[service]
    const [pathname, query = ''] = path.split(/\?(.*)/s)
    const text = body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body)
    const transport = options.sockets && port !== undefined ? networkTransport(`http://127.0.0.1:${port}`) : target.transport
    const reply = await transport({
      method, path: pathname ?? '', query, body: text, origin: target.origin,
      headers: { ...(text !== null && { 'content-type': 'application/json' }), ...headers },
    })
    const answered = (await readText(reply.body, 64 * 1024 * 1024)) ?? ''
    const lower = Object.fromEntries(Object.entries(reply.headers).map(([name, value]) => [name.toLowerCase(), value]))
    return { status: reply.status, headers: lower, body: lower['content-type']?.includes('json') && answered !== '' ? JSON.parse(answered) : answered }
  }

  const session = async (name: string, password: string, project: string): Promise<Session> => {
    const reply = await call('keystone', 'POST', '/v3/auth/tokens', {
      auth: {
        identity: { methods: ['password'], password: { user: { name, domain: { id: 'default' }, password } } },
        scope: { project: { name: project, domain: { id: 'default' } } },
      },
    })
    if (reply.status !== 201) throw new Error(`${name} could not log in: ${JSON.stringify(reply.body)}`)
    const token = reply.headers['x-subject-token'] ?? ''
    const projectId = String(reply.body.token.project.id)
    return {
      token, projectId, userId: String(reply.body.token.user.id),
      call: (service, method, path, body, headers) => call(service, method, path, body, { 'x-auth-token': token, ...headers }),
      client: (table, { version } = {}) => {
        const caller: Caller = { token, ...(version !== undefined && { version }) }
        return client(table, cloud.services[table.service as ServiceName], caller)
      },
    }
  }

  let people: Promise<void> | undefined
  const makePeople = async () => {
    const admin = await session('admin', passwords.admin, 'admin')
    const must = async (method: string, path: string, body?: unknown) => {
      const reply = await admin.call('keystone', method, path, body)
      if (reply.status >= 300 && reply.status !== 409) throw new Error(`${method} ${path}: ${JSON.stringify(reply.body)}`)
      return reply.body
    }
    const idOf = async (collection: string, name: string) => String((await must('GET', `/v3/${collection}?name=${name}`))[collection][0].id)
    await must('POST', '/v3/projects', { project: { name: 'elsewhere', domain_id: 'default' } })
    for (const [person, project, role] of [['member', 'demo', 'member'], ['reader', 'demo', 'reader'], ['stranger', 'elsewhere', 'member']] as const) {
      await must('POST', '/v3/users', { user: { name: person, domain_id: 'default', password: passwords[person] } })
      await must('PUT', `/v3/projects/${await idOf('projects', project)}/users/${await idOf('users', person)}/roles/${await idOf('roles', role)}`)
    }
  }

  return {
    ...cloud, dataDirectory, call, stop,
    async login(person) {
      if (person !== 'admin' && person !== 'demo') await (people ??= makePeople())
      return session(person, passwords[person], person === 'admin' ? 'admin' : person === 'stranger' ? 'elsewhere' : 'demo')
    },
    async restart() {
      await stop()
      return startCloud(t, names, { ...options, dataDirectory, ...(url !== undefined && { databaseUrl: url }) })
    },
  }
}
