// The one route of nova that neutron calls on its own: what has become of a server's ports.
import { Closed, defineRoutes, Type } from '#core/spec'

const Event = Closed({
  name: Type.String(), server_uuid: Type.String(), tag: Type.Optional(Type.String()), status: Type.Optional(Type.String()),
})

export const serverEventRoutes = defineRoutes('compute', {
  createServerEvents: {
    method: 'POST', path: '/os-server-external-events', policy: 'os_compute_api:os-server-external-events:create',
    summary: 'Tell nova of events outside of it.',
    body: Type.Object({ events: Type.Array(Event) }),
    reply: { 200: Type.Object({}), 207: Type.Object({}) }, faults: [400, 401, 403, 404],
  },
})
