// Host aggregates.
import { Closed, defineRoutes, Nullable, type Static, Type } from '#core/spec'
import { ResourceName, SpacedName, ZoneName } from './schemas.ts'
import { HostName, IdParams, MetadataKey } from './values.ts'

const brief = {
  id: Type.Integer(), uuid: Type.Optional(Type.String()), name: Type.String(), availability_zone: Nullable(Type.String()),
  created_at: Type.String(), updated_at: Nullable(Type.String()), deleted: Type.Boolean(), deleted_at: Type.Null(),
}
const NewlyMade = Closed(brief)
const AggregateBody = Closed({ ...brief, hosts: Type.Array(Type.String()), metadata: Type.Record(Type.String(), Type.String()) })
export type AggregateBody = Static<typeof AggregateBody>
const OneAggregate = Closed({ aggregate: AggregateBody })
const Metadata = Type.Record(Type.String({ pattern: MetadataKey }), Nullable(Type.String({ maxLength: 255 })), { additionalProperties: false })
const HostOf = Closed({ host: HostName })
const rule = <A extends string>(action: A) => `os_compute_api:os-aggregates:${action}` as const

export const aggregateRoutes = defineRoutes('nova', {
  listAggregates: {
    method: 'GET', path: '/os-aggregates', policy: rule('index'), summary: 'All aggregates.',
    reply: { 200: Closed({ aggregates: Type.Array(AggregateBody) }) }, faults: [401, 403],
  },
  createAggregate: {
    method: 'POST', path: '/os-aggregates', policy: rule('create'), summary: 'Create an aggregate, with an availability zone if one is named.',
    body: Closed({ aggregate: Closed({ name: ResourceName, availability_zone: Type.Optional(Nullable(ZoneName)) }) }),
    reply: { 200: Closed({ aggregate: NewlyMade }) }, faults: [400, 401, 403, 409],
  },
  showAggregate: {
    method: 'GET', path: '/os-aggregates/:id', policy: rule('show'), summary: 'One aggregate.',
    params: IdParams, reply: { 200: OneAggregate }, faults: [400, 401, 403, 404],
  },
  updateAggregate: {
    method: 'PUT', path: '/os-aggregates/:id', policy: rule('update'), summary: 'Rename an aggregate or give it another zone.',
    params: IdParams,
    body: Closed({ aggregate: Closed({ name: Type.Optional(SpacedName), availability_zone: Type.Optional(Nullable(ZoneName)) }, { minProperties: 1 }) }),
    reply: { 200: OneAggregate }, faults: [400, 401, 403, 404, 409],
  },
  deleteAggregate: {
    method: 'DELETE', path: '/os-aggregates/:id', policy: rule('delete'), summary: 'Delete an aggregate that has no hosts.',
    params: IdParams, reply: { 200: null }, faults: [400, 401, 403, 404],
  },
  addAggregateHost: {
    method: 'POST', path: '/os-aggregates/:id/action', action: 'add_host', policy: rule('add_host'), summary: 'Put a host into an aggregate.',
    params: IdParams, body: Closed({ add_host: HostOf }), reply: { 200: OneAggregate }, faults: [400, 401, 403, 404, 409],
  },
  removeAggregateHost: {
    method: 'POST', path: '/os-aggregates/:id/action', action: 'remove_host', policy: rule('remove_host'), summary: 'Take a host out of an aggregate.',
    params: IdParams, body: Closed({ remove_host: HostOf }), reply: { 200: OneAggregate }, faults: [400, 401, 403, 404, 409],
  },
  setAggregateMetadata: {
    method: 'POST', path: '/os-aggregates/:id/action', action: 'set_metadata', policy: rule('set_metadata'), summary: "Change an aggregate's metadata.",
    params: IdParams, body: Closed({ set_metadata: Closed({ metadata: Metadata }) }), reply: { 200: OneAggregate }, faults: [400, 401, 403, 404],
  },
})
