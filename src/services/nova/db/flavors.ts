// Flavors in the database, with their extra specs and the projects that may use a private one.
import { afterMarker, type Db, orderings, type Selectable, type SortedBy } from '#core/db'
import type { Flavor, NewFlavor } from '../model/flavor.ts'
import type { ApiTables, FlavorRow } from './api-tables.ts'

/** Whose eyes see the flavors: an admin's see all of them, a project's the public ones and those it was given. */
export interface Viewer {
  readonly admin: boolean
  readonly projectId?: string
}

export interface FlavorFilter {
  /** Undefined for both kinds. `true` includes the private ones that the viewer's project was given. */
  readonly isPublic?: boolean
  readonly enabledOnly: boolean
  readonly leastMemoryMiB?: number
  readonly leastRootGiB?: number
}

const sortColumns = {
  description: { column: 'description', whenNull: '' }, updated_at: { column: 'updated_at', whenNull: '' },
  // Never set any more, also upstream: every flavor has the same.
  vcpu_weight: { column: 'id' },
}

function visible(db: Db<ApiTables>, { admin, projectId }: Viewer, publicOnes = true) {
  const all = db.selectFrom('flavors').selectAll('flavors')
  if (admin && publicOnes) return all
  return all.where(({ eb, or, exists, selectFrom }) => or([
    eb('is_public', '=', 1),
    exists(selectFrom('flavor_projects').select('flavor_projects.project_id').whereRef('flavor_projects.flavor_id', '=', 'flavors.id').where('flavor_projects.project_id', '=', projectId ?? '')),
  ]))
}

async function complete(db: Db<ApiTables>, rows: readonly Selectable<FlavorRow>[]): Promise<Flavor[]> {
  if (rows.length === 0) return []
  const specs = Map.groupBy(
    await db.selectFrom('flavor_extra_specs').selectAll().where('flavor_id', 'in', rows.map((row) => row.id)).orderBy('key').execute(), (spec) => spec.flavor_id)
  return rows.map((row) => ({
    id: row.flavorid, rowId: row.id, name: row.name, memoryMiB: row.memory_mb, vcpus: row.vcpus, rootGiB: row.root_gb, ephemeralGiB: row.ephemeral_gb,
    swapMiB: row.swap, rxtxFactor: row.rxtx_factor, disabled: row.disabled === 1, isPublic: row.is_public === 1, description: row.description,
    extraSpecs: Object.fromEntries((specs.get(row.id) ?? []).map(({ key, value }) => [key, value])),
  }))
}

/** @returns undefined when there is no such flavor for the viewer */
export async function readFlavor(db: Db<ApiTables>, flavorId: string, viewer: Viewer): Promise<Flavor | undefined> {
  const row = await visible(db, viewer).where('flavorid', '=', flavorId).executeTakeFirst()
  return row && (await complete(db, [row]))[0]
}

/** @returns undefined when the marker is no flavor of the viewer's */
export async function listFlavors(db: Db<ApiTables>, viewer: Viewer, filter: FlavorFilter, page: { sort: readonly SortedBy[]; limit: number; marker?: string }): Promise<Flavor[] | undefined> {
  let query = filter.isPublic === true ? visible(db, viewer, false) : visible(db, viewer)
  if (filter.isPublic === false) query = query.where('is_public', '=', 0)
  if (filter.enabledOnly) query = query.where('disabled', '=', 0)
  if (filter.leastMemoryMiB !== undefined) query = query.where('memory_mb', '>=', filter.leastMemoryMiB)
  if (filter.leastRootGiB !== undefined) query = query.where('root_gb', '>=', filter.leastRootGiB)
  if (page.marker !== undefined) {
    const marker = await visible(db, viewer).where('flavorid', '=', page.marker).executeTakeFirst()
    if (!marker) return undefined
    query = query.where(afterMarker(page.sort, sortColumns, { ...marker }))
  }
  for (const { expression, direction } of orderings(page.sort, sortColumns)) query = query.orderBy(expression, direction)
  return complete(db, await query.limit(page.limit).execute())
}

export async function insertFlavor(tx: Db<ApiTables>, flavor: NewFlavor, now: string): Promise<void> {
  await tx.insertInto('flavors').values({
    flavorid: flavor.id, name: flavor.name, memory_mb: flavor.memoryMiB, vcpus: flavor.vcpus, root_gb: flavor.rootGiB, ephemeral_gb: flavor.ephemeralGiB,
    swap: flavor.swapMiB, rxtx_factor: flavor.rxtxFactor, disabled: 0, is_public: flavor.isPublic ? 1 : 0, description: flavor.description,
    created_at: now, updated_at: null,
  }).execute()
}

export async function describeFlavor(tx: Db<ApiTables>, flavorId: string, description: string | null, now: string): Promise<void> {
  await tx.updateTable('flavors').set({ description, updated_at: now }).where('flavorid', '=', flavorId).execute()
}

export async function deleteFlavor(tx: Db<ApiTables>, flavorId: string): Promise<boolean> {
  const { numDeletedRows } = await tx.deleteFrom('flavors').where('flavorid', '=', flavorId).executeTakeFirstOrThrow()
  return numDeletedRows === 1n
}

export async function setExtraSpecs(tx: Db<ApiTables>, rowId: number, specs: Readonly<Record<string, string>>): Promise<void> {
  const rows = Object.entries(specs).map(([key, value]) => ({ flavor_id: rowId, key, value }))
  if (rows.length === 0) return
  await tx.deleteFrom('flavor_extra_specs').where('flavor_id', '=', rowId).where('key', 'in', Object.keys(specs)).execute()
  await tx.insertInto('flavor_extra_specs').values(rows).execute()
}

export async function deleteExtraSpec(tx: Db<ApiTables>, rowId: number, key: string): Promise<boolean> {
  const { numDeletedRows } = await tx.deleteFrom('flavor_extra_specs').where('flavor_id', '=', rowId).where('key', '=', key).executeTakeFirstOrThrow()
  return numDeletedRows === 1n
}

export async function flavorProjects(db: Db<ApiTables>, rowId: number): Promise<string[]> {
  const rows = await db.selectFrom('flavor_projects').select('project_id').where('flavor_id', '=', rowId).orderBy('project_id').execute()
  return rows.map((row) => row.project_id)
}

export async function insertFlavorProject(tx: Db<ApiTables>, rowId: number, projectId: string): Promise<void> {
  await tx.insertInto('flavor_projects').values({ flavor_id: rowId, project_id: projectId }).execute()
}

export async function deleteFlavorProject(tx: Db<ApiTables>, rowId: number, projectId: string): Promise<boolean> {
  const { numDeletedRows } = await tx.deleteFrom('flavor_projects').where('flavor_id', '=', rowId).where('project_id', '=', projectId).executeTakeFirstOrThrow()
  return numDeletedRows === 1n
}
