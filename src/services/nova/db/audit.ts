// What the auditor reads of servers: all that live, in few columns, and what became of others.
import type { Db, Selectable } from '#core/db'
import type { ApiTables } from './api-tables.ts'
import type { BlockDeviceRow, CellTables, InstanceRow } from './cell-tables.ts'

export type InstanceToAudit = Pick<Selectable<InstanceRow>, 'uuid' | 'host' | 'vm_state' | 'task_state' | 'project_id' | 'user_id' | 'image_ref'>

export async function instancesToAudit(db: Db<CellTables>): Promise<InstanceToAudit[]> {
  return db.selectFrom('instances').select(['uuid', 'host', 'vm_state', 'task_state', 'project_id', 'user_id', 'image_ref']).where('deleted', '=', 0).execute()
}

export async function portsToAudit(db: Db<CellTables>): Promise<{ portId: string; serverId: string }[]> {
  const rows = await db.selectFrom('virtual_interfaces').select(['uuid', 'instance_uuid']).execute()
  return rows.map((row) => ({ portId: row.uuid, serverId: row.instance_uuid }))
}

export type VolumeToAudit = Pick<Selectable<BlockDeviceRow>, 'instance_uuid' | 'volume_id'> & { readonly connected: boolean }

export async function volumesToAudit(db: Db<CellTables>): Promise<VolumeToAudit[]> {
  const rows = await db.selectFrom('block_device_mappings').select(['instance_uuid', 'volume_id', 'connection_info']).where('volume_id', 'is not', null).execute()
  return rows.map(({ connection_info: connection, ...row }) => ({ ...row, connected: connection !== null }))
}

export type Fate = 'lives' | 'deleted' | 'unknown'

const atOnce = 500

/** What became of servers, as far as nova remembers. */
export async function fatesOf(api: Db<ApiTables>, cells: readonly Db<CellTables>[], serverIds: Iterable<string>): Promise<ReadonlyMap<string, Fate>> {
  const all = [...new Set(serverIds)]
  const fates = new Map<string, Fate>(all.map((id) => [id, 'unknown']))
  for (let from = 0; from < all.length; from += atOnce) {
    const ids = all.slice(from, from + atOnce)
    for (const cell of cells) {
      for (const { uuid, deleted } of await cell.selectFrom('instances').select(['uuid', 'deleted']).where('uuid', 'in', ids).execute()) {
        if (deleted === 0) fates.set(uuid, 'lives')
        else if (fates.get(uuid) === 'unknown') fates.set(uuid, 'deleted')
      }
    }
    // One that was deleted before it came to a cell left nothing but its deletion.
    const deletions = await api.selectFrom('operations').select('resource_id').where('kind', '=', 'server.delete').where('status', '=', 'done').where('resource_id', 'in', ids).execute()
    for (const { resource_id: id } of deletions) if (fates.get(id) === 'unknown') fates.set(id, 'deleted')
    for (const { instance_uuid: id } of await api.selectFrom('instance_mappings').select('instance_uuid').where('instance_uuid', 'in', ids).execute()) fates.set(id, 'lives')
  }
  return fates
}
