// Networks: a segment of their own each, reached by the ports on it.
import { Closed, defineRoutes, deferred, Nullable, Type } from '#core/spec'
import { AnyQuery, attributesOf, Description, Flag, listShown, LooseInteger, Name, oneOrMany, oneOrManyShown, owner, params, single, singleShown, standard } from './common.ts'

const changeable = {
  name: Type.Optional(Name),
  description: Type.Optional(Description),
  admin_state_up: Type.Optional(Flag),
  shared: Type.Optional(Flag),
  'router:external': Type.Optional(Flag),
  is_default: Type.Optional(Flag),
  mtu: Type.Optional(LooseInteger),
  port_security_enabled: Type.Optional(Flag),
  'provider:network_type': Type.Optional(Nullable(Type.String({ maxLength: 32 }))),
  'provider:physical_network': Type.Optional(Nullable(Type.String({ maxLength: 128 }))),
  'provider:segmentation_id': Type.Optional(Nullable(LooseInteger)),
}

export const NewNetwork = Closed({
  ...changeable,
  ...owner,
  availability_zone_hints: Type.Optional(Type.Array(Type.String({ maxLength: 255 }), { uniqueItems: true })),
})
export const NetworkChange = Closed(changeable)

export const Network = Closed({
  ...standard,
  name: Type.String(),
  admin_state_up: Type.Boolean(),
  status: Type.String(),
  shared: Type.Boolean(),
  'router:external': Type.Boolean(),
  is_default: Type.Optional(Type.Boolean()),
  mtu: Type.Integer(),
  port_security_enabled: Type.Boolean(),
  subnets: Type.Array(Type.String()),
  availability_zone_hints: Type.Array(Type.String()),
  availability_zones: Type.Array(Type.String()),
  ipv4_address_scope: Type.Null(),
  ipv6_address_scope: Type.Null(),
  'provider:network_type': Type.String(),
  'provider:physical_network': Nullable(Type.String()),
  'provider:segmentation_id': Nullable(Type.Integer()),
})

const attributes = attributesOf(Network, NewNetwork)

export const networkRoutes = defineRoutes('neutron', {
  listNetworks: {
    method: 'GET', path: '/networks', policy: deferred('get_network'),
    summary: 'List the networks that the caller can see: its own, shared and external ones.',
    query: AnyQuery, reply: { 200: listShown('networks', Network) }, faults: [400, 401],
  },
  createNetwork: {
    method: 'POST', path: '/networks', policy: deferred('create_network'),
    summary: 'Create one network, or several at once.', maxBodyBytes: 1_048_576,
    body: oneOrMany('network', 'networks', NewNetwork, attributes), reply: { 201: oneOrManyShown('network', 'networks', Network) }, faults: [400, 401, 403, 409],
  },
  showNetwork: {
    method: 'GET', path: '/networks/:id', policy: deferred('get_network'),
    summary: 'Show a network.', params, query: AnyQuery, reply: { 200: singleShown('network', Network) }, faults: [401, 404],
  },
  updateNetwork: {
    method: 'PUT', path: '/networks/:id', policy: deferred('update_network'),
    summary: 'Change a network.', params, body: single('network', NetworkChange, attributes),
    reply: { 200: singleShown('network', Network) }, faults: [400, 401, 403, 404, 409, 412],
  },
  deleteNetwork: {
    method: 'DELETE', path: '/networks/:id', policy: deferred('delete_network'),
    summary: 'Delete a network on which no port is in use, and its subnets.', params, reply: { 204: null }, faults: [401, 403, 404, 409, 412],
  },
})
