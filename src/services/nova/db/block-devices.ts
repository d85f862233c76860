// Rows of a server's disks.
import type { Db, Selectable } from '#core/db'
import type { NewBlockDevice } from './build-requests.ts'
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

export async function insertDevices(tx: Db<CellTables>, devices: readonly NewBlockDevice[]): Promise<void> {
  if (devices.length === 0) return
  const volumeIds = devices.flatMap(({ volume_id: id }) => id ?? [])
  // Whether they go with a server is said by the one that has them now.
  if (volumeIds.length > 0) await tx.deleteFrom('block_device_mappings').where('former_volume_id', 'in', volumeIds).execute()
  await tx.insertInto('block_device_mappings').values([...devices]).execute()
}

export async function forgetDevice(tx: Db<CellTables>, deviceId: string): Promise<void> {
  await tx.deleteFrom('block_device_mappings').where('uuid', '=', deviceId).execute()
}

/** Volumes of a server that never came to be are free for others. Those that were to go with it still do, as long as no other server gets them. */
export async function forgetVolumes(tx: Db<CellTables>, serverId: string): Promise<void> {
  await tx.updateTable('block_device_mappings').set((row) => ({ former_volume_id: row.ref('volume_id'), volume_id: null, attachment_id: null, connection_info: null }))
    .where('instance_uuid', '=', serverId).where('delete_on_termination', '=', 1).where('made_volume', '=', 0).where('volume_id', 'is not', null).execute()
  await tx.deleteFrom('block_device_mappings').where('instance_uuid', '=', serverId).where('destination_type', '=', 'volume').where('former_volume_id', 'is', null).execute()
}

/** Whether a volume is on its way out of its server. */
export async function setDetaching(tx: Db<CellTables>, deviceId: string, detaching: boolean): Promise<void> {
  await tx.updateTable('block_device_mappings').set({ detaching: detaching ? 1 : 0 }).where('uuid', '=', deviceId).execute()
}

/** Nova made this volume for the disk. */
export async function setMadeVolume(tx: Db<CellTables>, deviceId: string, volumeId: string, now: string): Promise<void> {
  await tx.updateTable('block_device_mappings').set({ volume_id: volumeId, made_volume: 1, updated_at: now }).where('uuid', '=', deviceId).execute()
}

/** The volumes that nova made for a server are no more. */
export async function unsetMadeVolumes(tx: Db<CellTables>, serverId: string): Promise<void> {
  await tx.updateTable('block_device_mappings').set({ volume_id: null, made_volume: 0 }).where('instance_uuid', '=', serverId).where('made_volume', '=', 1).execute()
}

export async function setConnection(tx: Db<CellTables>, deviceId: string, { attachmentId, connection }: { readonly attachmentId: string | null; readonly connection: unknown }, now: string): Promise<void> {
  await tx.updateTable('block_device_mappings').set({ attachment_id: attachmentId, connection_info: JSON.stringify(connection), updated_at: now }).where('uuid', '=', deviceId).execute()
}

export async function unsetConnections(tx: Db<CellTables>, serverId: string): Promise<void> {
  await tx.updateTable('block_device_mappings').set({ attachment_id: null, connection_info: null }).where('instance_uuid', '=', serverId).execute()
}

export async function setDeleteOnTermination(tx: Db<CellTables>, deviceId: string, deleteOnTermination: boolean, now: string): Promise<void> {
  await tx.updateTable('block_device_mappings').set({ delete_on_termination: deleteOnTermination ? 1 : 0, updated_at: now }).where('uuid', '=', deviceId).execute()
}
