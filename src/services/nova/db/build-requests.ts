// Servers before they have a row in a cell, and the mapping that says where each server is.
import type { Db, Insertable } from '#core/db'
import type { InjectedFile } from '../model/server.ts'
import type { ApiTables, InstanceMappingRow } from './api-tables.ts'
import type { BlockDeviceRow, InstanceRow } from './cell-tables.ts'
import { deleteMember } from './server-groups.ts'

export type NewInstance = Required<Omit<Insertable<InstanceRow>, 'id'>>
export type NewBlockDevice = Required<Omit<Insertable<BlockDeviceRow>, 'id'>>

/** The rows that a server will have in its cell. */
export interface ServerPlan {
  readonly instance: NewInstance
  readonly blockDevices: readonly NewBlockDevice[]
  readonly tags: readonly string[]
  readonly files?: readonly InjectedFile[]
}

export async function insertBuildRequests(tx: Db<ApiTables>, plans: readonly ServerPlan[], specs: readonly unknown[]): Promise<void> {
  const mappings = plans.map(({ instance }) => ({
    instance_uuid: instance.uuid, cell: null, project_id: instance.project_id, user_id: instance.user_id,
    vcpus: instance.vcpus, memory_mb: instance.memory_mb, queued_for_delete: 0, created_at: instance.created_at,
  }))
  await tx.insertInto('instance_mappings').values(mappings).execute()
  await tx.insertInto('build_requests').values(plans.map((plan) => ({
    instance_uuid: plan.instance.uuid, project_id: plan.instance.project_id, instance: JSON.stringify(plan), created_at: plan.instance.created_at,
  }))).execute()
  await tx.insertInto('request_specs').values(plans.map(({ instance }, at) => ({
    instance_uuid: instance.uuid, spec: JSON.stringify(specs[at]), tried_hosts: '[]', created_at: instance.created_at,
  }))).execute()
}

export async function findMapping(db: Db<ApiTables>, serverId: string): Promise<InstanceMappingRow | undefined> {
  return db.selectFrom('instance_mappings').selectAll().where('instance_uuid', '=', serverId).executeTakeFirst()
}

/** Those of these servers that are there for the API, built or not. */
export async function mappedServers(db: Db<ApiTables>, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return []
  return (await db.selectFrom('instance_mappings').select('instance_uuid').where('instance_uuid', 'in', [...ids]).execute()).map((row) => row.instance_uuid)
}

/** Those of them whose deletion nobody asked for. */
export async function keptServers(db: Db<ApiTables>, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return []
  return (await db.selectFrom('instance_mappings').select('instance_uuid').where('instance_uuid', 'in', [...ids]).where('queued_for_delete', '=', 0).execute()).map((row) => row.instance_uuid)
}

export async function findPlan(db: Db<ApiTables>, serverId: string): Promise<ServerPlan | undefined> {
  const row = await db.selectFrom('build_requests').select('instance').where('instance_uuid', '=', serverId).executeTakeFirst()
  return row && (JSON.parse(row.instance) as ServerPlan)
}

export async function listPlans(db: Db<ApiTables>, projectId: string | undefined): Promise<ServerPlan[]> {
  const rows = await db.selectFrom('build_requests').select('instance').$if(projectId !== undefined, (query) => query.where('project_id', '=', projectId ?? '')).execute()
  return rows.map((row) => JSON.parse(row.instance) as ServerPlan)
}

/** Change what a server that has no row in a cell yet will have there. False when it has one meanwhile. */
export async function updatePlan(tx: Db<ApiTables>, serverId: string, change: (plan: ServerPlan) => ServerPlan): Promise<boolean> {
  const plan = await findPlan(tx, serverId)
  if (!plan) return false
  await tx.updateTable('build_requests').set({ instance: JSON.stringify(change(plan)) }).where('instance_uuid', '=', serverId).execute()
  return true
}

/** The server has a row in `cell` now. */
export async function settleInCell(tx: Db<ApiTables>, serverId: string, cell: string): Promise<void> {
  await tx.updateTable('instance_mappings').set({ cell }).where('instance_uuid', '=', serverId).execute()
  await tx.deleteFrom('build_requests').where('instance_uuid', '=', serverId).execute()
}

/** Nothing of the server remains in the API database. */
export async function forgetServer(tx: Db<ApiTables>, serverId: string): Promise<void> {
  await tx.deleteFrom('build_requests').where('instance_uuid', '=', serverId).execute()
  await deleteMember(tx, serverId)
  await tx.deleteFrom('request_specs').where('instance_uuid', '=', serverId).execute()
  await tx.deleteFrom('instance_mappings').where('instance_uuid', '=', serverId).execute()
}

/** @returns false when its deletion was asked for before */
export async function queueForDelete(tx: Db<ApiTables>, serverId: string): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('instance_mappings').set({ queued_for_delete: 1 })
    .where('instance_uuid', '=', serverId).where('queued_for_delete', '=', 0).executeTakeFirstOrThrow()
  return numUpdatedRows === 1n
}

export interface TriedHost {
  readonly host: string
  /** In words for the server's owner. */
  readonly reason: string
  /** For operators. */
  readonly causes?: readonly string[]
}

export async function findSpec<T>(db: Db<ApiTables>, serverId: string): Promise<{ spec: T; triedHosts: TriedHost[] } | undefined> {
  const row = await db.selectFrom('request_specs').select(['spec', 'tried_hosts']).where('instance_uuid', '=', serverId).executeTakeFirst()
  return row && { spec: JSON.parse(row.spec) as T, triedHosts: JSON.parse(row.tried_hosts) as TriedHost[] }
}

/** What each server was placed with. */
export async function allSpecs<T>(db: Db<ApiTables>): Promise<ReadonlyMap<string, T>> {
  const rows = await db.selectFrom('request_specs').select(['instance_uuid', 'spec']).execute()
  return new Map(rows.map((row) => [row.instance_uuid, JSON.parse(row.spec) as T]))
}

export async function addTriedHost(tx: Db<ApiTables>, serverId: string, tried: TriedHost): Promise<void> {
  const found = await findSpec(tx, serverId)
  if (!found || found.triedHosts.some(({ host }) => host === tried.host)) return
  await tx.updateTable('request_specs').set({ tried_hosts: JSON.stringify([...found.triedHosts, tried]) }).where('instance_uuid', '=', serverId).execute()
}
