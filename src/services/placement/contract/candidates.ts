// Allocation candidates: which sets of allocations could satisfy a request.
import { Closed, defineRoutes, Nullable, Type, type TSchema, versioned } from '#core/spec'
import { Amounts, repeated } from './shapes.ts'

const texts = Type.Array(Type.String())
const limit = repeated(Type.String({ pattern: '^[1-9][0-9]*$' }))
const groupPolicy = repeated(Type.Union([Type.Literal('none'), Type.Literal('isolate')]))

/** The keys that a group's suffix may follow. */
function grouped(suffix: string, keys: Readonly<Record<string, TSchema>>, properties: Parameters<typeof Closed>[0]) {
  const patternProperties = Object.fromEntries(Object.entries(keys).map(([key, schema]) => [`^${key}(${suffix})?$`, schema]))
  return Type.Unsafe<Record<string, string | string[]>>({ ...Closed(properties), patternProperties })
}

const numbers = '[1-9][0-9]*'
const words = '[a-zA-Z0-9_-]{1,64}'
const keys = { resources: texts, required: texts, member_of: texts }
const keysInTree = { ...keys, in_tree: texts }
const common = { limit, group_policy: groupPolicy }
const rooted = { ...common, root_required: Type.Optional(texts) }

const Summary = Closed({
  resources: Type.Record(Type.String(), Closed({ capacity: Type.Integer(), used: Type.Integer() })), traits: Type.Optional(texts),
  parent_provider_uuid: Type.Optional(Nullable(Type.String())), root_provider_uuid: Type.Optional(Type.String()),
})
const summaries = Type.Record(Type.String(), Summary)
const ListRequest = Closed({ allocations: Type.Array(Closed({ resource_provider: Closed({ uuid: Type.String() }), resources: Amounts })) })
const byProvider = Type.Record(Type.String(), Closed({ resources: Amounts }))

export const candidateRoutes = defineRoutes('placement', {
  listAllocationCandidates: {
    method: 'GET', path: '/allocation_candidates', since: '1.10', summary: 'List the sets of allocations that would satisfy a request.', policy: 'placement:allocation_candidates:list',
    query: versioned({
      '1.10': Closed({ resources: texts }),
      '1.16': Closed({ resources: texts, limit }),
      '1.17': Closed({ resources: texts, limit, required: Type.Optional(texts) }),
      '1.21': Closed({ resources: texts, limit, required: Type.Optional(texts), member_of: Type.Optional(texts) }),
      '1.25': grouped(numbers, keys, common),
      '1.31': grouped(numbers, keysInTree, common),
      '1.33': grouped(words, keysInTree, common),
      '1.35': grouped(words, keysInTree, rooted),
      '1.36': grouped(words, keysInTree, { ...rooted, same_subtree: Type.Optional(texts) }),
    }),
    reply: {
      200: versioned({
        '1.10': Closed({ allocation_requests: Type.Array(ListRequest), provider_summaries: summaries }),
        '1.12': Closed({ allocation_requests: Type.Array(Closed({ allocations: byProvider })), provider_summaries: summaries }),
        '1.34': Closed({ allocation_requests: Type.Array(Closed({ allocations: byProvider, mappings: Type.Record(Type.String(), texts) })), provider_summaries: summaries }),
      }),
    },
    faults: [400, 403],
  },
})
