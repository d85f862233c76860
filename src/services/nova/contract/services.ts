// The services of nova: where they run, whether they live, whether they take new servers.
import { Closed, defineRoutes, Nullable, type Static, Type, versioned } from '#core/spec'
import { Filter } from './schemas.ts'
import { HostName, IdParams, Switch } from './values.ts'

const ServiceBody = Closed({
  id: Type.Union([Type.Integer(), Type.String()]), binary: Type.String(), host: Type.String(), zone: Type.String(), status: Type.Union([Type.Literal('enabled'), Type.Literal('disabled')]),
  state: Type.Union([Type.Literal('up'), Type.Literal('down')]), updated_at: Nullable(Type.String()), disabled_reason: Nullable(Type.String()),
  forced_down: Type.Optional(Type.Boolean()),
})
export type ServiceBody = Static<typeof ServiceBody>

const Reason = Type.Optional(Type.String({ minLength: 1, maxLength: 255 }))
const onHost = { host: HostName, binary: Type.String({ minLength: 1, maxLength: 255 }), disabled_reason: Reason }
const filters = { host: Filter, binary: Filter }

export const serviceRoutes = defineRoutes('nova', {
  listServices: {
    method: 'GET', path: '/os-services', policy: 'os_compute_api:os-services:list', summary: 'The services of nova.',
    query: versioned({ '2.1': Type.Object(filters, { additionalProperties: true }), '2.75': Type.Object(filters, { additionalProperties: false }) }),
    reply: { 200: Closed({ services: Type.Array(ServiceBody) }) }, faults: [400, 401, 403],
  },
  /** `:id` is the action: enable, disable, disable-log-reason, force-down. */
  updateServiceOnHost: {
    method: 'PUT', path: '/os-services/:id', until: '2.52', policy: 'os_compute_api:os-services:update', summary: 'Enable, disable or force down a service by host and binary.',
    params: IdParams,
    body: versioned({ '2.1': Closed(onHost), '2.11': Closed({ ...onHost, forced_down: Type.Optional(Switch) }) }),
    reply: {
      200: Closed({
        service: Closed({
          host: Type.String(), binary: Type.String(), status: Type.Optional(Type.String()), disabled_reason: Reason, forced_down: Type.Optional(Type.Boolean()),
        }),
      }),
    },
    faults: [400, 401, 403, 404],
  },
  updateService: {
    method: 'PUT', path: '/os-services/:id', since: '2.53', policy: 'os_compute_api:os-services:update', summary: 'Enable, disable or force down a service.',
    params: IdParams,
    body: Closed({ status: Type.Optional(Type.Union([Type.Literal('enabled'), Type.Literal('disabled')])), disabled_reason: Reason, forced_down: Type.Optional(Switch) }),
    reply: { 200: Closed({ service: ServiceBody }) }, faults: [400, 401, 403, 404],
  },
  deleteService: {
    method: 'DELETE', path: '/os-services/:id', policy: 'os_compute_api:os-services:delete', summary: 'Remove a service that does not run any more.',
    params: IdParams, reply: { 204: null }, faults: [400, 401, 403, 404, 409],
  },
})
