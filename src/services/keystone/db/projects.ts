// Projects, domains among them, with their tags and their place in the tree.
import type { Db } from '#core/db'
import { type Listed, type ListRequest, page } from './lists.ts'
import type { Tables } from './tables.ts'

export type ProjectRow = Tables['projects']

export function findProject(db: Db<Tables>, id: string): Promise<ProjectRow | undefined> {
  return db.selectFrom('projects').selectAll().where('id', '=', id).executeTakeFirst()
}

export interface TagFilter {
  readonly all: readonly string[]
  readonly any: readonly string[]
  readonly notAll: readonly string[]
  readonly notAny: readonly string[]
}

export function listProjects(db: Db<Tables>, request: ListRequest, tags?: TagFilter): Promise<Listed<ProjectRow>> {
  let query = db.selectFrom('projects').selectAll('projects')
  const having = (names: readonly string[], least: number) =>
    db.selectFrom('project_tags').select('project_id').where('name', 'in', names).groupBy('project_id')
      .having((having) => having.fn.countAll(), '>=', least)
  if (tags && tags.all.length > 0) query = query.where('projects.id', 'in', having(tags.all, tags.all.length))
  if (tags && tags.any.length > 0) query = query.where('projects.id', 'in', having(tags.any, 1))
  if (tags && tags.notAll.length > 0) query = query.where('projects.id', 'not in', having(tags.notAll, tags.notAll.length))
  if (tags && tags.notAny.length > 0) query = query.where('projects.id', 'not in', having(tags.notAny, 1))
  return page(query, 'projects', request)
}

export async function projectsByIds(db: Db<Tables>, ids: readonly string[], request: ListRequest): Promise<Listed<ProjectRow>> {
  if (ids.length === 0) return { rows: [], more: false }
  return page(db.selectFrom('projects').selectAll().where('projects.id', 'in', ids), 'projects', request)
}

/** All below a project, parents before their children. */
export async function subtreeOf(db: Db<Tables>, id: string): Promise<ProjectRow[]> {
  const found: ProjectRow[] = []
  let level = [id]
  while (level.length > 0 && found.length < 100_000) {
    const children = await db.selectFrom('projects').selectAll().where('parent_id', 'in', level).where('is_domain', '=', 0).orderBy('id').execute()
    found.push(...children)
    level = children.map((child) => child.id)
  }
  return found
}

export async function tagsOf(db: Db<Tables>, ids: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
  const tags = new Map<string, string[]>()
  if (ids.length === 0) return tags
  const rows = await db.selectFrom('project_tags').selectAll().where('project_id', 'in', ids).orderBy('name').execute()
  for (const row of rows) tags.set(row.project_id, [...(tags.get(row.project_id) ?? []), row.name])
  return tags
}

export async function replaceTags(tx: Db<Tables>, id: string, tags: readonly string[]): Promise<void> {
  await tx.deleteFrom('project_tags').where('project_id', '=', id).execute()
  const names = [...new Set(tags)]
  if (names.length > 0) await tx.insertInto('project_tags').values(names.map((name) => ({ project_id: id, name }))).execute()
}

export async function deleteTag(tx: Db<Tables>, id: string, name: string): Promise<boolean> {
  const { numDeletedRows } = await tx.deleteFrom('project_tags').where('project_id', '=', id).where('name', '=', name).executeTakeFirstOrThrow()
  return numDeletedRows > 0n
}

export async function insertProject(tx: Db<Tables>, row: ProjectRow): Promise<void> {
  await tx.insertInto('projects').values(row).execute()
}

export async function updateProject(tx: Db<Tables>, id: string, set: Partial<ProjectRow>): Promise<void> {
  await tx.updateTable('projects').set(set).where('id', '=', id).execute()
}

export async function hasChildren(db: Db<Tables>, id: string): Promise<boolean> {
  return (await db.selectFrom('projects').select('id').where('parent_id', '=', id).where('is_domain', '=', 0).limit(1).executeTakeFirst()) !== undefined
}

export async function deleteProject(tx: Db<Tables>, id: string): Promise<void> {
  await tx.deleteFrom('assignments').where('target_id', '=', id).where('target_type', '=', 'project').execute()
  await tx.updateTable('users').set({ default_project_id: null }).where('default_project_id', '=', id).execute()
  await tx.deleteFrom('projects').where('id', '=', id).execute()
}

/** The domain with all that is in it: users, groups, roles, projects, and every assignment that names one of them. */
export async function deleteDomain(tx: Db<Tables>, id: string): Promise<void> {
  const users = tx.selectFrom('users').select('id').where('domain_id', '=', id)
  const groups = tx.selectFrom('groups').select('id').where('domain_id', '=', id)
  const projects = tx.selectFrom('projects').select('id').where('domain_id', '=', id)
  await tx.deleteFrom('assignments').where('actor_type', '=', 'user').where('actor_id', 'in', users).execute()
  await tx.deleteFrom('assignments').where('actor_type', '=', 'group').where('actor_id', 'in', groups).execute()
  await tx.deleteFrom('assignments').where('target_type', '=', 'project').where('target_id', 'in', projects).execute()
  await tx.deleteFrom('assignments').where('target_type', '=', 'domain').where('target_id', '=', id).execute()
  await tx.updateTable('users').set({ default_project_id: null }).where('default_project_id', 'in', projects).execute()
  await tx.deleteFrom('users').where('domain_id', '=', id).execute()
  await tx.deleteFrom('groups').where('domain_id', '=', id).execute()
  await tx.deleteFrom('roles').where('domain_id', '=', id).execute()
  await tx.deleteFrom('projects').where('domain_id', '=', id).execute()
  await tx.deleteFrom('projects').where('id', '=', id).execute()
}
