// Resource classes and traits: the vocabulary, standard and custom, and the traits of providers.
import { Closed, defineRoutes, Type, versioned } from '#core/spec'
import { CustomName, Generation, Links, repeated, TraitName } from './shapes.ts'

const ResourceClass = Closed({ name: Type.String(), links: Links })
const Traits = Closed({ traits: Type.Array(Type.String()) })
const ProviderTraits = Closed({ traits: Type.Array(Type.String()), resource_provider_generation: Generation })

export const NewResourceClass = Closed({ name: CustomName })

export const resourceClassRoutes = defineRoutes('placement', {
  listResourceClasses: {
    method: 'GET', path: '/resource_classes', since: '1.2', summary: 'List resource classes.', policy: 'placement:resource_classes:list',
    reply: { 200: Closed({ resource_classes: Type.Array(ResourceClass) }) }, faults: [403],
  },
  createResourceClass: {
    method: 'POST', path: '/resource_classes', since: '1.2', summary: 'Create a custom resource class.', policy: 'placement:resource_classes:create',
    body: NewResourceClass, reply: { 201: null }, faults: [400, 403, 409],
  },
  showResourceClass: {
    method: 'GET', path: '/resource_classes/:name', since: '1.2', summary: 'Show a resource class.', policy: 'placement:resource_classes:show',
    reply: { 200: ResourceClass }, faults: [403, 404],
  },
  renameResourceClass: {
    method: 'PUT', path: '/resource_classes/:name', since: '1.2', until: '1.6', summary: 'Rename a custom resource class.', policy: 'placement:resource_classes:update',
    body: NewResourceClass, reply: { 200: ResourceClass }, faults: [400, 403, 404, 409],
  },
  ensureResourceClass: {
    method: 'PUT', path: '/resource_classes/:name', since: '1.7', summary: 'Make sure that a custom resource class exists.', policy: 'placement:resource_classes:update',
    reply: { 201: null, 204: null }, faults: [400, 403],
  },
  deleteResourceClass: {
    method: 'DELETE', path: '/resource_classes/:name', since: '1.2', summary: 'Delete a custom resource class that no inventory has.', policy: 'placement:resource_classes:delete',
    reply: { 204: null }, faults: [400, 403, 404, 409],
  },
})

export const traitRoutes = defineRoutes('placement', {
  listTraits: {
    method: 'GET', path: '/traits', since: '1.6', summary: 'List traits, by name or by whether a provider has them.', policy: 'placement:traits:list',
    query: Closed({ name: repeated(Type.String()), associated: repeated(Type.String()) }), reply: { 200: Traits }, faults: [400, 403],
  },
  showTrait: {
    method: 'GET', path: '/traits/:name', since: '1.6', summary: 'Ask whether a trait exists.', policy: 'placement:traits:show',
    reply: { 204: null }, faults: [403, 404],
  },
  ensureTrait: {
    method: 'PUT', path: '/traits/:name', since: '1.6', summary: 'Make sure that a custom trait exists.', policy: 'placement:traits:update',
    reply: { 201: null, 204: null }, faults: [400, 403],
  },
  deleteTrait: {
    method: 'DELETE', path: '/traits/:name', since: '1.6', summary: 'Delete a custom trait that no provider has.', policy: 'placement:traits:delete',
    reply: { 204: null }, faults: [400, 403, 404, 409],
  },
  listProviderTraits: {
    method: 'GET', path: '/resource_providers/:uuid/traits', since: '1.6', summary: 'List the traits of a provider.', policy: 'placement:resource_providers:traits:list',
    reply: { 200: ProviderTraits }, faults: [403, 404],
  },
  replaceProviderTraits: {
    method: 'PUT', path: '/resource_providers/:uuid/traits', since: '1.6', summary: 'Set the traits of a provider.', policy: 'placement:resource_providers:traits:update',
    body: versioned({ '1.6': Closed({ traits: Type.Array(TraitName), resource_provider_generation: Generation }) }),
    reply: { 200: ProviderTraits }, faults: [400, 403, 404, 409],
  },
  deleteProviderTraits: {
    method: 'DELETE', path: '/resource_providers/:uuid/traits', since: '1.6', summary: 'Take all traits from a provider.', policy: 'placement:resource_providers:traits:delete',
    reply: { 204: null }, faults: [403, 404, 409],
  },
})
