// What the auditor reads: all volumes in few columns, and who uses them.
import type { Db } from '#core/db'
import type { CinderTables, VolumeRow } from './tables.ts'

export async function volumesToAudit(db: Db<CinderTables>): Promise<Pick<VolumeRow, 'id' | 'status' | 'host' | 'size'>[]> {
  return db.selectFrom('volumes').select(['id', 'status', 'host', 'size']).execute()
}

export async function usesToAudit(db: Db<CinderTables>): Promise<{ id: string; volume_id: string; connected: boolean }[]> {
  const rows = await db.selectFrom('volume_attachments').select(['id', 'volume_id', 'connection_info']).execute()
  return rows.map(({ id, volume_id, connection_info }) => ({ id, volume_id, connected: connection_info !== null }))
}
