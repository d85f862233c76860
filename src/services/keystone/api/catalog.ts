// Handlers of regions, services and endpoints.
import type { Handlers } from '#core/http'
import type { endpointRoutes, regionRoutes, serviceRoutes } from '../contract/catalog.ts'
import { findEndpoint, findRegion, findService, listEndpoints, listRegions, listServices } from '../db/catalog.ts'
import {
  changeEndpoint, changeRegion, changeService, createEndpoint, createRegion, createService, removeEndpoint, removeRegion, removeService,
} from '../domain/catalog-entries.ts'
import type { Keystone } from '../domain/keystone.ts'
import { notFound, ValidationError } from '../model/errors.ts'
import { type Filterable, listParts, readList } from './lists.ts'
import { viewEndpoint, viewRegion, viewService } from './views.ts'

async function found<Row>(row: Promise<Row | undefined>, kind: string, id: string): Promise<Row> {
  const there = await row
  if (there === undefined) throw notFound(kind, id)
  return there
}

export const regionHandlers = (keystone: Keystone): Handlers<typeof regionRoutes> => {
  const { database: { read }, options } = keystone
  const filters: Filterable = { parent_region_id: 'text' }
  return {
    async listRegions(input) {
      const listed = await listRegions(read, readList(input.query, filters, options.list_limit))
      return { status: 200, body: { regions: listed.rows.map((row) => viewRegion(row, input.baseUrl)), ...listParts(input, '/regions', listed) } }
    },
    async createRegion({ body, baseUrl }) {
      return { status: 201, body: { region: viewRegion(await createRegion(keystone, body.region, body.region.id ?? undefined), baseUrl) } }
    },
    async createRegionWithId({ params, body, baseUrl }) {
      if (typeof body.region.id === 'string' && body.region.id !== params.id) throw new ValidationError(`Conflicting region IDs specified: "${params.id}" != "${body.region.id}"`)
      return { status: 201, body: { region: viewRegion(await createRegion(keystone, body.region, params.id), baseUrl) } }
    },
    async showRegion({ params, baseUrl }) {
      return { status: 200, body: { region: viewRegion(await found(findRegion(read, params.id), 'region', params.id), baseUrl) } }
    },
    async updateRegion({ params, body, baseUrl }) {
      const row = await found(findRegion(read, params.id), 'region', params.id)
      return { status: 200, body: { region: viewRegion(await changeRegion(keystone, row, body.region), baseUrl) } }
    },
    async deleteRegion({ params }) {
      await found(findRegion(read, params.id), 'region', params.id)
      await removeRegion(keystone, params.id)
      return { status: 204 }
    },
  }
}

export const serviceHandlers = (keystone: Keystone): Handlers<typeof serviceRoutes> => {
  const { database: { read }, options } = keystone
  const filters: Filterable = { type: 'text', name: 'text' }
  return {
    async listServices(input) {
      const listed = await listServices(read, readList(input.query, filters, options.list_limit))
      return { status: 200, body: { services: listed.rows.map((row) => viewService(row, input.baseUrl)), ...listParts(input, '/services', listed) } }
    },
    async createService({ body, baseUrl }) {
      return { status: 201, body: { service: viewService(await createService(keystone, body.service), baseUrl) } }
    },
    async showService({ params, baseUrl }) {
      return { status: 200, body: { service: viewService(await found(findService(read, params.id), 'service', params.id), baseUrl) } }
    },
    async updateService({ params, body, baseUrl }) {
      const row = await found(findService(read, params.id), 'service', params.id)
      return { status: 200, body: { service: viewService(await changeService(keystone, row, body.service), baseUrl) } }
    },
    async deleteService({ params }) {
      await found(findService(read, params.id), 'service', params.id)
      await removeService(keystone, params.id)
      return { status: 204 }
    },
  }
}

export const endpointHandlers = (keystone: Keystone): Handlers<typeof endpointRoutes> => {
  const { database: { read }, options } = keystone
  const filters: Filterable = { interface: 'text', service_id: 'text', region_id: 'text', region: { column: 'region_id' } }
  return {
    async listEndpoints(input) {
      const listed = await listEndpoints(read, readList(input.query, filters, options.list_limit))
      return { status: 200, body: { endpoints: listed.rows.map((row) => viewEndpoint(row, input.baseUrl)), ...listParts(input, '/endpoints', listed) } }
    },
    async createEndpoint({ body, baseUrl }) {
      return { status: 201, body: { endpoint: viewEndpoint(await createEndpoint(keystone, body.endpoint), baseUrl) } }
    },
    async showEndpoint({ params, baseUrl }) {
      return { status: 200, body: { endpoint: viewEndpoint(await found(findEndpoint(read, params.id), 'endpoint', params.id), baseUrl) } }
    },
    async updateEndpoint({ params, body, baseUrl }) {
      const row = await found(findEndpoint(read, params.id), 'endpoint', params.id)
      return { status: 200, body: { endpoint: viewEndpoint(await changeEndpoint(keystone, row, body.endpoint), baseUrl) } }
    },
    async deleteEndpoint({ params }) {
      await found(findEndpoint(read, params.id), 'endpoint', params.id)
      await removeEndpoint(keystone, params.id)
      return { status: 204 }
    },
  }
}
