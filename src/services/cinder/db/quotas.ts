// What projects may use and what they use: limits are rows, usage is counted from the volumes themselves.
import { type Db } from '#core/db'
import type { CinderTables } from './tables.ts'

export interface TypeUsage {
  readonly typeId: string
  readonly typeName: string
  readonly volumes: number
  readonly gigabytes: number
}

/** One row per type that the project uses. */
export async function usageByType(db: Db<CinderTables>, projectId: string): Promise<TypeUsage[]> {
  const rows = await db.selectFrom('volumes').innerJoin('volume_types', 'volume_types.id', 'volumes.volume_type_id')
    .select(({ fn }) => ['volumes.volume_type_id', 'volume_types.name', fn.countAll<number>().as('volumes'), fn.sum<number>('volumes.claimed_size').as('gigabytes')])
    .where('volumes.project_id', '=', projectId).groupBy(['volumes.volume_type_id', 'volume_types.name']).execute()
  return rows.map((row) => ({ typeId: row.volume_type_id, typeName: row.name, volumes: Number(row.volumes), gigabytes: Number(row.gigabytes) }))
}

export async function projectLimits(db: Db<CinderTables>, projectId: string): Promise<Map<string, number>> {
  const rows = await db.selectFrom('quotas').selectAll().where('project_id', '=', projectId).execute()
  return new Map(rows.map((row) => [row.resource, row.hard_limit]))
}

export async function classLimits(db: Db<CinderTables>, className: string): Promise<Map<string, number>> {
  const rows = await db.selectFrom('quota_classes').selectAll().where('class_name', '=', className).execute()
  return new Map(rows.map((row) => [row.resource, row.hard_limit]))
}

export async function setProjectLimits(tx: Db<CinderTables>, projectId: string, limits: Readonly<Record<string, number>>): Promise<void> {
  const rows = Object.entries(limits).map(([resource, hard_limit]) => ({ project_id: projectId, resource, hard_limit }))
  if (rows.length === 0) return
  await tx.deleteFrom('quotas').where('project_id', '=', projectId).where('resource', 'in', Object.keys(limits)).execute()
  await tx.insertInto('quotas').values(rows).execute()
}

export async function setClassLimits(tx: Db<CinderTables>, className: string, limits: Readonly<Record<string, number>>): Promise<void> {
  const rows = Object.entries(limits).map(([resource, hard_limit]) => ({ class_name: className, resource, hard_limit }))
  if (rows.length === 0) return
  await tx.deleteFrom('quota_classes').where('class_name', '=', className).where('resource', 'in', Object.keys(limits)).execute()
  await tx.insertInto('quota_classes').values(rows).execute()
}

export async function dropProjectLimits(tx: Db<CinderTables>, projectId: string): Promise<void> {
  await tx.deleteFrom('quotas').where('project_id', '=', projectId).execute()
}
