// What runs and where: services, zones, pools; and which extensions the API has.
import { authenticated, Closed, defineRoutes, Identifier, Json, listQuery, Nullable, Type, versioned } from '#core/spec'
import { IdParams, Links, NullableText, PageLinks } from './schemas.ts'

const text = Type.Optional(Type.String({ maxLength: 255 }))
const Host = Nullable(Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9_.#@:/+\\[\\]-]*$' }))
const Which = {
  binary: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })), service: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
  host: Type.Optional(Host), cluster: Type.Optional(Nullable(Type.String({ maxLength: 255 }))),
}
const oneOfThem = { anyOf: [{ required: ['binary'] }, { required: ['service'] }] }
const Changed = Type.Object({ host: Type.String(), service: Type.String(), binary: Type.String(), disabled: Type.Boolean(), status: Type.String(), disabled_reason: Type.Optional(NullableText) })

const Service = Closed({
  binary: Type.String(), host: Type.String(), zone: Type.String(), status: Type.String(), state: Type.String(), updated_at: NullableText,
  disabled_reason: NullableText, cluster: Type.Optional(Type.Null()), backend_state: Type.Optional(NullableText),
  replication_status: Type.Optional(Type.String()), active_backend_id: Type.Optional(Type.Null()), frozen: Type.Optional(Type.Boolean()),
})

export const serviceRoutes = defineRoutes('cinder', {
  listServices: {
    method: 'GET', path: '/os-services', policy: 'volume_extension:services:index', summary: 'The roles of cinder.',
    query: Type.Object({ host: text, binary: text }), reply: { 200: Type.Object({ services: Type.Array(Service) }) }, faults: [403],
  },
  enableService: {
    method: 'PUT', path: '/os-services/enable', policy: 'volume_extension:services:update', summary: 'Let a role take new work.',
    body: Closed(Which, oneOfThem), reply: { 200: Changed }, faults: [400, 403, 404],
  },
  disableService: {
    method: 'PUT', path: '/os-services/disable', policy: 'volume_extension:services:update', summary: 'Give a role no new work.',
    body: Closed(Which, oneOfThem), reply: { 200: Changed }, faults: [400, 403, 404],
  },
  disableServiceWithReason: {
    method: 'PUT', path: '/os-services/disable-log-reason', policy: 'volume_extension:services:update', summary: 'Give a role no new work, and say why.',
    body: Closed({ ...Which, disabled_reason: Type.Optional(Type.String({ minLength: 1, maxLength: 255, pattern: '\\S' })) }, oneOfThem), reply: { 200: Changed }, faults: [400, 403, 404],
  },
  refuseServiceAction: {
    method: 'PUT', path: '/os-services/:action', policy: 'volume_extension:services:update', summary: 'Anything else that could be done to a role is refused.',
    body: Json, bodyOptional: true, reply: {}, faults: [400, 403],
  },
  listAvailabilityZones: {
    method: 'GET', path: '/os-availability-zone', policy: authenticated, summary: 'The zones that volumes can be in.',
    reply: { 200: Type.Object({ availabilityZoneInfo: Type.Array(Closed({ zoneName: Type.String(), zoneState: Closed({ available: Type.Boolean() }) })) }) }, faults: [],
  },
  listPools: {
    method: 'GET', path: '/scheduler-stats/get_pools', policy: 'scheduler_extension:scheduler_stats:get_pools', summary: 'The pools of all backends that report.',
    query: Type.Object({ detail: text, name: text, volume_type: text }),
    reply: { 200: Type.Object({ pools: Type.Array(Closed({ name: Type.String(), capabilities: Type.Optional(Type.Record(Type.String(), Type.Unknown())) })) }) }, faults: [400, 403],
  },
  listExtensions: {
    method: 'GET', path: '/extensions', policy: authenticated, summary: 'The extensions of the API that are there.',
    reply: { 200: Type.Object({ extensions: Type.Array(Closed({ name: Type.String(), alias: Type.String(), description: Type.String(), updated: Type.String(), links: Links })) }) }, faults: [],
  },
  showExtension: {
    method: 'GET', path: '/extensions/:alias', policy: authenticated, summary: 'One extension.', params: Type.Object({ alias: Identifier }),
    reply: { 200: Type.Object({ extension: Type.Object({ alias: Type.String() }) }) }, faults: [404],
  },
})

const Message = Closed({
  id: Type.String(), event_id: Type.String(), user_message: Type.String(), message_level: Type.String(), created_at: Type.String(), guaranteed_until: Type.String(),
  request_id: Type.String(), resource_type: Type.String(), resource_uuid: Type.String(), links: Links,
})
const paged = listQuery({
  sort: ['created_at', 'id', 'event_id', 'message_level', 'resource_type', 'resource_uuid', 'request_id'],
  filters: { offset: text, resource_uuid: text, resource_type: text, event_id: text, request_id: text, message_level: text },
})

export const messageRoutes = defineRoutes('cinder', {
  listMessages: {
    method: 'GET', path: '/messages', since: '3.3', policy: 'message:get_all', summary: "What went wrong with the project's volumes.",
    query: versioned({ '3.3': paged }), reply: { 200: Closed({ messages: Type.Array(Message), messages_links: PageLinks }) }, faults: [400, 403],
  },
  showMessage: {
    method: 'GET', path: '/messages/:id', since: '3.3', policy: 'message:get', summary: 'One message.',
    params: IdParams, reply: { 200: Type.Object({ message: Message }) }, faults: [403, 404],
  },
  deleteMessage: {
    method: 'DELETE', path: '/messages/:id', since: '3.3', policy: 'message:delete', summary: 'Delete a message.',
    params: IdParams, reply: { 204: null }, faults: [403, 404],
  },
})
