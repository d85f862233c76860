// Ports: the places where servers, routers and DHCP are plugged into a network.
import { Closed, defineRoutes, deferred, Nullable, Type, Uuid } from '#core/spec'
import { Address, AnyQuery, attributesOf, Description, Flag, listShown, MacAddress, Name, oneOrMany, oneOrManyShown, owner, params, single, singleShown, standard } from './common.ts'

const WantedIp = Closed({ subnet_id: Type.Optional(Nullable(Uuid)), ip_address: Type.Optional(Nullable(Address)) })
const Pair = Closed({ ip_address: Type.Optional(Type.String({ maxLength: 64 })), mac_address: Type.Optional(Nullable(MacAddress)) })
const DhcpOption = Closed({
  opt_name: Type.String({ minLength: 1, maxLength: 64 }),
  opt_value: Type.Optional(Nullable(Type.String({ maxLength: 255 }))),
  ip_version: Type.Optional(Nullable(Type.Union([Type.Integer(), Type.String({ maxLength: 2 })]))),
})
const SecurityGroupIds = Type.Array(Uuid, { maxItems: 200, uniqueItems: true })

const changeable = {
  name: Type.Optional(Name),
  description: Type.Optional(Description),
  admin_state_up: Type.Optional(Flag),
  mac_address: Type.Optional(Nullable(MacAddress)),
  fixed_ips: Type.Optional(Nullable(Type.Array(WantedIp, { maxItems: 100 }))),
  device_id: Type.Optional(Nullable(Type.String({ maxLength: 255 }))),
  device_owner: Type.Optional(Nullable(Type.String({ maxLength: 255 }))),
  security_groups: Type.Optional(Nullable(SecurityGroupIds)),
  port_security_enabled: Type.Optional(Flag),
  allowed_address_pairs: Type.Optional(Nullable(Type.Array(Pair, { maxItems: 100 }))),
  extra_dhcp_opts: Type.Optional(Nullable(Type.Array(DhcpOption, { maxItems: 50 }))),
  'binding:host_id': Type.Optional(Nullable(Type.String({ maxLength: 255 }))),
  'binding:vnic_type': Type.Optional(Nullable(Type.String({ maxLength: 64 }))),
  'binding:profile': Type.Optional(Nullable(Type.Record(Type.String(), Type.Unknown()))),
}

export const NewPort = Closed({ ...changeable, ...owner, network_id: Uuid })
export const PortChange = Closed(changeable)

export const Port = Closed({
  ...standard,
  name: Type.String(),
  network_id: Type.String(),
  admin_state_up: Type.Boolean(),
  status: Type.String(),
  mac_address: Type.String(),
  fixed_ips: Type.Array(Closed({ subnet_id: Type.String(), ip_address: Type.String() })),
  device_id: Type.String(),
  device_owner: Type.String(),
  security_groups: Type.Array(Type.String()),
  port_security_enabled: Type.Boolean(),
  allowed_address_pairs: Type.Array(Closed({ ip_address: Type.String(), mac_address: Type.String() })),
  extra_dhcp_opts: Type.Array(Closed({ opt_name: Type.String(), opt_value: Type.String(), ip_version: Type.Integer() })),
  'binding:host_id': Type.String(),
  'binding:vnic_type': Type.String(),
  'binding:vif_type': Type.String(),
  'binding:vif_details': Type.Record(Type.String(), Type.Unknown()),
  'binding:profile': Type.Record(Type.String(), Type.Unknown()),
})

const attributes = attributesOf(Port, NewPort)

export const portRoutes = defineRoutes('neutron', {
  listPorts: {
    method: 'GET', path: '/ports', policy: deferred('get_port'), summary: 'List the ports that the caller can see.',
    query: AnyQuery, reply: { 200: listShown('ports', Port) }, faults: [400, 401],
  },
  createPort: {
    method: 'POST', path: '/ports', policy: deferred('create_port'), summary: 'Create one port, or several at once.', maxBodyBytes: 1_048_576,
    body: oneOrMany('port', 'ports', NewPort, attributes), reply: { 201: oneOrManyShown('port', 'ports', Port) }, faults: [400, 401, 403, 404, 409],
  },
  showPort: {
    method: 'GET', path: '/ports/:id', policy: deferred('get_port'), summary: 'Show a port.',
    params, query: AnyQuery, reply: { 200: singleShown('port', Port) }, faults: [401, 404],
  },
  updatePort: {
    method: 'PUT', path: '/ports/:id', policy: deferred('update_port'), summary: 'Change a port; naming a host binds it there.',
    params, body: single('port', PortChange, attributes), reply: { 200: singleShown('port', Port) }, faults: [400, 401, 403, 404, 409, 412],
  },
  deletePort: {
    method: 'DELETE', path: '/ports/:id', policy: deferred('delete_port'), summary: 'Delete a port.',
    params, reply: { 204: null }, faults: [401, 403, 404, 409, 412],
  },
})
