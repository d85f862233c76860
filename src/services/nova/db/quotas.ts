// Limits that were set: for a project, for a user within a project, for a class of projects.
import type { Db } from '#core/db'
import type { ApiTables } from './api-tables.ts'

type Set = ReadonlyMap<string, number>

/** An empty `userId` names the project's own limits. */
export async function projectLimitsSet(db: Db<ApiTables>, projectId: string, userId = ''): Promise<Set> {
  const rows = await db.selectFrom('quotas').select(['resource', 'hard_limit']).where('project_id', '=', projectId).where('user_id', '=', userId).execute()
  return new Map(rows.map((row) => [row.resource, row.hard_limit]))
}

export async function classLimitsSet(db: Db<ApiTables>, className: string): Promise<Set> {
  const rows = await db.selectFrom('quota_classes').select(['resource', 'hard_limit']).where('class_name', '=', className).execute()
  return new Map(rows.map((row) => [row.resource, row.hard_limit]))
}

/** What the limits of a project's users add up to, those of one user left out; users without a limit of their own count nothing. */
export async function userLimitSums(db: Db<ApiTables>, projectId: string, exceptUserId = ''): Promise<Set> {
  const rows = await db.selectFrom('quotas').select(({ fn }) => ['resource', fn.sum('hard_limit').as('total')])
    .where('project_id', '=', projectId).where('user_id', 'not in', ['', exceptUserId]).where('hard_limit', '>', 0).groupBy('resource').execute()
  return new Map(rows.map((row) => [row.resource, Number(row.total)]))
}

export async function setProjectLimits(tx: Db<ApiTables>, projectId: string, userId: string, limits: Readonly<Record<string, number>>, now: string): Promise<void> {
  const rows = Object.entries(limits).map(([resource, hard_limit]) => ({ project_id: projectId, user_id: userId, resource, hard_limit, created_at: now, updated_at: null }))
  if (rows.length === 0) return
  await tx.deleteFrom('quotas').where('project_id', '=', projectId).where('user_id', '=', userId).where('resource', 'in', Object.keys(limits)).execute()
  await tx.insertInto('quotas').values(rows).execute()
}

export async function setClassLimits(tx: Db<ApiTables>, className: string, limits: Readonly<Record<string, number>>, now: string): Promise<void> {
  const rows = Object.entries(limits).map(([resource, hard_limit]) => ({ class_name: className, resource, hard_limit, created_at: now, updated_at: null }))
  if (rows.length === 0) return
  await tx.deleteFrom('quota_classes').where('class_name', '=', className).where('resource', 'in', Object.keys(limits)).execute()
  await tx.insertInto('quota_classes').values(rows).execute()
}

/** Back to the defaults: of one user, or of the project and all its users. */
export async function dropProjectLimits(tx: Db<ApiTables>, projectId: string, userId?: string): Promise<void> {
  const all = tx.deleteFrom('quotas').where('project_id', '=', projectId)
  await (userId === undefined ? all : all.where('user_id', '=', userId)).execute()
}
