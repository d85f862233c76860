// Resource providers: what can give resources, alone or as part of a tree.
import { Closed, defineRoutes, Nullable, Type, Uuid, versioned } from '#core/spec'
import { Amounts, Generation, Links, repeated } from './shapes.ts'

const name = Type.String({ maxLength: 200 })
const parent = Type.Optional(Nullable(Uuid))

const Provider = Closed({
  uuid: Type.String(), name: Type.String(), generation: Generation, links: Links,
  parent_provider_uuid: Type.Optional(Nullable(Type.String())), root_provider_uuid: Type.Optional(Type.String()),
})

const texts = repeated(Type.String())
const query = { name: texts, uuid: repeated(Uuid) }

export const providerRoutes = defineRoutes('placement', {
  listProviders: {
    method: 'GET', path: '/resource_providers', summary: 'List providers by name, aggregates, resources, traits or tree.', policy: 'placement:resource_providers:list',
    query: versioned({
      '1.0': Closed(query),
      '1.3': Closed({ ...query, member_of: texts }),
      '1.4': Closed({ ...query, member_of: texts, resources: texts }),
      '1.14': Closed({ ...query, member_of: texts, resources: texts, in_tree: repeated(Uuid) }),
      '1.18': Closed({ ...query, member_of: texts, resources: texts, in_tree: repeated(Uuid), required: texts }),
    }),
    reply: { 200: Closed({ resource_providers: Type.Array(Provider) }) }, faults: [400, 403],
  },
  createProvider: {
    method: 'POST', path: '/resource_providers', summary: 'Create a provider, from 1.14 on below a parent.', policy: 'placement:resource_providers:create',
    body: versioned({ '1.0': Closed({ name, uuid: Type.Optional(Uuid) }), '1.14': Closed({ name, uuid: Type.Optional(Uuid), parent_provider_uuid: parent }) }),
    reply: { 200: Provider, 201: null }, faults: [400, 403, 409],
  },
  showProvider: {
    method: 'GET', path: '/resource_providers/:uuid', summary: 'Show a provider.', policy: 'placement:resource_providers:show',
    reply: { 200: Provider }, faults: [403, 404],
  },
  updateProvider: {
    method: 'PUT', path: '/resource_providers/:uuid', summary: 'Rename a provider, or put it below another parent.', policy: 'placement:resource_providers:update',
    body: versioned({ '1.0': Closed({ name }), '1.14': Closed({ name, parent_provider_uuid: parent }) }),
    reply: { 200: Provider }, faults: [400, 403, 404, 409],
  },
  deleteProvider: {
    method: 'DELETE', path: '/resource_providers/:uuid', summary: 'Delete a provider that nobody uses and that has no children.', policy: 'placement:resource_providers:delete',
    reply: { 204: null }, faults: [403, 404, 409],
  },
  showProviderUsages: {
    method: 'GET', path: '/resource_providers/:uuid/usages', summary: 'Show how much of each class of a provider is used.', policy: 'placement:resource_providers:usages',
    reply: { 200: Closed({ resource_provider_generation: Generation, usages: Amounts }) }, faults: [403, 404],
  },
  listProviderAggregates: {
    method: 'GET', path: '/resource_providers/:uuid/aggregates', since: '1.1', summary: 'List the aggregates of a provider.', policy: 'placement:resource_providers:aggregates:list',
    reply: { 200: Closed({ aggregates: Type.Array(Type.String()), resource_provider_generation: Type.Optional(Generation) }) }, faults: [403, 404],
  },
  replaceProviderAggregates: {
    method: 'PUT', path: '/resource_providers/:uuid/aggregates', since: '1.1', summary: 'Set the aggregates of a provider.', policy: 'placement:resource_providers:aggregates:update',
    body: versioned({
      '1.1': Type.Array(Uuid, { uniqueItems: true }),
      '1.19': Closed({ aggregates: Type.Array(Uuid, { uniqueItems: true }), resource_provider_generation: Generation }),
    }),
    reply: { 200: Closed({ aggregates: Type.Array(Type.String()), resource_provider_generation: Type.Optional(Generation) }) }, faults: [400, 403, 404, 409],
  },
})
