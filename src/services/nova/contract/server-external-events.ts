// What other services tell nova of its servers: ports plugged or deleted, addresses changed, volumes grown.
import { Closed, defineRoutes, Type, Uuid, versioned } from '#core/spec'

const names = ['network-changed', 'network-vif-plugged', 'network-vif-unplugged', 'network-vif-deleted'] as const
const from51 = [...names, 'volume-extended'] as const
const from76 = [...from51, 'power-update'] as const
const from82 = [...from76, 'accelerator-request-bound'] as const
const from93 = [...from82, 'volume-reimaged'] as const
const statuses = ['failed', 'completed', 'in-progress'] as const

const literals = <const N extends readonly string[]>(list: N) => Type.Union(list.map((name) => Type.Literal(name as N[number])))
const eventOf = <const N extends readonly string[]>(list: N) => Closed({
  server_uuid: Uuid, name: literals(list), status: Type.Optional(literals(statuses)), tag: Type.Optional(Type.String({ maxLength: 255 })),
})
const body = <const N extends readonly string[]>(list: N) => Closed({ events: Type.Array(eventOf(list), { minItems: 1 }) })

const Answer = Type.Object({
  events: Type.Array(Type.Object({ server_uuid: Type.String(), name: Type.String(), status: Type.String(), code: Type.Integer(), tag: Type.Optional(Type.String()) })),
})

export const externalEventRoutes = defineRoutes('nova', {
  createExternalEvents: {
    method: 'POST', path: '/os-server-external-events', policy: 'os_compute_api:os-server-external-events:create',
    summary: 'Tell nova what happened elsewhere to its servers. 207 when some of it could not be taken; each event has its code.',
    body: versioned({ '2.1': body(names), '2.51': body(from51), '2.76': body(from76), '2.82': body(from82), '2.93': body(from93) }),
    reply: { 200: Answer, 207: Answer }, faults: [400, 403],
  },
})
