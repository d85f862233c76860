// Floating addresses: addresses of an external network that a router translates to a port's own.
import { Closed, defineRoutes, deferred, Nullable, Type, Uuid } from '#core/spec'
import { Address, AnyQuery, attributesOf, Description, listShown, oneOrMany, oneOrManyShown, owner, params, single, singleShown, standard } from './common.ts'

const changeable = {
  description: Type.Optional(Description),
  port_id: Type.Optional(Nullable(Uuid)),
  fixed_ip_address: Type.Optional(Nullable(Address)),
}

export const NewFloatingIp = Closed({
  ...changeable,
  ...owner,
  floating_network_id: Uuid,
  subnet_id: Type.Optional(Nullable(Uuid)),
  floating_ip_address: Type.Optional(Nullable(Address)),
})
export const FloatingIpChange = Closed(changeable)

export const FloatingIp = Closed({
  ...standard,
  floating_network_id: Type.String(),
  floating_ip_address: Type.String(),
  fixed_ip_address: Nullable(Type.String()),
  port_id: Nullable(Type.String()),
  router_id: Nullable(Type.String()),
  status: Type.String(),
  port_details: Nullable(Type.Record(Type.String(), Type.Unknown())),
})

const attributes = attributesOf(FloatingIp, NewFloatingIp)

export const floatingIpRoutes = defineRoutes('neutron', {
  listFloatingIps: {
    method: 'GET', path: '/floatingips', policy: deferred('get_floatingip'), summary: 'List the floating addresses of the caller.',
    query: AnyQuery, reply: { 200: listShown('floatingips', FloatingIp) }, faults: [400, 401],
  },
  createFloatingIp: {
    method: 'POST', path: '/floatingips', policy: deferred('create_floatingip'), summary: 'Take a floating address, and join it to a port if one is named.',
    body: oneOrMany('floatingip', 'floatingips', NewFloatingIp, attributes), reply: { 201: oneOrManyShown('floatingip', 'floatingips', FloatingIp) }, faults: [400, 401, 403, 404, 409],
  },
  showFloatingIp: {
    method: 'GET', path: '/floatingips/:id', policy: deferred('get_floatingip'), summary: 'Show a floating address.',
    params, query: AnyQuery, reply: { 200: singleShown('floatingip', FloatingIp) }, faults: [401, 404],
  },
  updateFloatingIp: {
    method: 'PUT', path: '/floatingips/:id', policy: deferred('update_floatingip'), summary: 'Join a floating address to a port, or part them.',
    params, body: single('floatingip', FloatingIpChange, attributes), reply: { 200: singleShown('floatingip', FloatingIp) }, faults: [400, 401, 403, 404, 409, 412],
  },
  deleteFloatingIp: {
    method: 'DELETE', path: '/floatingips/:id', policy: deferred('delete_floatingip'), summary: 'Give a floating address back.',
    params, reply: { 204: null }, faults: [401, 403, 404, 412],
  },
})
