// Users, and the groups they are in.
import type { Db } from '#core/db'
import { type Listed, type ListRequest, page } from './lists.ts'
import type { Tables } from './tables.ts'

export type UserRow = Tables['users']
export type GroupRow = Tables['groups']

export interface ExpiryFilter {
  readonly operator: '<' | '<=' | '=' | '!=' | '>=' | '>'
  /** As ISO text. */
  readonly at: string
}

export function listUsers(db: Db<Tables>, request: ListRequest, options: { readonly expiry?: ExpiryFilter; readonly groupId?: string } = {}): Promise<Listed<UserRow>> {
  let query = db.selectFrom('users').selectAll('users')
  if (options.expiry) query = query.where('users.password_expires_at', options.expiry.operator, options.expiry.at)
  if (options.groupId !== undefined) query = query.where('users.id', 'in', db.selectFrom('memberships').select('user_id').where('group_id', '=', options.groupId))
  return page(query, 'users', request)
}

export async function insertUser(tx: Db<Tables>, row: UserRow): Promise<void> {
  await tx.insertInto('users').values(row).execute()
}

export async function updateUser(tx: Db<Tables>, id: string, set: Partial<UserRow>): Promise<void> {
  await tx.updateTable('users').set(set).where('id', '=', id).execute()
}

export async function deleteUser(tx: Db<Tables>, id: string): Promise<void> {
  await tx.deleteFrom('assignments').where('actor_type', '=', 'user').where('actor_id', '=', id).execute()
  await tx.deleteFrom('users').where('id', '=', id).execute()
}

export function findGroup(db: Db<Tables>, id: string): Promise<GroupRow | undefined> {
  return db.selectFrom('groups').selectAll().where('id', '=', id).executeTakeFirst()
}

export function listGroups(db: Db<Tables>, request: ListRequest, options: { readonly userId?: string } = {}): Promise<Listed<GroupRow>> {
  let query = db.selectFrom('groups').selectAll('groups')
  if (options.userId !== undefined) query = query.where('groups.id', 'in', db.selectFrom('memberships').select('group_id').where('user_id', '=', options.userId))
  return page(query, 'groups', request)
}

export async function insertGroup(tx: Db<Tables>, row: GroupRow): Promise<void> {
  await tx.insertInto('groups').values(row).execute()
}

export async function updateGroup(tx: Db<Tables>, id: string, set: Partial<GroupRow>): Promise<void> {
  await tx.updateTable('groups').set(set).where('id', '=', id).execute()
}

export async function deleteGroup(tx: Db<Tables>, id: string): Promise<void> {
  await tx.deleteFrom('assignments').where('actor_type', '=', 'group').where('actor_id', '=', id).execute()
  await tx.deleteFrom('groups').where('id', '=', id).execute()
}

export async function isMember(db: Db<Tables>, userId: string, groupId: string): Promise<boolean> {
  return (await db.selectFrom('memberships').select('user_id').where('user_id', '=', userId).where('group_id', '=', groupId).executeTakeFirst()) !== undefined
}

export async function insertMembership(tx: Db<Tables>, userId: string, groupId: string): Promise<void> {
  await tx.insertInto('memberships').values({ user_id: userId, group_id: groupId }).execute()
}

export async function deleteMembership(tx: Db<Tables>, userId: string, groupId: string): Promise<boolean> {
  const { numDeletedRows } = await tx.deleteFrom('memberships').where('user_id', '=', userId).where('group_id', '=', groupId).executeTakeFirstOrThrow()
  return numDeletedRows > 0n
}
