// The volume role with a backend that fails, and with work of a lease that is over.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { type Capabilities, type RequestContext, systemClock, systemIds, systemRandom } from '#core/context'
import { openDatabase } from '#core/db'
import { silentLog } from '#core/observe'
import { createLocalBus, rpcClient } from '#core/rpc'
import type { Recorder } from '#core/trace'
import { volumeRpc } from '#contract/cinder'
import { cinderOptions, type Settings } from '../config.ts'
import { cinderMigrations } from '../db/migrations/index.ts'
import type { CinderTables } from '../db/tables.ts'
import { ensureDefaultType } from '../db/volume-types.ts'
import { insertVolume, updateVolume } from '../db/volumes.ts'
import { create, type FakeVolumeOptions, FakeVolumeWorld } from '../drivers/fake/index.ts'
import { reconcile, remind, startVolumeRole } from './volume-role.ts'

const capabilities: Capabilities = { clock: systemClock, random: systemRandom, ids: systemIds, log: silentLog }
const settings = Object.fromEntries(Object.entries(cinderOptions.options).map(([name, option]) => [name, option.default])) as unknown as Settings
const ctx: RequestContext = {
  requestId: 'req-1', signal: new AbortController().signal, log: silentLog,
  identity: { userId: 'u', userName: 'u', userDomainId: 'default', userDomainName: 'Default', projectId: 'p', roles: ['member'] },
}
const trace = { record() {} } as unknown as Recorder

async function setUp(t: TestContext, options: Partial<FakeVolumeOptions> = {}) {
  const database = await openDatabase<CinderTables>({ name: 'cinder', file: ':memory:', migrations: cinderMigrations, ...capabilities })
  const typeId = systemIds.uuid()
  await database.transaction((tx) => ensureDefaultType(tx, typeId, '2026-01-01T00:00:00.000Z'))
  const bus = createLocalBus(capabilities)
  const driver = create({ capabilities, ...options })
  const role = startVolumeRole({
    ...capabilities, bus, trace, database, settings, driver, backend: 'h@fake', backendName: 'fake', serviceId: 's',
    fetchImage: () => Promise.reject(new Error('not here')),
  })
  t.after(async () => {
    await role.stop()
    await database.close()
  })
  const row = async () => {
    const id = systemIds.uuid()
    await database.transaction((tx) => insertVolume(tx, {
      id, project_id: 'p', user_id: 'u', display_name: null, display_description: null, size: 1, claimed_size: 1, status: 'creating', previous_status: null,
      attach_status: 'detached', availability_zone: 'nova', host: 'h@fake#fake', service_uuid: null, bootable: 0, multiattach: 0, read_only: null,
      volume_type_id: typeId, trace_id: null, created_at: '2026-01-01T00:00:00.000Z', updated_at: null,
    }))
    return id
  }
  /** An operation whose lease has this epoch. */
  const lease = async (epoch: number) => {
    await database.transaction((tx) => tx.deleteFrom('operations').where('id', '=', 'op').execute())
    await database.transaction((tx) => tx.insertInto('operations').values({
      id: 'op', kind: 'volume.create', resource_id: 'v', project_id: null, input: '{}', identity: '{}', request_id: 'r', trace_id: null, status: 'running', position: 1, attempt: 1,
      epoch, lease_owner: 'w', lease_until: null, cancel_requested: 0, not_before: null, deadline_at: '2099-01-01T00:00:00.000Z', fault: null, created_at: '2026-01-01T00:00:00.000Z', finished_at: null,
    }).execute())
  }
  return { database, driver, row, lease, volumes: rpcClient(bus, capabilities, volumeRpc).on('h@fake') }
}

test('what an older lease still asks is refused, and makes nothing', async (t) => {
  const world = new FakeVolumeWorld()
  const { database, volumes, row, lease } = await setUp(t, { world })
  const [first, second] = [await row(), await row()]
  await lease(2)
  await volumes.createVolume(ctx, { volumeId: first, operation: 'op', epoch: 2 })
  await assert.rejects(volumes.createVolume(ctx, { volumeId: second, operation: 'op', epoch: 1 }), { code: 'cinder.stale_lease' })
  await lease(3)
  await volumes.createVolume(ctx, { volumeId: first, operation: 'op', epoch: 3 })
  assert.deepEqual([...world.volumes.keys()], [first])
  await database.transaction((tx) => tx.updateTable('operations').set({ finished_at: '2026-01-01T00:00:00.000Z' }).execute())
  await assert.rejects(volumes.createVolume(ctx, { volumeId: second, operation: 'op', epoch: 3 }), { code: 'cinder.stale_lease' }, 'a request that comes twice, the second time when all is over')
  assert.deepEqual([...world.volumes.keys()], [first])
})

test('a removal that comes while the volume is made waits, so that nothing is left', async (t) => {
  const world = new FakeVolumeWorld()
  const gate = Promise.withResolvers<void>()
  const { volumes, row, lease } = await setUp(t, { world, before: (method) => (method === 'create' ? gate.promise : undefined) })
  await lease(1)
  const id = await row()
  const making = volumes.createVolume(ctx, { volumeId: id, operation: 'op', epoch: 1 })
  const removing = volumes.deleteVolume(ctx, { volumeId: id, operation: 'op', epoch: 1 })
  gate.resolve()
  await Promise.all([making, removing])
  assert.equal(world.volumes.size, 0)
})

test("a backend's trouble is told without its inside", async (t) => {
  const { volumes, row } = await setUp(t, { before: (method) => {
    if (method === 'export') throw new Error('password=secret in /var/lib/x')
  } })
  const id = await row()
  await volumes.createVolume(ctx, { volumeId: id })
  await assert.rejects(volumes.connect(ctx, { volumeId: id, readOnly: false }), { message: 'Unable to fetch connection information from backend.' })
})

test('an export that no attachment uses is taken back at the start', async (t) => {
  const world = new FakeVolumeWorld()
  const { database, driver, volumes, row } = await setUp(t, { world })
  const id = await row()
  await volumes.createVolume(ctx, { volumeId: id })
  await volumes.connect(ctx, { volumeId: id, readOnly: false })
  await reconcile({ database, driver, log: silentLog })
  assert.equal(world.volumes.get(id)?.exported, undefined)
})

test('a volume that was on its way out when the backend forgot all is not made again', async (t) => {
  const world = new FakeVolumeWorld()
  const { database, driver, row } = await setUp(t, { world })
  const [kept, going] = [await row(), await row()]
  await database.transaction(async (tx) => {
    await updateVolume(tx, kept, { status: 'available' })
    await updateVolume(tx, going, { status: 'deleting' })
  })
  await remind({ database, driver, backend: 'h@fake', log: silentLog })
  assert.deepEqual([...world.volumes.keys()], [kept])
})
