// Subnets: blocks of addresses on a network, with what their hosts are told by DHCP.
import { Closed, defineRoutes, deferred, Nullable, Type, Uuid } from '#core/spec'
import { Address, AnyQuery, attributesOf, Description, Flag, listShown, LooseInteger, Name, oneOrMany, oneOrManyShown, owner, params, single, singleShown, standard } from './common.ts'

const Cidr = Type.String({ minLength: 2, maxLength: 64 })
const Pool = Closed({ start: Address, end: Address })
const HostRoute = Closed({ destination: Cidr, nexthop: Address })

const changeable = {
  name: Type.Optional(Name),
  description: Type.Optional(Description),
  gateway_ip: Type.Optional(Nullable(Address)),
  enable_dhcp: Type.Optional(Flag),
  dns_nameservers: Type.Optional(Nullable(Type.Array(Address))),
  host_routes: Type.Optional(Nullable(Type.Array(HostRoute))),
  allocation_pools: Type.Optional(Nullable(Type.Array(Pool))),
}
const Mode = Type.Union([Type.Literal('slaac'), Type.Literal('dhcpv6-stateful'), Type.Literal('dhcpv6-stateless')])

export const NewSubnet = Closed({
  ...changeable,
  ...owner,
  network_id: Uuid,
  ip_version: LooseInteger,
  cidr: Type.Optional(Nullable(Cidr)),
  ipv6_address_mode: Type.Optional(Mode),
  ipv6_ra_mode: Type.Optional(Mode),
  /** None: there are no pools. */
  subnetpool_id: Type.Optional(Type.Null()),
})
export const SubnetChange = Closed(changeable)

export const Subnet = Closed({
  ...standard,
  name: Type.String(),
  network_id: Type.String(),
  ip_version: Type.Integer(),
  cidr: Type.String(),
  gateway_ip: Nullable(Type.String()),
  enable_dhcp: Type.Boolean(),
  allocation_pools: Type.Array(Pool),
  dns_nameservers: Type.Array(Type.String()),
  host_routes: Type.Array(HostRoute),
  ipv6_address_mode: Nullable(Type.String()),
  ipv6_ra_mode: Nullable(Type.String()),
  subnetpool_id: Type.Null(),
  'router:external': Type.Optional(Type.Boolean()),
})

const attributes = attributesOf(Subnet, NewSubnet)

export const subnetRoutes = defineRoutes('neutron', {
  listSubnets: {
    method: 'GET', path: '/subnets', policy: deferred('get_subnet'), summary: 'List the subnets that the caller can see.',
    query: AnyQuery, reply: { 200: listShown('subnets', Subnet) }, faults: [400, 401],
  },
  createSubnet: {
    method: 'POST', path: '/subnets', policy: deferred('create_subnet'), summary: 'Create one subnet, or several at once.', maxBodyBytes: 1_048_576,
    body: oneOrMany('subnet', 'subnets', NewSubnet, attributes), reply: { 201: oneOrManyShown('subnet', 'subnets', Subnet) }, faults: [400, 401, 403, 404, 409],
  },
  showSubnet: {
    method: 'GET', path: '/subnets/:id', policy: deferred('get_subnet'), summary: 'Show a subnet.',
    params, query: AnyQuery, reply: { 200: singleShown('subnet', Subnet) }, faults: [401, 404],
  },
  updateSubnet: {
    method: 'PUT', path: '/subnets/:id', policy: deferred('update_subnet'), summary: 'Change a subnet.',
    params, body: single('subnet', SubnetChange, attributes), reply: { 200: singleShown('subnet', Subnet) }, faults: [400, 401, 403, 404, 409, 412],
  },
  deleteSubnet: {
    method: 'DELETE', path: '/subnets/:id', policy: deferred('delete_subnet'), summary: 'Delete a subnet of which no address is in use.',
    params, reply: { 204: null }, faults: [401, 403, 404, 409, 412],
  },
})
