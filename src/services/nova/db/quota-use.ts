// What a project may have of servers, cores and memory, and what it has: limits and rows, read in one transaction.
import { type Db, sql } from '#core/db'
import type { ApiTables } from './api-tables.ts'

export interface ServerUse {
  readonly instances: number
  readonly cores: number
  readonly ram: number
}

/** What the living servers of a project count for; those that are being deleted count no more. */
export async function serverUse(db: Db<ApiTables>, projectId: string, userId?: string): Promise<ServerUse> {
  const row = await db.selectFrom('instance_mappings')
    .select([sql<number>`count(*)`.as('instances'), sql<number>`coalesce(sum(vcpus), 0)`.as('cores'), sql<number>`coalesce(sum(memory_mb), 0)`.as('ram')])
    .where('project_id', '=', projectId).where('queued_for_delete', '=', 0)
    .$if(userId !== undefined, (query) => query.where('user_id', '=', userId ?? ''))
    .executeTakeFirstOrThrow()
  return { instances: Number(row.instances), cores: Number(row.cores), ram: Number(row.ram) }
}

type Limits = ReadonlyMap<string, number>

/** Limits set for a project, over those set for the default class, and those of the user alone; what nobody sets is absent. */
export async function limitsSet(db: Db<ApiTables>, projectId: string, userId: string): Promise<{ readonly project: Limits; readonly user: Limits }> {
  const classes = await db.selectFrom('quota_classes').select(['resource', 'hard_limit']).where('class_name', '=', 'default').execute()
  const set = await db.selectFrom('quotas').select(['resource', 'hard_limit', 'user_id']).where('project_id', '=', projectId).where('user_id', 'in', ['', userId]).execute()
  const [own, users] = [set.filter((row) => row.user_id === ''), set.filter((row) => row.user_id !== '')]
  const toLimits = (rows: readonly { resource: string; hard_limit: number }[]) => new Map(rows.map((row) => [row.resource, row.hard_limit]))
  return { project: toLimits([...classes, ...own]), user: toLimits(users) }
}
