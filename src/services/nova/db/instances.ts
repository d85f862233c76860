// Rows of servers in a cell: found with what belongs to them, inserted once, changed under conditions.
import type { Db, Selectable, Updateable } from '#core/db'
import { insertDevices } from './block-devices.ts'
import type { NewInstance, ServerPlan } from './build-requests.ts'
import type { BlockDeviceRow, CellTables, FaultRow, InstanceRow, VirtualInterfaceRow } from './cell-tables.ts'
import { deleteFiles, insertFiles } from './injected-files.ts'

export type Instance = Selectable<InstanceRow>

/** A server's row and the rows that belong to it. */
export interface ServerRows {
  /** A server that is still only planned has no `id`. */
  readonly instance: NewInstance & { readonly id?: number }
  readonly blockDevices: readonly Omit<Selectable<BlockDeviceRow>, 'id'>[]
  readonly ports: readonly Selectable<VirtualInterfaceRow>[]
  readonly tags: readonly string[]
  readonly fault?: Selectable<FaultRow>
}

export async function findInstance(db: Db<CellTables>, serverId: string): Promise<Instance | undefined> {
  return db.selectFrom('instances').selectAll().where('uuid', '=', serverId).where('deleted', '=', 0).executeTakeFirst()
}

/** Also one that was deleted. */
export async function findAnyInstance(db: Db<CellTables>, serverId: string): Promise<Instance | undefined> {
  return db.selectFrom('instances').selectAll().where('uuid', '=', serverId).executeTakeFirst()
}

export async function listOnHost(db: Db<CellTables>, host: string): Promise<Pick<Instance, 'uuid' | 'vm_state' | 'task_state' | 'power_state'>[]> {
  return db.selectFrom('instances').select(['uuid', 'vm_state', 'task_state', 'power_state']).where('host', '=', host).where('deleted', '=', 0).execute()
}

/** Those of these servers that have a row and are not deleted. */
export async function livingServers(db: Db<CellTables>, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return []
  return (await db.selectFrom('instances').select('uuid').where('uuid', 'in', [...ids]).where('deleted', '=', 0).execute()).map(({ uuid }) => uuid)
}

/** Where these servers are, those of one project or of all; one that has no host is left out. */
export async function hostsOfServers(db: Db<CellTables>, ids: readonly string[], projectId?: string): Promise<Readonly<Record<string, string>>> {
  if (ids.length === 0) return {}
  let query = db.selectFrom('instances').select(['uuid', 'host']).where('uuid', 'in', [...ids]).where('host', 'is not', null).where('deleted', '=', 0)
  if (projectId !== undefined) query = query.where('project_id', '=', projectId)
  return Object.fromEntries((await query.execute()).flatMap(({ uuid, host }) => (host === null ? [] : [[uuid, host]])))
}

/** Insert what was planned; nothing happens when it is there already. */
export async function insertPlanned(tx: Db<CellTables>, plan: ServerPlan): Promise<boolean> {
  const known = await tx.selectFrom('instances').select('id').where('uuid', '=', plan.instance.uuid).executeTakeFirst()
  if (known) return false
  await tx.insertInto('instances').values(plan.instance).execute()
  await insertDevices(tx, plan.blockDevices)
  if (plan.tags.length > 0) await tx.insertInto('instance_tags').values(plan.tags.map((tag) => ({ instance_uuid: plan.instance.uuid, tag }))).execute()
  await insertFiles(tx, plan.instance.uuid, plan.files ?? [])
  return true
}

export async function updateInstance(tx: Db<CellTables>, serverId: string, set: Updateable<InstanceRow>): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('instances').set(set).where('uuid', '=', serverId).where('deleted', '=', 0).executeTakeFirstOrThrow()
  return numUpdatedRows === 1n
}

/**
 * Begin something with a server, if its states allow it: of two that try, one wins.
 *
 * @param overtakes task states that it takes the place of; in all others the server is busy
 * @returns false when it is in none of the states, busy, or gone
 */
export async function beginTask(tx: Db<CellTables>, serverId: string, task: string | null, from: readonly string[], now: string, overtakes: readonly string[] = []): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('instances').set({ task_state: task, updated_at: now }).where('uuid', '=', serverId).where('deleted', '=', 0).where('vm_state', 'in', from)
    .where((where) => where.or([where('task_state', 'is', null), ...(overtakes.length > 0 ? [where('task_state', 'in', overtakes)] : [])]))
    .executeTakeFirstOrThrow()
  return numUpdatedRows === 1n
}

/** What belongs to many servers, each kind in one query. */
export async function withParts(db: Db<CellTables>, instances: readonly Instance[]): Promise<ServerRows[]> {
  if (instances.length === 0) return []
  const ids = instances.map(({ uuid }) => uuid)
  const faulty = instances.filter(({ vm_state: state, deleted }) => state === 'error' || deleted !== 0).map(({ uuid }) => uuid)
  const blockDevices = await db.selectFrom('block_device_mappings').selectAll().where('instance_uuid', 'in', ids).orderBy('id').execute()
  const ports = await db.selectFrom('virtual_interfaces').selectAll().where('instance_uuid', 'in', ids).orderBy('position').execute()
  const tags = await db.selectFrom('instance_tags').selectAll().where('instance_uuid', 'in', ids).orderBy('tag').execute()
  const faults = faulty.length === 0 ? [] : await db.selectFrom('instance_faults').selectAll().where('instance_uuid', 'in', faulty).orderBy('id').execute()
  const byServer = <R extends { instance_uuid: string }>(rows: readonly R[]) => Map.groupBy(rows, (row) => row.instance_uuid)
  const [blockDevicesOf, portsOf, tagsOf, faultsOf] = [byServer(blockDevices), byServer(ports), byServer(tags), byServer(faults)]
  return instances.map((instance) => {
    const fault = faultsOf.get(instance.uuid)?.at(-1)
    return {
      instance, blockDevices: blockDevicesOf.get(instance.uuid) ?? [], ports: portsOf.get(instance.uuid) ?? [],
      tags: (tagsOf.get(instance.uuid) ?? []).map(({ tag }) => tag), ...(fault && { fault }),
    }
  })
}

/** Servers that were deleted before `before` leave for good, with all that was kept of them. @returns how many */
export async function purgeDeleted(tx: Db<CellTables>, before: string, limit = 200): Promise<number> {
  const old = await tx.selectFrom('instances').select('uuid').where('deleted', '=', 1).where('deleted_at', '<', before).limit(limit).execute()
  const ids = old.map(({ uuid }) => uuid)
  if (ids.length === 0) return 0
  await tx.deleteFrom('instance_actions').where('instance_uuid', 'in', ids).execute()
  await tx.deleteFrom('instance_faults').where('instance_uuid', 'in', ids).execute()
  await tx.deleteFrom('instance_tags').where('instance_uuid', 'in', ids).execute()
  await tx.deleteFrom('instances').where('uuid', 'in', ids).execute()
  return ids.length
}

export async function insertFault(tx: Db<CellTables>, fault: Omit<Selectable<FaultRow>, 'id'>): Promise<void> {
  await tx.insertInto('instance_faults').values(fault).execute()
}

/** The server is gone: its row stays for admins and changes-since, the rest goes. */
export async function markDeleted(tx: Db<CellTables>, serverId: string, now: string): Promise<void> {
  await tx.updateTable('instances').set({ deleted: 1, deleted_at: now, terminated_at: now, updated_at: now, vm_state: 'deleted', task_state: null, power_state: 0 })
    .where('uuid', '=', serverId).where('deleted', '=', 0).execute()
  await tx.deleteFrom('block_device_mappings').where('instance_uuid', '=', serverId).execute()
  await tx.deleteFrom('virtual_interfaces').where('instance_uuid', '=', serverId).execute()
  await deleteFiles(tx, serverId)
}

export async function listTags(db: Db<CellTables>, serverId: string): Promise<string[]> {
  return (await db.selectFrom('instance_tags').select('tag').where('instance_uuid', '=', serverId).orderBy('tag').execute()).map(({ tag }) => tag)
}

export async function replaceTags(tx: Db<CellTables>, serverId: string, tags: readonly string[], now: string): Promise<void> {
  await tx.deleteFrom('instance_tags').where('instance_uuid', '=', serverId).execute()
  if (tags.length > 0) await tx.insertInto('instance_tags').values(tags.map((tag) => ({ instance_uuid: serverId, tag }))).execute()
  await tx.updateTable('instances').set({ updated_at: now }).where('uuid', '=', serverId).execute()
}
