// Regions, services and endpoints: where everything is.
import { defineRoutes, Nullable, type Static, Type } from '#core/spec'
import { byId, Description, Enabled, EntityName, IdText, listParts, open, openChange, page, SelfLink, Text } from './schemas.ts'

const RegionId = Type.String({ minLength: 1, maxLength: 255 })

export const Region = Type.Object({ id: Type.String(), description: Type.String(), parent_region_id: Nullable(Type.String()), links: SelfLink }, open)
export type Region = Static<typeof Region>

const regionChanges = { description: Type.Optional(Description), parent_region_id: Type.Optional(Nullable(RegionId)) }
const newRegion = Type.Object({ region: Type.Object({ ...regionChanges, id: Type.Optional(Nullable(Type.String({ maxLength: 255 }))) }, open) })

export const regionRoutes = defineRoutes('keystone', {
  listRegions: {
    method: 'GET', path: '/regions', policy: 'identity:list_regions', summary: 'List regions.',
    query: Type.Object({ ...page, parent_region_id: Text }), reply: { 200: Type.Object({ regions: Type.Array(Region), ...listParts }) }, faults: [401],
  },
  createRegion: {
    method: 'POST', path: '/regions', policy: 'identity:create_region', summary: 'Create a region.',
    body: newRegion, reply: { 201: Type.Object({ region: Region }) }, faults: [400, 401, 403, 404, 409],
  },
  createRegionWithId: {
    method: 'PUT', path: '/regions/:id', policy: 'identity:create_region', summary: 'Create a region under a chosen id.',
    params: byId, body: newRegion, reply: { 201: Type.Object({ region: Region }) }, faults: [400, 401, 403, 404, 409],
  },
  showRegion: {
    method: 'GET', path: '/regions/:id', policy: 'identity:get_region', summary: 'Show a region.',
    params: byId, reply: { 200: Type.Object({ region: Region }) }, faults: [401, 404],
  },
  updateRegion: {
    method: 'PATCH', path: '/regions/:id', policy: 'identity:update_region', summary: 'Change a region.',
    params: byId, body: Type.Object({ region: Type.Object(regionChanges, openChange) }), reply: { 200: Type.Object({ region: Region }) }, faults: [400, 401, 403, 404],
  },
  deleteRegion: {
    method: 'DELETE', path: '/regions/:id', policy: 'identity:delete_region', summary: 'Delete a region, and those below it, if no endpoint is there.',
    params: byId, reply: { 204: null }, faults: [401, 403, 404],
  },
})

export const Service = Type.Object({ id: Type.String(), type: Type.String(), enabled: Type.Boolean(), links: SelfLink }, open)
export type Service = Static<typeof Service>

const serviceChanges = { name: Type.Optional(Nullable(EntityName)), description: Type.Optional(Description), enabled: Type.Optional(Enabled), type: Type.Optional(EntityName) }

export const serviceRoutes = defineRoutes('keystone', {
  listServices: {
    method: 'GET', path: '/services', policy: 'identity:list_services', summary: 'List services.',
    query: Type.Object({ ...page, type: Text, name: Text }), reply: { 200: Type.Object({ services: Type.Array(Service), ...listParts }) }, faults: [401, 403],
  },
  createService: {
    method: 'POST', path: '/services', policy: 'identity:create_service', summary: 'Add a service to the catalog.',
    body: Type.Object({ service: Type.Object({ ...serviceChanges, type: EntityName }, open) }), reply: { 201: Type.Object({ service: Service }) }, faults: [400, 401, 403],
  },
  showService: {
    method: 'GET', path: '/services/:id', policy: 'identity:get_service', summary: 'Show a service.',
    params: byId, reply: { 200: Type.Object({ service: Service }) }, faults: [401, 403, 404],
  },
  updateService: {
    method: 'PATCH', path: '/services/:id', policy: 'identity:update_service', summary: 'Change a service.',
    params: byId, body: Type.Object({ service: Type.Object(serviceChanges, openChange) }), reply: { 200: Type.Object({ service: Service }) }, faults: [400, 401, 403, 404],
  },
  deleteService: {
    method: 'DELETE', path: '/services/:id', policy: 'identity:delete_service', summary: 'Remove a service with its endpoints.',
    params: byId, reply: { 204: null }, faults: [401, 403, 404],
  },
})

const Interface = Type.Union([Type.Literal('admin'), Type.Literal('internal'), Type.Literal('public')])
const Url = Type.String({ maxLength: 225, pattern: '^[a-zA-Z0-9+.-]+:.+' })

export const Endpoint = Type.Object({
  id: Type.String(), service_id: Type.String(), interface: Type.String(), url: Type.String(), region_id: Nullable(Type.String()),
  region: Nullable(Type.String()), enabled: Type.Boolean(), links: SelfLink,
}, open)
export type Endpoint = Static<typeof Endpoint>

const endpointChanges = {
  service_id: Type.Optional(IdText), interface: Type.Optional(Interface), url: Type.Optional(Url), enabled: Type.Optional(Enabled),
  region_id: Type.Optional(Nullable(RegionId)), region: Type.Optional(Nullable(RegionId)),
}

export const endpointRoutes = defineRoutes('keystone', {
  listEndpoints: {
    method: 'GET', path: '/endpoints', policy: 'identity:list_endpoints', summary: 'List endpoints.',
    query: Type.Object({ ...page, interface: Text, service_id: Text, region_id: Text, region: Text }),
    reply: { 200: Type.Object({ endpoints: Type.Array(Endpoint), ...listParts }) }, faults: [401, 403],
  },
  createEndpoint: {
    method: 'POST', path: '/endpoints', policy: 'identity:create_endpoint', summary: 'Add an endpoint to a service.',
    body: Type.Object({ endpoint: Type.Object({ ...endpointChanges, service_id: IdText, interface: Interface, url: Url }, open) }),
    reply: { 201: Type.Object({ endpoint: Endpoint }) }, faults: [400, 401, 403],
  },
  showEndpoint: {
    method: 'GET', path: '/endpoints/:id', policy: 'identity:get_endpoint', summary: 'Show an endpoint.',
    params: byId, reply: { 200: Type.Object({ endpoint: Endpoint }) }, faults: [401, 403, 404],
  },
  updateEndpoint: {
    method: 'PATCH', path: '/endpoints/:id', policy: 'identity:update_endpoint', summary: 'Change an endpoint.',
    params: byId, body: Type.Object({ endpoint: Type.Object(endpointChanges, openChange) }), reply: { 200: Type.Object({ endpoint: Endpoint }) }, faults: [400, 401, 403, 404],
  },
  deleteEndpoint: {
    method: 'DELETE', path: '/endpoints/:id', policy: 'identity:delete_endpoint', summary: 'Remove an endpoint.',
    params: byId, reply: { 204: null }, faults: [401, 403, 404],
  },
})
