// Routers: they join subnets, and lead to an external network with source address translation.
import { Closed, defineRoutes, deferred, Nullable, Type, Uuid } from '#core/spec'
import { Address, AnyQuery, attributesOf, Description, Flag, listShown, Name, oneOrMany, oneOrManyShown, owner, params, single, singleShown, standard } from './common.ts'

const Route = Closed({ destination: Type.String({ minLength: 2, maxLength: 64 }), nexthop: Address })
const WantedIp = Closed({ subnet_id: Type.Optional(Uuid), ip_address: Type.Optional(Address) })
const WantedGateway = Closed({
  network_id: Type.Optional(Uuid),
  enable_snat: Type.Optional(Flag),
  external_fixed_ips: Type.Optional(Nullable(Type.Array(WantedIp, { maxItems: 20 }))),
})

const changeable = {
  name: Type.Optional(Name),
  description: Type.Optional(Description),
  admin_state_up: Type.Optional(Flag),
  external_gateway_info: Type.Optional(Nullable(WantedGateway)),
}

export const NewRouter = Closed({ ...changeable, ...owner, availability_zone_hints: Type.Optional(Type.Array(Type.String({ maxLength: 255 }), { uniqueItems: true })) })
export const RouterChange = Closed({ ...changeable, routes: Type.Optional(Nullable(Type.Array(Route, { maxItems: 200 }))) })

export const Router = Closed({
  ...standard,
  name: Type.String(),
  admin_state_up: Type.Boolean(),
  status: Type.String(),
  external_gateway_info: Nullable(Closed({
    network_id: Type.String(), enable_snat: Type.Boolean(),
    external_fixed_ips: Type.Array(Closed({ subnet_id: Type.String(), ip_address: Type.String() })),
  })),
  routes: Type.Array(Route),
  availability_zone_hints: Type.Array(Type.String()),
  availability_zones: Type.Array(Type.String()),
})

const WantedInterface = Closed({
  subnet_id: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  port_id: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
})
const Interface = Closed({
  id: Type.String(), tenant_id: Type.String(), project_id: Type.String(), port_id: Type.String(), network_id: Type.String(),
  subnet_id: Type.String(), subnet_ids: Type.Array(Type.String()), tags: Type.Array(Type.String()),
})
const Routes = Type.Object({ router: Closed({ routes: Type.Array(Route, { maxItems: 200 }) }) }, { additionalProperties: false })

const attributes = attributesOf(Router, NewRouter, RouterChange)

export const routerRoutes = defineRoutes('neutron', {
  listRouters: {
    method: 'GET', path: '/routers', policy: deferred('get_router'), summary: 'List the routers of the caller.',
    query: AnyQuery, reply: { 200: listShown('routers', Router) }, faults: [400, 401],
  },
  createRouter: {
    method: 'POST', path: '/routers', policy: deferred('create_router'), summary: 'Create a router.',
    body: oneOrMany('router', 'routers', NewRouter, attributes), reply: { 201: oneOrManyShown('router', 'routers', Router) }, faults: [400, 401, 403, 404, 409],
  },
  showRouter: {
    method: 'GET', path: '/routers/:id', policy: deferred('get_router'), summary: 'Show a router.',
    params, query: AnyQuery, reply: { 200: singleShown('router', Router) }, faults: [401, 404],
  },
  updateRouter: {
    method: 'PUT', path: '/routers/:id', policy: deferred('update_router'), summary: 'Change a router, its gateway or its routes.',
    params, body: single('router', RouterChange, attributes), reply: { 200: singleShown('router', Router) }, faults: [400, 401, 403, 404, 409, 412],
  },
  deleteRouter: {
    method: 'DELETE', path: '/routers/:id', policy: deferred('delete_router'), summary: 'Delete a router without interfaces.',
    params, reply: { 204: null }, faults: [401, 403, 404, 409, 412],
  },
  addRouterInterface: {
    method: 'PUT', path: '/routers/:id/add_router_interface', policy: deferred('add_router_interface'),
    summary: 'Join a subnet, or the subnet of a port, to a router.', params, body: WantedInterface, reply: { 200: Interface }, faults: [400, 401, 403, 404, 409],
  },
  removeRouterInterface: {
    method: 'PUT', path: '/routers/:id/remove_router_interface', policy: deferred('remove_router_interface'),
    summary: 'Take a subnet or port off a router.', params, body: WantedInterface, reply: { 200: Interface }, faults: [400, 401, 403, 404, 409],
  },
  addExtraRoutes: {
    method: 'PUT', path: '/routers/:id/add_extraroutes', policy: deferred('add_extraroutes'),
    summary: 'Add routes to a router at once with those that it has.', params, body: Routes, reply: { 200: singleShown('router', Router) }, faults: [400, 401, 403, 404, 409],
  },
  removeExtraRoutes: {
    method: 'PUT', path: '/routers/:id/remove_extraroutes', policy: deferred('remove_extraroutes'),
    summary: 'Take routes from a router.', params, body: Routes, reply: { 200: singleShown('router', Router) }, faults: [400, 401, 403, 404, 409],
  },
})
