// Rows of a server's disks.
import type { Db, Selectable } from '#core/db'
import type { BlockDeviceRow, CellTables } from './cell-tables.ts'

export async function listDevices(db: Db<CellTables>, serverId: string): Promise<Selectable<BlockDeviceRow>[]> {
  return db.selectFrom('block_device_mappings').selectAll().where('instance_uuid', '=', serverId).orderBy('id').execute()
}

export async function findVolumeDevice(db: Db<CellTables>, serverId: string, volumeId: string): Promise<Selectable<BlockDeviceRow> | undefined> {
  return db.selectFrom('block_device_mappings').selectAll().where('instance_uuid', '=', serverId).where('volume_id', '=', volumeId).executeTakeFirst()
}

export async function setVolumeSize(tx: Db<CellTables>, serverId: string, volumeId: string, sizeGiB: number, now: string): Promise<void> {
  await tx.updateTable('block_device_mappings').set({ volume_size: sizeGiB, updated_at: now }).where('instance_uuid', '=', serverId).where('volume_id', '=', volumeId).execute()
}
