// Server groups in the database, and their members: what the API shows and what the scheduler asks.
import { type Db, type Selectable, sql } from '#core/db'
import type { GroupPolicy, ServerGroup } from '../model/server-group.ts'
import type { ApiTables, ServerGroupRow } from './api-tables.ts'

async function complete(db: Db<ApiTables>, rows: readonly Selectable<ServerGroupRow>[]): Promise<ServerGroup[]> {
  if (rows.length === 0) return []
  const members = Map.groupBy(
    await db.selectFrom('server_group_members').innerJoin('instance_mappings', 'instance_mappings.instance_uuid', 'server_group_members.instance_uuid')
      .select(['server_group_members.group_id', 'server_group_members.instance_uuid'])
      .where('server_group_members.group_id', 'in', rows.map((row) => row.id)).where('instance_mappings.queued_for_delete', '=', 0)
      .orderBy('instance_mappings.created_at').orderBy('server_group_members.instance_uuid').execute(),
    (row) => row.group_id)
  return rows.map((row) => ({
    id: row.uuid, name: row.name, projectId: row.project_id, userId: row.user_id, policy: row.policy as GroupPolicy,
    ...(row.max_server_per_host !== null && { maxServerPerHost: row.max_server_per_host }),
    members: (members.get(row.id) ?? []).map((member) => member.instance_uuid),
  }))
}

export async function findServerGroup(db: Db<ApiTables>, id: string): Promise<ServerGroup | undefined> {
  const row = await db.selectFrom('server_groups').selectAll().where('uuid', '=', id).executeTakeFirst()
  return row && (await complete(db, [row]))[0]
}

/** A project's, or everybody's, in the order in which they were made. */
export async function listServerGroups(db: Db<ApiTables>, projectId: string | undefined, page: { readonly limit: number; readonly offset: number }): Promise<ServerGroup[]> {
  let query = db.selectFrom('server_groups').selectAll().orderBy('id').limit(page.limit).offset(page.offset)
  if (projectId !== undefined) query = query.where('project_id', '=', projectId)
  return complete(db, await query.execute())
}

export async function countServerGroups(db: Db<ApiTables>, projectId: string, userId?: string): Promise<number> {
  let query = db.selectFrom('server_groups').select(sql<number>`count(*)`.as('count')).where('project_id', '=', projectId)
  if (userId !== undefined) query = query.where('user_id', '=', userId)
  return Number((await query.executeTakeFirstOrThrow()).count)
}

export async function insertServerGroup(tx: Db<ApiTables>, group: Omit<ServerGroup, 'members'>, now: string): Promise<void> {
  await tx.insertInto('server_groups').values({
    uuid: group.id, name: group.name, project_id: group.projectId, user_id: group.userId, policy: group.policy,
    max_server_per_host: group.maxServerPerHost ?? null, created_at: now,
  }).execute()
}

export async function deleteServerGroup(tx: Db<ApiTables>, id: string): Promise<boolean> {
  const { numDeletedRows } = await tx.deleteFrom('server_groups').where('uuid', '=', id).executeTakeFirstOrThrow()
  return numDeletedRows === 1n
}

/** Put servers that are being created into a group. @returns false when there is no such group */
export async function insertMembers(tx: Db<ApiTables>, groupId: string, serverIds: readonly string[]): Promise<boolean> {
  const group = await tx.selectFrom('server_groups').select('id').where('uuid', '=', groupId).executeTakeFirst()
  if (!group) return false
  if (serverIds.length > 0) await tx.insertInto('server_group_members').values(serverIds.map((serverId) => ({ instance_uuid: serverId, group_id: group.id }))).execute()
  return true
}

/** The server is gone. */
export async function deleteMember(tx: Db<ApiTables>, serverId: string): Promise<void> {
  await tx.deleteFrom('server_group_members').where('instance_uuid', '=', serverId).execute()
}

/** The group that a server is in, with its other members: what the affinity filters and weighers go by. */
export async function groupOfServer(db: Db<ApiTables>, serverId: string): Promise<ServerGroup | undefined> {
  const row = await db.selectFrom('server_group_members').innerJoin('server_groups', 'server_groups.id', 'server_group_members.group_id')
    .selectAll('server_groups').where('server_group_members.instance_uuid', '=', serverId).executeTakeFirst()
  return row && (await complete(db, [row]))[0]
}

/** Group ids by server, as servers show them from 2.71. */
export async function groupIdsByServer(db: Db<ApiTables>, serverIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (serverIds.length === 0) return new Map()
  const rows = await db.selectFrom('server_group_members').innerJoin('server_groups', 'server_groups.id', 'server_group_members.group_id')
    .select(['server_group_members.instance_uuid', 'server_groups.uuid']).where('server_group_members.instance_uuid', 'in', serverIds).execute()
  return new Map(rows.map((row) => [row.instance_uuid, row.uuid]))
}
