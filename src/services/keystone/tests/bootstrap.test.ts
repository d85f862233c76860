import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock, systemIds, systemRandom } from '#core/context'
import { openDatabase } from '#core/db'
import { silentLog } from '#core/observe'
import { createLocalBus } from '#core/rpc'
import { bootstrap, type BootstrapInput, type IdentityRuntime } from '../index.ts'
import { migrations, type Tables } from '../db/index.ts'

test('bootstrap makes a cloud once, repairs URLs and secrets, and otherwise costs one query', async (t) => {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'nimbo-bootstrap-'))
  const capabilities = { clock: systemClock, random: systemRandom, ids: systemIds, log: silentLog }
  const database = await openDatabase<Tables>({ name: 'keystone', file: ':memory:', migrations, ...capabilities })
  t.after(async () => {
    await database.close()
    rmSync(dataDirectory, { recursive: true })
  })
  let transactions = 0
  const counted = { ...database, name: database.name, read: database.read, close: () => database.close(), transaction: (...args: Parameters<typeof database.transaction>) => (transactions++, database.transaction(...args)) }
  const runtime = {
    ...capabilities, host: 'host-1', dataDirectory, bus: createLocalBus(capabilities), database: async () => counted,
    config: () => ({ password_hash_rounds: 4, password_hash_concurrency: 2, max_password_length: 4096 }),
  } as unknown as IdentityRuntime
  const input: BootstrapInput = { region: 'RegionOne', adminPassword: 'a', demoPassword: 'd', serviceSecrets: { nova: 'n'.repeat(43) }, endpoints: { compute: 'http://one/v2.1', 'my-own': 'http://own' } }
  const count = async (table: 'projects' | 'users' | 'roles' | 'implied_roles' | 'assignments' | 'services' | 'endpoints') =>
    Number((await database.read.selectFrom(table).select((select) => select.fn.countAll().as('n')).executeTakeFirstOrThrow()).n)
  const counts = async () => [await count('projects'), await count('users'), await count('roles'), await count('implied_roles'), await count('assignments'), await count('services'), await count('endpoints')]

  await bootstrap(runtime, input)
  assert.deepEqual(await counts(), [4, 3, 5, 3, 6, 2, 6])
  await bootstrap(runtime, input)
  assert.equal(transactions, 1, 'the second time there is nothing to do')

  await bootstrap(runtime, { ...input, adminPassword: 'other', serviceSecrets: { nova: 'm'.repeat(43) }, endpoints: { ...input.endpoints, compute: 'http://two/v2.1' } })
  assert.deepEqual(await counts(), [4, 3, 5, 3, 6, 2, 6])
  const urls = await database.read.selectFrom('endpoints').select('url').distinct().orderBy('url').execute()
  assert.deepEqual(urls.map((row) => row.url), ['http://own', 'http://two/v2.1'])
  const hashes = await database.read.selectFrom('users').select(['name', 'password_hash']).orderBy('name').execute()
  assert.deepEqual(hashes.map((row) => [row.name, row.password_hash?.split('$')[1]]), [['admin', '2b'], ['demo', '2b'], ['nova', 'sha256']])
})
