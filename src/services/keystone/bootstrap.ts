// The first contents of a cloud's identity: as keystone-manage bootstrap makes them, with the names that DevStack uses.
import { createHash } from 'node:crypto'
import { identityEvents } from '#core/client'
import type { Database } from '#core/db'
import { rpcClient } from '#core/rpc'
import { ownContext } from '#core/service'
import { type BootstrapStore, bootstrapStore, findSetting, putSetting } from './db/bootstrap.ts'
import { migrations, type Tables } from './db/index.ts'
import { createPasswords, hashSecret } from './domain/passwords.ts'
import { keystoneOptions } from './config.ts'
import type { IdentityRuntime } from './start.ts'

export interface EndpointUrls {
  readonly public: string
  readonly internal: string
  readonly admin: string
}

export interface BootstrapInput {
  readonly region: string
  readonly adminPassword: string
  readonly demoPassword: string
  /** By the service user's name; machine-made, of 256 bits. */
  readonly serviceSecrets: Readonly<Record<string, string>>
  /** By service type: one URL for all three interfaces, or each. */
  readonly endpoints: Readonly<Record<string, string | EndpointUrls>>
}

const serviceNames: Readonly<Record<string, readonly [name: string, description: string]>> = {
  identity: ['keystone', 'OpenStack Identity'],
  image: ['glance', 'OpenStack Image'],
  placement: ['placement', 'OpenStack Placement'],
  compute: ['nova', 'OpenStack Compute'],
  network: ['neutron', 'OpenStack Networking'],
  volumev3: ['cinderv3', 'OpenStack Block Storage'],
  'block-storage': ['cinder', 'OpenStack Block Storage'],
  nimbo: ['nimbo', 'Operations and events of all services'],
}

/** As upstream since Bobcat: each brings the next along. */
const impliedRoles = [['admin', 'manager'], ['manager', 'member'], ['member', 'reader']] as const
const settingName = 'bootstrap'

/**
 * Make what is missing, and put URLs and service secrets right. When the input is the one of the last time it costs one
 * query. Passwords of people are set when their users are made, and left alone later.
 */
export async function bootstrap(runtime: IdentityRuntime, input: BootstrapInput): Promise<void> {
  const database = await runtime.database<Tables>('keystone', migrations)
  const fingerprint = fingerprintOf(input)
  if ((await findSetting(database.read, settingName)) === fingerprint) return
  const hashes = await hashPasswords(runtime, database, input)
  await database.transaction(async (tx) => {
    const store = bootstrapStore(tx, () => runtime.ids.uuid().replaceAll('-', ''), runtime.clock.now().toISOString())
    await store.domain('default', 'Default', 'The default domain')
    const projectIds = await makePeople(store, hashes)
    await makeServices(store, runtime, input, projectIds.service)
    await putSetting(tx, settingName, fingerprint)
  })
  await rpcClient(runtime.bus, runtime, identityEvents).everyone().changed(ownContext(runtime, 'keystone'), { reason: 'bootstrap' })
}

/** Not over the passwords of people: a fast hash of a weak password would give it away. */
function fingerprintOf({ region, serviceSecrets, endpoints }: BootstrapInput): string {
  return createHash('sha256').update(JSON.stringify([1, region, serviceSecrets, endpoints])).digest('hex')
}

interface PeopleHashes {
  readonly admin?: string
  readonly demo?: string
}

async function hashPasswords(runtime: IdentityRuntime, database: Database<Tables>, input: BootstrapInput): Promise<PeopleHashes> {
  const options = runtime.config(keystoneOptions)
  const passwords = createPasswords({ rounds: options.password_hash_rounds, concurrency: options.password_hash_concurrency, maxLength: options.max_password_length }, runtime.random, runtime.stage?.outside)
  const there = await bootstrapStore(database.read, () => '', '').userNames('default', ['admin', 'demo'])
  const [admin, demo] = await Promise.all([
    there.has('admin') ? undefined : passwords.hash(input.adminPassword),
    there.has('demo') ? undefined : passwords.hash(input.demoPassword),
  ])
  return { ...(admin !== undefined && { admin }), ...(demo !== undefined && { demo }) }
}

async function makePeople(store: BootstrapStore, hashes: PeopleHashes): Promise<{ service: string }> {
  const [admin, manager, member, reader] = await Promise.all(['admin', 'manager', 'member', 'reader'].map((name) => store.role(name)))
  await store.role('service')
  const ids: Record<string, string | undefined> = { admin, manager, member, reader }
  for (const [prior, implied] of impliedRoles) await store.implication(ids[prior] ?? '', ids[implied] ?? '')
  const adminProject = await store.project('default', 'admin', 'Bootstrap project for initializing the cloud.')
  const demoProject = await store.project('default', 'demo', 'A project to try the cloud with.')
  const serviceProject = await store.project('default', 'service', 'The project of the services.')
  const adminUser = await store.user('default', 'admin', hashes.admin, adminProject)
  const demoUser = await store.user('default', 'demo', hashes.demo, demoProject)
  await store.assignment(adminUser, 'project', adminProject, admin ?? '')
  await store.assignment(adminUser, 'project', demoProject, admin ?? '')
  await store.assignment(adminUser, 'system', 'system', admin ?? '')
  await store.assignment(demoUser, 'project', demoProject, member ?? '')
  return { service: serviceProject }
}

async function makeServices(store: BootstrapStore, runtime: IdentityRuntime, input: BootstrapInput, serviceProject: string): Promise<void> {
  const [admin, service] = [await store.role('admin'), await store.role('service')]
  for (const [name, secret] of Object.entries(input.serviceSecrets)) {
    const user = await store.user('default', name, hashSecret(secret, runtime.random.bytes(16)), serviceProject)
    await store.password(user, hashSecret(secret, runtime.random.bytes(16)))
    await store.assignment(user, 'project', serviceProject, admin)
    await store.assignment(user, 'project', serviceProject, service)
  }
  await store.region(input.region)
  for (const [type, urls] of Object.entries(input.endpoints)) {
    const [name, description] = serviceNames[type] ?? [type, '']
    const serviceId = await store.service(type, name, description)
    for (const kind of ['public', 'internal', 'admin'] as const) {
      await store.endpoint(serviceId, input.region, kind, typeof urls === 'string' ? urls : urls[kind])
    }
  }
}
