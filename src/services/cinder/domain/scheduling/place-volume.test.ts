// A volume is placed once, however often it is asked.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type RequestContext, systemClock, systemIds, systemRandom } from '#core/context'
import { openDatabase } from '#core/db'
import { silentLog } from '#core/observe'
import type { Recorder } from '#core/trace'
import { cinderOptions, type Settings } from '../../config.ts'
import { cinderMigrations } from '../../db/migrations/index.ts'
import type { CinderTables } from '../../db/tables.ts'
import { ensureDefaultType } from '../../db/volume-types.ts'
import { findVolumeRow, insertVolume } from '../../db/volumes.ts'
import { ServiceView } from '../service-view.ts'
import { placeVolume, type Scheduler } from './place-volume.ts'

const capabilities = { clock: systemClock, random: systemRandom, ids: systemIds, log: silentLog }
const settings = Object.fromEntries(Object.entries(cinderOptions.options).map(([name, option]) => [name, option.default])) as unknown as Settings
const ctx: RequestContext = {
  requestId: 'req-1', signal: new AbortController().signal, log: silentLog,
  identity: { userId: 'u', userName: 'u', userDomainId: 'default', userDomainName: 'Default', projectId: 'p', roles: ['member'] },
}

test('a request to place a volume that comes twice finds one backend for it, not two', async (t) => {
  const database = await openDatabase<CinderTables>({ name: 'cinder', file: ':memory:', migrations: cinderMigrations, ...capabilities })
  t.after(() => database.close())
  const [id, typeId] = [systemIds.uuid(), systemIds.uuid()]
  const at = systemClock.now().toISOString()
  await database.transaction(async (tx) => {
    await ensureDefaultType(tx, typeId, at)
    await insertVolume(tx, {
      id, project_id: 'p', user_id: 'u', display_name: null, display_description: null, size: 1, claimed_size: 1, status: 'creating', previous_status: null,
      attach_status: 'detached', availability_zone: settings.storage_availability_zone, host: null, service_uuid: null, bootable: 0, multiattach: 0, read_only: null,
      volume_type_id: typeId, trace_id: null, created_at: at, updated_at: null,
    })
  })
  const alive = new ServiceView()
  for (const host of ['one@fake', 'two@fake']) {
    const capabilities = { total_capacity_gb: 10, free_capacity_gb: 10, allocated_capacity_gb: 0, provisioned_capacity_gb: 0, backend_state: 'up' }
    alive.hear({ binary: 'cinder-volume', host, zone: settings.storage_availability_zone, at, pools: [{ name: `${host}#fake`, capabilities }] })
  }
  const scheduler: Scheduler = { ...capabilities, database, settings, alive, promised: new Map(), startedAt: 0, stopping: new AbortController(), trace: { record() {} } as unknown as Recorder }

  const chosen = await Promise.all([placeVolume(scheduler, ctx, id), placeVolume(scheduler, ctx, id)])
  const host = (await findVolumeRow(database.read, id))?.host
  assert.ok(host)
  assert.deepEqual(chosen, [{ host }, { host }])
  assert.deepEqual([...scheduler.promised].map(([pool, { gib }]) => [pool, gib]), [[host, 1]])
})
