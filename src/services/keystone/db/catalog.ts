// Regions, services and endpoints, and what of them goes into a token.
import type { Db } from '#core/db'
import { type Listed, type ListRequest, page } from './lists.ts'
import type { Tables } from './tables.ts'

export interface CatalogRow {
  readonly service_id: string
  readonly type: string
  readonly name: string | null
  readonly endpoint_id: string | null
  readonly interface: string | null
  readonly region_id: string | null
  readonly url: string | null
}

/** Enabled services, each with its enabled endpoints: one row per endpoint, or one without for a service that has none. */
export function catalogRows(db: Db<Tables>): Promise<CatalogRow[]> {
  return db.selectFrom('services')
    .leftJoin('endpoints', (join) => join.onRef('endpoints.service_id', '=', 'services.id').on('endpoints.enabled', '=', 1))
    .select(['services.id as service_id', 'services.type', 'services.name', 'endpoints.id as endpoint_id', 'endpoints.interface', 'endpoints.region_id', 'endpoints.url'])
    .where('services.enabled', '=', 1).orderBy('services.type').orderBy('services.id').orderBy('endpoints.interface').orderBy('endpoints.id').execute()
}

export type RegionRow = Tables['regions']
export type ServiceRow = Tables['services']
export type EndpointRow = Tables['endpoints']

export function findRegion(db: Db<Tables>, id: string): Promise<RegionRow | undefined> {
  return db.selectFrom('regions').selectAll().where('id', '=', id).executeTakeFirst()
}

export function listRegions(db: Db<Tables>, request: ListRequest): Promise<Listed<RegionRow>> {
  return page(db.selectFrom('regions').selectAll(), 'regions', request)
}

export async function insertRegion(tx: Db<Tables>, row: RegionRow): Promise<void> {
  await tx.insertInto('regions').values(row).execute()
}

export async function updateRegion(tx: Db<Tables>, id: string, set: Partial<RegionRow>): Promise<void> {
  await tx.updateTable('regions').set(set).where('id', '=', id).execute()
}

/** A region and those below it, parents first. */
export async function regionTree(db: Db<Tables>, id: string): Promise<string[]> {
  const found = [id]
  for (let level = [id]; level.length > 0 && found.length < 10_000;) {
    const children = await db.selectFrom('regions').select('id').where('parent_region_id', 'in', level).execute()
    level = children.map((child) => child.id).filter((child) => !found.includes(child))
    found.push(...level)
  }
  return found
}

export async function haveEndpoints(db: Db<Tables>, regionIds: readonly string[]): Promise<boolean> {
  return (await db.selectFrom('endpoints').select('id').where('region_id', 'in', regionIds).limit(1).executeTakeFirst()) !== undefined
}

export async function deleteRegion(tx: Db<Tables>, id: string): Promise<void> {
  await tx.deleteFrom('regions').where('id', '=', id).execute()
}

export function findService(db: Db<Tables>, id: string): Promise<ServiceRow | undefined> {
  return db.selectFrom('services').selectAll().where('id', '=', id).executeTakeFirst()
}

export function listServices(db: Db<Tables>, request: ListRequest): Promise<Listed<ServiceRow>> {
  return page(db.selectFrom('services').selectAll(), 'services', request)
}

export async function insertService(tx: Db<Tables>, row: ServiceRow): Promise<void> {
  await tx.insertInto('services').values(row).execute()
}

export async function updateService(tx: Db<Tables>, id: string, set: Partial<ServiceRow>): Promise<void> {
  await tx.updateTable('services').set(set).where('id', '=', id).execute()
}

/** With its endpoints. */
export async function deleteService(tx: Db<Tables>, id: string): Promise<void> {
  await tx.deleteFrom('services').where('id', '=', id).execute()
}

export function findEndpoint(db: Db<Tables>, id: string): Promise<EndpointRow | undefined> {
  return db.selectFrom('endpoints').selectAll().where('id', '=', id).executeTakeFirst()
}

export function listEndpoints(db: Db<Tables>, request: ListRequest): Promise<Listed<EndpointRow>> {
  return page(db.selectFrom('endpoints').selectAll(), 'endpoints', request)
}

export async function insertEndpoint(tx: Db<Tables>, row: EndpointRow): Promise<void> {
  await tx.insertInto('endpoints').values(row).execute()
}

export async function updateEndpoint(tx: Db<Tables>, id: string, set: Partial<EndpointRow>): Promise<void> {
  await tx.updateTable('endpoints').set(set).where('id', '=', id).execute()
}

export async function deleteEndpoint(tx: Db<Tables>, id: string): Promise<void> {
  await tx.deleteFrom('endpoints').where('id', '=', id).execute()
}
