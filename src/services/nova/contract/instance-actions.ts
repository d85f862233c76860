// What was done to a server, and the events of it.
import { Closed, defineRoutes, deferred, Nullable, type TSchema, Type, versioned } from '#core/spec'
import { Filter, Links, ServerParams } from './schemas.ts'

const text = Nullable(Type.String())
const Event = Closed({
  event: Type.String(), start_time: text, finish_time: text, result: text, traceback: Type.Optional(text), hostId: Type.Optional(Type.String()),
  host: Type.Optional(text), details: Type.Optional(text),
})
const summary = {
  action: Type.String(), instance_uuid: Type.String(), request_id: text, user_id: text, project_id: text, start_time: Type.String(), message: text, updated_at: Type.Optional(Type.String()),
}
const Action = Closed({ ...summary, events: Type.Optional(Type.Array(Event)) })
const query = (fields: Record<string, TSchema>, strict: boolean) => Type.Unsafe<Readonly<Record<string, readonly string[]>>>(Type.Object(fields, { additionalProperties: !strict }))
const paged = { limit: Filter, marker: Filter, 'changes-since': Filter }

export const instanceActionRoutes = defineRoutes('nova', {
  listActions: {
    method: 'GET', path: '/servers/:server_id/os-instance-actions', policy: deferred('os_compute_api:os-instance-actions:list'), summary: 'List what was done to a server, the latest first.',
    params: ServerParams, query: versioned({ '2.1': query({}, false), '2.58': query(paged, true), '2.66': query({ ...paged, 'changes-before': Filter }, true) }),
    reply: { 200: Closed({ instanceActions: Type.Array(Closed(summary)), links: Type.Optional(Links) }) }, faults: [400, 403, 404],
  },
  showAction: {
    method: 'GET', path: '/servers/:server_id/os-instance-actions/:request_id', policy: deferred('os_compute_api:os-instance-actions:show'), summary: 'Show something that was done to a server, with its events.',
    reply: { 200: Closed({ instanceAction: Action }) }, faults: [403, 404],
  },
})
