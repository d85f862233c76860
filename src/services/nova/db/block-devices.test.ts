// Disks of servers in a cell's database that an earlier version wrote.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '#core/context'
import { type Migration, openDatabase } from '#core/db'
import { silentLog } from '#core/observe'
import { forgetVolumes, insertDevices, listDevices } from './block-devices.ts'
import type { NewBlockDevice } from './build-requests.ts'
import type { CellTables } from './cell-tables.ts'
import { cellStart } from './migrations/cell-001-start.ts'
import { cellFateOfVolumes } from './migrations/cell-003-fate-of-volumes.ts'

/** As they were before anybody asked for their fate. */
const device = (uuid: string, volumeId: string | null, goes: 0 | 1) => ({
  uuid, instance_uuid: 's', source_type: 'volume' as const, destination_type: 'volume' as const, guest_format: null, device_type: 'disk', disk_bus: null, boot_index: null,
  image_id: null, snapshot_id: null, volume_id: volumeId, volume_size: 1, volume_type: null, device_name: null, delete_on_termination: goes, tag: null, attachment_id: 'a',
  connection_info: '{}', made_volume: 0, created_at: '2026-01-01T00:00:00.000Z', updated_at: null,
})

test('volumes of a database that an earlier version wrote go with their servers as they did, and a failed build leaves those to others that take them', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'nimbo-cell-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const open = (migrations: readonly Migration[]) => openDatabase<CellTables>({ name: 'cell', file: join(folder, 'cell.db'), migrations, clock: systemClock, log: silentLog })
  const former = await open([cellStart])
  await former.transaction(async (tx) => {
    for (const row of [device('goes', 'v1', 1), device('stays', 'v2', 0)]) await tx.insertInto('block_device_mappings').values(row as NewBlockDevice).execute()
  })
  await former.close()
  const database = await open([cellStart, cellFateOfVolumes])
  t.after(() => database.close())
  const rows = async (serverId = 's') => (await listDevices(database.read, serverId)).map((row) => [row.uuid, row.volume_id, row.detaching, row.former_volume_id, row.attachment_id])
  assert.deepEqual(await rows(), [['goes', 'v1', 0, null, 'a'], ['stays', 'v2', 0, null, 'a']])
  await database.transaction((tx) => forgetVolumes(tx, 's'))
  assert.deepEqual(await rows(), [['goes', null, 0, 'v1', null]])
  await database.transaction((tx) => insertDevices(tx, [{ ...device('other', 'v1', 0), instance_uuid: 'o', detaching: 0, former_volume_id: null }]))
  assert.deepEqual([await rows(), await rows('o')], [[], [['other', 'v1', 0, null, 'a']]])
})
