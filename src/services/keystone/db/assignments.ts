// Role assignments: who has which role on what.
import type { Db } from '#core/db'
import type { Tables } from './tables.ts'

export type Assignment = Tables['assignments']
export type Grant = Omit<Assignment, 'role_id'>

export async function rolesGranted(db: Db<Tables>, grant: Grant): Promise<string[]> {
  const rows = await db.selectFrom('assignments').select('role_id').where((where) => where.and({ ...grant })).orderBy('role_id').execute()
  return rows.map((row) => row.role_id)
}

export async function hasAssignment(db: Db<Tables>, assignment: Assignment): Promise<boolean> {
  return (await db.selectFrom('assignments').select('role_id').where((where) => where.and({ ...assignment })).executeTakeFirst()) !== undefined
}

/** Repeating it changes nothing. @returns whether it was new */
export async function insertAssignment(tx: Db<Tables>, assignment: Assignment): Promise<boolean> {
  if (await hasAssignment(tx, assignment)) return false
  await tx.insertInto('assignments').values(assignment).execute()
  return true
}

export async function deleteAssignment(tx: Db<Tables>, assignment: Assignment): Promise<boolean> {
  const { numDeletedRows } = await tx.deleteFrom('assignments').where((where) => where.and({ ...assignment })).executeTakeFirstOrThrow()
  return numDeletedRows > 0n
}

/** What a user was given, directly and through groups. */
export function assignmentsOfUser(db: Db<Tables>, userId: string): Promise<Assignment[]> {
  return db.selectFrom('assignments').selectAll()
    .where((where) => where.or([
      where.and([where('actor_type', '=', 'user'), where('actor_id', '=', userId)]),
      where.and([where('actor_type', '=', 'group'), where('actor_id', 'in', where.selectFrom('memberships').select('memberships.group_id').where('memberships.user_id', '=', userId))]),
    ]))
    .execute()
}

export interface AssignmentQuery {
  readonly actor?: { readonly type: 'user' | 'group'; readonly ids: readonly string[] } | undefined
  /** The user's own and those of its groups. */
  readonly userWithGroups?: string | undefined
  readonly roleIds?: readonly string[] | undefined
  /** Any of these; all when absent. */
  readonly targets?: readonly { readonly type: 'project' | 'domain' | 'system'; readonly ids: readonly string[]; readonly inherited?: boolean }[] | undefined
  readonly inherited?: boolean | undefined
}

export async function findAssignments(db: Db<Tables>, query: AssignmentQuery): Promise<Assignment[]> {
  let found = db.selectFrom('assignments').selectAll()
  if (query.actor) found = found.where('actor_type', '=', query.actor.type).where('actor_id', 'in', query.actor.ids)
  const { userWithGroups, roleIds, targets, inherited } = query
  if (userWithGroups !== undefined) {
    found = found.where((where) => where.or([
      where.and([where('actor_type', '=', 'user'), where('actor_id', '=', userWithGroups)]),
      where.and([where('actor_type', '=', 'group'), where('actor_id', 'in', where.selectFrom('memberships').select('memberships.group_id').where('memberships.user_id', '=', userWithGroups))]),
    ]))
  }
  if (roleIds) found = found.where('role_id', 'in', roleIds)
  if (targets) {
    found = found.where((where) => where.or(targets.map((target) => where.and([
      where('target_type', '=', target.type), where('target_id', 'in', target.ids),
      ...(target.inherited === undefined ? [] : [where('inherited', '=', target.inherited ? 1 : 0)]),
    ]))))
  }
  if (inherited !== undefined) found = found.where('inherited', '=', inherited ? 1 : 0)
  return found.orderBy('target_id').orderBy('actor_id').orderBy('role_id').orderBy('inherited').execute()
}

/** Members of groups, by group. */
export async function membersOf(db: Db<Tables>, groupIds: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
  const members = new Map<string, string[]>()
  if (groupIds.length === 0) return members
  const rows = await db.selectFrom('memberships').selectAll().where('group_id', 'in', groupIds).orderBy('user_id').execute()
  for (const row of rows) members.set(row.group_id, [...(members.get(row.group_id) ?? []), row.user_id])
  return members
}

export interface TreeNode {
  readonly id: string
  readonly parent_id: string
  readonly domain_id: string
}

/** Where each project hangs. */
export function projectTree(db: Db<Tables>): Promise<TreeNode[]> {
  return db.selectFrom('projects').select(['id', 'parent_id', 'domain_id']).where('is_domain', '=', 0).orderBy('id').execute()
}

export interface Named {
  readonly id: string
  readonly name: string
  readonly domain_id: string
}

/** Names of users, groups, projects or roles, a few hundred at a time. */
export async function namesOf(db: Db<Tables>, table: 'users' | 'groups' | 'projects' | 'roles', ids: readonly string[]): Promise<ReadonlyMap<string, Named>> {
  const names = new Map<string, Named>()
  for (let at = 0; at < ids.length; at += 500) {
    const part = ids.slice(at, at + 500)
    for (const row of await db.selectFrom(table).select(['id', 'name', 'domain_id']).where('id', 'in', part).execute()) names.set(row.id, row)
  }
  return names
}
