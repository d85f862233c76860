// Changing the catalog: regions in a tree, services, and endpoints whose URLs hold no placeholder but the allowed ones.
import type { Db } from '#core/db'
import {
  deleteEndpoint, deleteRegion, deleteService, type EndpointRow, findRegion, findService, haveEndpoints, insertEndpoint, insertRegion, insertService,
  type RegionRow, regionTree, type ServiceRow, updateEndpoint, updateRegion, updateService,
} from '../db/catalog.ts'
import type { Tables } from '../db/tables.ts'
import { notFound, Refused, ValidationError } from '../model/errors.ts'
import { isFillable } from './catalog.ts'
import { changed, type Keystone, newId } from './keystone.ts'
import { assertSameId, extraOf, mergedExtra, storing } from './storing.ts'

export interface RegionChanges {
  readonly description?: string | null
  readonly parent_region_id?: string | null
}

const regionColumns = ['description', 'parent_region_id']

export async function createRegion(keystone: Keystone, body: RegionChanges, id: string | undefined): Promise<RegionRow> {
  const row: RegionRow = {
    id: id === undefined || id === '' ? newId(keystone) : id, description: body.description ?? '', parent_region_id: body.parent_region_id ?? null,
    extra: JSON.stringify(extraOf({ ...body }, regionColumns)),
  }
  await storing('region', `Duplicate ID, ${row.id}.`, () => keystone.database.transaction(async (tx) => {
    await assertRegion(tx, row.parent_region_id)
    await insertRegion(tx, row)
  }))
  return row
}

async function assertRegion(tx: Db<Tables>, id: string | null): Promise<void> {
  if (id !== null && !(await findRegion(tx, id))) throw notFound('region', id)
}

export async function changeRegion(keystone: Keystone, row: RegionRow, body: RegionChanges): Promise<RegionRow> {
  const values = { ...body } as Record<string, unknown>
  assertSameId(values, row.id)
  const set: Partial<RegionRow> = {
    ...(body.description !== undefined && { description: body.description ?? '' }),
    ...(body.parent_region_id !== undefined && { parent_region_id: body.parent_region_id }), extra: mergedExtra(row.extra, values, regionColumns),
  }
  await keystone.database.transaction(async (tx) => {
    if (typeof body.parent_region_id === 'string') {
      await assertRegion(tx, body.parent_region_id)
      if ((await regionTree(tx, row.id)).includes(body.parent_region_id)) throw new ValidationError(`The specified parent region ${body.parent_region_id} would create a circular region hierarchy.`)
    }
    await updateRegion(tx, row.id, set)
  })
  return { ...row, ...set }
}

/** With those below it. @throws Refused while an endpoint is in one of them */
export async function removeRegion(keystone: Keystone, id: string): Promise<void> {
  await keystone.database.transaction(async (tx) => {
    const regions = await regionTree(tx, id)
    if (await haveEndpoints(tx, regions)) throw new Refused(`Unable to delete region ${id} because it or its child regions have associated endpoints.`)
    for (const region of regions.reverse()) await deleteRegion(tx, region)
  })
}

export interface ServiceChanges {
  readonly type?: string
  readonly name?: string | null
  readonly description?: string | null
  readonly enabled?: boolean
}

const serviceColumns = ['type', 'name', 'description', 'enabled']

export async function createService(keystone: Keystone, body: ServiceChanges & { readonly type: string }): Promise<ServiceRow> {
  const row: ServiceRow = {
    id: newId(keystone), type: body.type, name: body.name ?? null, description: body.description ?? null, enabled: body.enabled === false ? 0 : 1,
    extra: JSON.stringify(extraOf({ ...body }, serviceColumns)),
  }
  await keystone.database.transaction(async (tx) => {
    await insertService(tx, row)
    changed(keystone, tx, 'service created')
  })
  return row
}

export async function changeService(keystone: Keystone, row: ServiceRow, body: ServiceChanges): Promise<ServiceRow> {
  const values = { ...body } as Record<string, unknown>
  assertSameId(values, row.id)
  const set: Partial<ServiceRow> = {
    ...(body.type !== undefined && { type: body.type }), ...(body.name !== undefined && { name: body.name }),
    ...(body.description !== undefined && { description: body.description }), ...(body.enabled !== undefined && { enabled: body.enabled ? 1 : 0 }),
    extra: mergedExtra(row.extra, values, serviceColumns),
  }
  await keystone.database.transaction(async (tx) => {
    await updateService(tx, row.id, set)
    changed(keystone, tx, 'service changed')
  })
  return { ...row, ...set }
}

export async function removeService(keystone: Keystone, id: string): Promise<void> {
  await keystone.database.transaction(async (tx) => {
    await deleteService(tx, id)
    changed(keystone, tx, 'service deleted')
  })
}

export interface EndpointChanges {
  readonly service_id?: string
  readonly interface?: string
  readonly url?: string
  readonly enabled?: boolean
  readonly region_id?: string | null
  /** The older name of region_id: such a region is made when it is missing. */
  readonly region?: string | null
}

const endpointColumns = ['service_id', 'interface', 'url', 'enabled', 'region_id', 'region']

export async function createEndpoint(keystone: Keystone, body: EndpointChanges & Required<Pick<EndpointChanges, 'service_id' | 'interface' | 'url'>>): Promise<EndpointRow> {
  return keystone.database.transaction(async (tx) => {
    const row: EndpointRow = {
      id: newId(keystone), service_id: body.service_id, interface: body.interface, url: body.url, enabled: body.enabled === false ? 0 : 1,
      region_id: (await regionOf(tx, body)) ?? null, extra: JSON.stringify(extraOf({ ...body }, endpointColumns)),
    }
    await assertEndpoint(tx, body)
    await insertEndpoint(tx, row)
    changed(keystone, tx, 'endpoint created')
    return row
  })
}

async function assertEndpoint(tx: Db<Tables>, { service_id: serviceId, url }: EndpointChanges): Promise<void> {
  if (serviceId !== undefined && !(await findService(tx, serviceId))) throw new ValidationError(`Could not find service: ${serviceId}.`)
  if (url !== undefined && !isFillable(url)) throw new ValidationError(`Cannot create an endpoint with an invalid URL: ${url}.`)
}

/** Undefined when the body says nothing of a region. */
async function regionOf(tx: Db<Tables>, { region_id: id, region: olderName }: EndpointChanges): Promise<string | null | undefined> {
  if (typeof id === 'string') {
    if (!(await findRegion(tx, id))) throw new ValidationError(`Could not find region: ${id}.`)
    return id
  }
  if (typeof olderName !== 'string') return id === undefined ? olderName : id
  if (!(await findRegion(tx, olderName))) await insertRegion(tx, { id: olderName, description: '', parent_region_id: null, extra: '{}' })
  return olderName
}

export async function changeEndpoint(keystone: Keystone, row: EndpointRow, body: EndpointChanges): Promise<EndpointRow> {
  const values = { ...body } as Record<string, unknown>
  assertSameId(values, row.id)
  return keystone.database.transaction(async (tx) => {
    await assertEndpoint(tx, body)
    const regionId = await regionOf(tx, body)
    const set: Partial<EndpointRow> = {
      ...(body.service_id !== undefined && { service_id: body.service_id }), ...(body.interface !== undefined && { interface: body.interface }),
      ...(body.url !== undefined && { url: body.url }), ...(body.enabled !== undefined && { enabled: body.enabled ? 1 : 0 }),
      ...(regionId !== undefined && { region_id: regionId }), extra: mergedExtra(row.extra, values, endpointColumns),
    }
    await updateEndpoint(tx, row.id, set)
    changed(keystone, tx, 'endpoint changed')
    return { ...row, ...set }
  })
}

export async function removeEndpoint(keystone: Keystone, id: string): Promise<void> {
  await keystone.database.transaction(async (tx) => {
    await deleteEndpoint(tx, id)
    changed(keystone, tx, 'endpoint deleted')
  })
}
