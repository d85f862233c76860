// Allocations: which consumer holds how much of which provider; the reshaper; and what is used in all.
import { Closed, defineRoutes, deferred, Nullable, Type, Uuid, versioned } from '#core/spec'
import { Amounts, Generation, NewInventories, ProviderId, repeated, Resources } from './shapes.ts'

const owner = { project_id: Type.String({ minLength: 1, maxLength: 255 }), user_id: Type.String({ minLength: 1, maxLength: 255 }) }
const generation = { consumer_generation: Nullable(Type.Integer()) }
const mappings = { mappings: Type.Optional(Type.Record(Type.String({ pattern: '[a-zA-Z0-9_-]{1,64}' }), Type.Array(Uuid, { minItems: 1 }), { minProperties: 1 })) }
const consumerType = { consumer_type: Type.String({ pattern: '^[A-Z0-9_]+$', minLength: 1, maxLength: 255 }) }

const List = Type.Array(Closed({ resource_provider: Closed({ uuid: Uuid }), resources: Resources }), { minItems: 1 })
const FromProvider = Closed({ generation: Type.Optional(Generation), resources: Resources })
const SomeByProvider = Type.Record(ProviderId, FromProvider, { minProperties: 1, additionalProperties: false })
const ByProvider = Type.Record(ProviderId, FromProvider, { additionalProperties: false })

const Claim13 = Closed({ allocations: ByProvider, ...owner })
const Claim28 = Closed({ allocations: ByProvider, ...owner, ...generation })
const Claim34 = Closed({ allocations: ByProvider, ...owner, ...generation, ...mappings })
const Claim38 = Closed({ allocations: ByProvider, ...owner, ...generation, ...mappings, ...consumerType })

const ofConsumers = <S extends typeof Claim13 | typeof Claim28 | typeof Claim34 | typeof Claim38>(claim: S, least: number) =>
  Type.Record(ProviderId, claim, { minProperties: least, additionalProperties: false })
const inventories = Type.Record(ProviderId, NewInventories, { minProperties: 1, additionalProperties: false })

const optionalOwner = { project_id: Type.Optional(Type.String()), user_id: Type.Optional(Type.String()) }
const Held = Closed({
  allocations: Type.Record(Type.String(), Closed({ generation: Generation, resources: Amounts })), ...optionalOwner,
  consumer_generation: Type.Optional(Type.Integer()), consumer_type: Type.Optional(Type.String()),
})
const OfProvider = Closed({
  allocations: Type.Record(Type.String(), Closed({ resources: Amounts, consumer_generation: Type.Optional(Type.Integer()) })),
  resource_provider_generation: Generation,
})

export const allocationRoutes = defineRoutes('placement', {
  showAllocations: {
    method: 'GET', path: '/allocations/:consumer_uuid', summary: 'Show what a consumer holds; nothing for an unknown one.', policy: 'placement:allocations:list',
    reply: { 200: Held }, faults: [403],
  },
  replaceAllocations: {
    method: 'PUT', path: '/allocations/:consumer_uuid', summary: 'Set what a consumer holds.', policy: 'placement:allocations:update',
    body: versioned({
      '1.0': Closed({ allocations: List }),
      '1.8': Closed({ allocations: List, ...owner }),
      '1.12': Closed({ allocations: SomeByProvider, ...owner }),
      '1.28': Claim28, '1.34': Claim34, '1.38': Claim38,
    }),
    reply: { 204: null }, faults: [400, 403, 409],
  },
  replaceManyAllocations: {
    method: 'POST', path: '/allocations', since: '1.13', summary: 'Set what several consumers hold, all or nothing.', policy: 'placement:allocations:manage',
    body: versioned({ '1.13': ofConsumers(Claim13, 1), '1.28': ofConsumers(Claim28, 1), '1.34': ofConsumers(Claim34, 1), '1.38': ofConsumers(Claim38, 1) }),
    maxBodyBytes: 1_048_576, reply: { 204: null }, faults: [400, 403, 409],
  },
  deleteAllocations: {
    method: 'DELETE', path: '/allocations/:consumer_uuid', summary: 'Free all that a consumer holds.', policy: 'placement:allocations:delete',
    reply: { 204: null }, faults: [403, 404],
  },
  listProviderAllocations: {
    method: 'GET', path: '/resource_providers/:uuid/allocations', summary: 'List what is held of a provider, by consumer.', policy: 'placement:resource_providers:allocations:list',
    reply: { 200: OfProvider }, faults: [403, 404],
  },
  reshape: {
    method: 'POST', path: '/reshaper', since: '1.30', summary: 'Move inventories between providers together with what is held of them.', policy: 'placement:reshaper:reshape',
    body: versioned({
      '1.30': Closed({ inventories, allocations: ofConsumers(Claim28, 0) }),
      '1.34': Closed({ inventories, allocations: ofConsumers(Claim34, 0) }),
      '1.38': Closed({ inventories, allocations: ofConsumers(Claim38, 0) }),
    }),
    maxBodyBytes: 16_777_216, reply: { 204: null }, faults: [400, 403, 409],
  },
})

const usageQuery = { project_id: Type.Array(owner.project_id), user_id: repeated(owner.user_id) }

export const usageRoutes = defineRoutes('placement', {
  showUsages: {
    method: 'GET', path: '/usages', since: '1.9', summary: 'Show what a project, or a user in it, uses in all.', policy: deferred('placement:usages'),
    query: versioned({
      '1.9': Closed(usageQuery),
      '1.38': Closed({ ...usageQuery, consumer_type: repeated(Type.String({ pattern: '^[A-Z0-9_]+$|^all|^unknown$', minLength: 1, maxLength: 255 })) }),
    }),
    reply: { 200: versioned({ '1.9': Closed({ usages: Amounts }), '1.38': Closed({ usages: Type.Record(Type.String(), Amounts) }) }) }, faults: [400, 403],
  },
})
