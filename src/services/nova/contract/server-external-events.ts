// What other services tell nova of its servers: ports plugged or deleted, addresses changed, volumes grown.
import { Closed, defineRoutes, Type, Uuid, versioned } from '#core/spec'

const names = ['network-changed', 'network-vif-plugged', 'network-vif-unplugged', 'network-vif-deleted'] as const
const literals = <const N extends readonly string[]>(list: N) => Type.Union(list.map((name) => Type.Literal(name as N[number])))
const eventOf = <const N extends readonly string[]>(list: N) => Closed({
  server_uuid: Uuid, name: literals(list), status: Type.Optional(literals(['failed', 'completed', 'in-progress'])), tag: Type.Optional(Type.String({ maxLength: 255 })),
})
const body = <const N extends readonly string[]>(list: N) => Closed({ events: Type.Array(eventOf(list), { minItems: 1 }) })

const Answer = Type.Object({
  events: Type.Array(Type.Object({ server_uuid: Type.String(), name: Type.String(), status: Type.String(), code: Type.Integer(), tag: Type.Optional(Type.String()) })),
})

export const externalEventRoutes = defineRoutes('nova', {
  createExternalEvents: {
    method: 'POST', path: '/os-server-external-events', policy: 'os_compute_api:os-server-external-events:create',
    summary: 'Tell nova what happened elsewhere to its servers. 207 when some of them are unknown or not on a host yet.',
    body: versioned({
      '2.1': body(names), '2.51': body([...names, 'volume-extended']), '2.76': body([...names, 'volume-extended', 'power-update']),
      '2.82': body([...names, 'volume-extended', 'power-update', 'accelerator-request-bound']),
    }),
    reply: { 200: Answer, 207: Answer }, faults: [400, 403, 404],
  },
})
