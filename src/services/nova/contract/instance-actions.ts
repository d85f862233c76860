// What was done to a server, and the events of it.
import { Closed, defineRoutes, deferred, Nullable, Type, versioned } from '#core/spec'
import { Links, ServerParams, Text } from './schemas.ts'
import { AnyQuery } from './values.ts'

const text = Nullable(Type.String())
const Event = Closed({
  event: Type.String(), start_time: text, finish_time: text, result: text, traceback: Type.Optional(text), hostId: Type.Optional(Type.String()),
  host: Type.Optional(text), details: Type.Optional(text),
})
const summary = {
  action: Type.String(), instance_uuid: Type.String(), request_id: text, user_id: text, project_id: text, start_time: Type.String(), message: text, updated_at: Type.Optional(Type.String()),
}
const Action = Closed({ ...summary, events: Type.Optional(Type.Array(Event)) })
const paged = { limit: Text, marker: Text, 'changes-since': Text }

export const instanceActionRoutes = defineRoutes('nova', {
  listActions: {
    method: 'GET', path: '/servers/:server_id/os-instance-actions', policy: deferred('os_compute_api:os-instance-actions:list'), summary: 'List what was done to a server, the latest first.',
    params: ServerParams, query: versioned({ '2.1': AnyQuery, '2.58': Closed(paged), '2.66': Closed({ ...paged, 'changes-before': Text }) }),
    reply: { 200: Closed({ instanceActions: Type.Array(Closed(summary)), links: Type.Optional(Links) }) }, faults: [400, 403, 404],
  },
  showAction: {
    method: 'GET', path: '/servers/:server_id/os-instance-actions/:request_id', policy: deferred('os_compute_api:os-instance-actions:show'), summary: 'Show something that was done to a server, with its events.',
    reply: { 200: Closed({ instanceAction: Action }) }, faults: [403, 404],
  },
})
