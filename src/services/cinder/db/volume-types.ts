// Volume types in the database, with their extra specs and the projects that may use a private one.
import { afterMarker, type Db, orderings } from '#core/db'
import type { Page } from '#core/http'
import { defaultTypeName, type VolumeType } from '../model/volume-type.ts'
import type { CinderTables, VolumeTypeRow } from './tables.ts'

export const typeSortColumns = { id: { column: 'id' }, name: { column: 'name' }, created_at: { column: 'created_at' }, is_public: { column: 'is_public' } } as const

async function complete(db: Db<CinderTables>, rows: readonly VolumeTypeRow[]): Promise<VolumeType[]> {
  if (rows.length === 0) return []
  const specs = await db.selectFrom('volume_type_extra_specs').selectAll().where('volume_type_id', 'in', rows.map((row) => row.id)).orderBy('key').execute()
  return rows.map((row) => ({
    id: row.id, name: row.name, description: row.description, isPublic: row.is_public === 1,
    extraSpecs: Object.fromEntries(specs.filter((spec) => spec.volume_type_id === row.id).map(({ key, value }) => [key, value])),
  }))
}

/** What a project may use, or everything when no project is given. */
function visible(db: Db<CinderTables>, projectId: string | undefined) {
  const all = db.selectFrom('volume_types').selectAll('volume_types')
  if (projectId === undefined) return all
  return all.where(({ eb, or, exists, selectFrom }) => or([
    eb('is_public', '=', 1),
    exists(selectFrom('volume_type_projects').select('project_id').whereRef('volume_type_id', '=', 'volume_types.id').where('project_id', '=', projectId)),
  ]))
}

export async function findType(db: Db<CinderTables>, by: { id: string } | { name: string }, projectId?: string): Promise<VolumeType | undefined> {
  const row = await ('id' in by ? visible(db, projectId).where('id', '=', by.id) : visible(db, projectId).where('name', '=', by.name)).executeTakeFirst()
  return row && (await complete(db, [row]))[0]
}

export interface TypeFilter {
  readonly projectId?: string
  readonly isPublic?: boolean
  /** By wire names. A name that no type has leaves none (cinder/db/sqlalchemy/api.py, _process_volume_types_filters). */
  readonly equal: Readonly<Record<string, string>>
}

const columns = ['id', 'name', 'description'] as const

/** @returns undefined when there is no type to begin after */
export async function listTypes(db: Db<CinderTables>, filter: TypeFilter, page: Page, offset: number): Promise<VolumeType[] | undefined> {
  if (Object.keys(filter.equal).some((name) => !(columns as readonly string[]).includes(name))) return []
  let query = visible(db, filter.projectId)
  for (const column of columns) {
    const value = filter.equal[column]
    if (value !== undefined) query = query.where(column, '=', value)
  }
  if (filter.isPublic !== undefined) query = query.where('is_public', '=', filter.isPublic ? 1 : 0)
  if (page.marker !== undefined) {
    const marker = await visible(db, filter.projectId).where('id', '=', page.marker).executeTakeFirst()
    if (!marker) return undefined
    query = query.where(afterMarker(page.sort, typeSortColumns, { ...marker }))
  }
  for (const { expression, direction } of orderings(page.sort, typeSortColumns)) query = query.orderBy(expression, direction)
  return complete(db, await query.limit(page.limit).offset(offset).execute())
}

export async function typeNames(db: Db<CinderTables>): Promise<string[]> {
  const rows = await db.selectFrom('volume_types').select('name').orderBy('created_at').orderBy('name').execute()
  return rows.map((row) => row.name)
}

export async function insertType(tx: Db<CinderTables>, type: Omit<VolumeType, 'extraSpecs'>, now: string): Promise<void> {
  await tx.insertInto('volume_types').values({ id: type.id, name: type.name, description: type.description, is_public: type.isPublic ? 1 : 0, created_at: now, updated_at: null }).execute()
}

export async function updateType(tx: Db<CinderTables>, id: string, change: Partial<Omit<VolumeTypeRow, 'id'>>): Promise<void> {
  await tx.updateTable('volume_types').set(change).where('id', '=', id).execute()
}

export async function deleteType(tx: Db<CinderTables>, id: string): Promise<void> {
  await tx.deleteFrom('volume_types').where('id', '=', id).execute()
}

export async function setExtraSpecs(tx: Db<CinderTables>, typeId: string, specs: Readonly<Record<string, string | null>>): Promise<void> {
  const rows = Object.entries(specs).map(([key, value]) => ({ volume_type_id: typeId, key, value }))
  if (rows.length === 0) return
  await tx.deleteFrom('volume_type_extra_specs').where('volume_type_id', '=', typeId).where('key', 'in', Object.keys(specs)).execute()
  await tx.insertInto('volume_type_extra_specs').values(rows).execute()
}

export async function deleteExtraSpec(tx: Db<CinderTables>, typeId: string, key: string): Promise<boolean> {
  const { numDeletedRows } = await tx.deleteFrom('volume_type_extra_specs').where('volume_type_id', '=', typeId).where('key', '=', key).executeTakeFirstOrThrow()
  return numDeletedRows === 1n
}

export async function typeProjects(db: Db<CinderTables>, typeId: string): Promise<string[]> {
  const rows = await db.selectFrom('volume_type_projects').select('project_id').where('volume_type_id', '=', typeId).orderBy('project_id').execute()
  return rows.map((row) => row.project_id)
}

export async function insertTypeProject(tx: Db<CinderTables>, typeId: string, projectId: string): Promise<void> {
  await tx.insertInto('volume_type_projects').values({ volume_type_id: typeId, project_id: projectId }).execute()
}

export async function deleteTypeProject(tx: Db<CinderTables>, typeId: string, projectId: string): Promise<boolean> {
  const { numDeletedRows } = await tx.deleteFrom('volume_type_projects').where('volume_type_id', '=', typeId).where('project_id', '=', projectId).executeTakeFirstOrThrow()
  return numDeletedRows === 1n
}

/** The type that a project falls back to, when it has one of its own. */
export async function projectDefaultType(db: Db<CinderTables>, projectId: string): Promise<string | undefined> {
  return (await db.selectFrom('default_volume_types').select('volume_type_id').where('project_id', '=', projectId).executeTakeFirst())?.volume_type_id
}

export async function projectDefaultTypes(db: Db<CinderTables>): Promise<CinderTables['default_volume_types'][]> {
  return db.selectFrom('default_volume_types').selectAll().orderBy('project_id').execute()
}

export async function setProjectDefaultType(tx: Db<CinderTables>, projectId: string, typeId: string | undefined): Promise<void> {
  await tx.deleteFrom('default_volume_types').where('project_id', '=', projectId).execute()
  if (typeId !== undefined) await tx.insertInto('default_volume_types').values({ project_id: projectId, volume_type_id: typeId }).execute()
}

/** The type that is always there. */
export async function ensureDefaultType(tx: Db<CinderTables>, id: string, now: string): Promise<void> {
  const known = await tx.selectFrom('volume_types').select('id').where('name', '=', defaultTypeName).executeTakeFirst()
  if (!known) await insertType(tx, { id, name: defaultTypeName, description: 'Default Volume Type', isPublic: true }, now)
}
