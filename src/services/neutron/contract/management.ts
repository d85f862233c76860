// What administrators look at: agents, what they carry, zones, extensions, addresses left; and tags of anything.
import { authenticated, Closed, defineRoutes, deferred, Nullable, Type } from '#core/spec'
import { AnyQuery, Flag, Id, params } from './common.ts'

const Extension = Closed({ alias: Type.String(), name: Type.String(), description: Type.String(), updated: Type.String(), links: Type.Array(Type.Unknown()) })

export const extensionRoutes = defineRoutes('neutron', {
  listNouns: {
    method: 'GET', path: '/', policy: authenticated, summary: 'List the nouns of this version.',
    reply: { 200: Type.Object({ resources: Type.Array(Type.Object({ name: Type.String(), collection: Type.String(), links: Type.Array(Type.Object({ rel: Type.String(), href: Type.String() })) })) }) }, faults: [401],
  },
  listExtensions: {
    method: 'GET', path: '/extensions', policy: authenticated, summary: 'List the extensions that are built.',
    reply: { 200: Type.Object({ extensions: Type.Array(Extension) }) }, faults: [401],
  },
  showExtension: {
    method: 'GET', path: '/extensions/:alias', policy: authenticated, summary: 'Show an extension.',
    params: Type.Object({ alias: Id }), reply: { 200: Type.Object({ extension: Extension }) }, faults: [401, 404],
  },
  listAvailabilityZones: {
    method: 'GET', path: '/availability_zones', policy: 'get_availability_zone', summary: 'List the zones that agents live in.',
    query: AnyQuery, reply: { 200: Type.Object({ availability_zones: Type.Array(Type.Object({ name: Type.String(), resource: Type.String(), state: Type.String() })) }) }, faults: [401],
  },
  listServiceProviders: {
    method: 'GET', path: '/service-providers', policy: 'get_service_provider', summary: 'List what routers are made by.',
    query: AnyQuery, reply: { 200: Type.Object({ service_providers: Type.Array(Type.Object({ service_type: Type.String(), name: Type.String(), default: Type.Boolean() })) }) }, faults: [401],
  },
})

const Agent = Closed({
  id: Type.String(), agent_type: Type.String(), binary: Type.String(), topic: Type.String(), host: Type.String(), admin_state_up: Type.Boolean(), alive: Type.Boolean(),
  availability_zone: Nullable(Type.String()), configurations: Type.Record(Type.String(), Type.Unknown()), created_at: Type.String(), started_at: Type.String(),
  heartbeat_timestamp: Type.String(), description: Nullable(Type.String()), resources_synced: Type.Null(), resource_versions: Type.Optional(Type.Unknown()),
})

/** openstacksdk says in the body of a DELETE again what the path names. */
const Ignored = Type.Object({})

export const agentRoutes = defineRoutes('neutron', {
  listAgents: {
    method: 'GET', path: '/agents', policy: deferred('get_agent'), summary: 'List agents; none for whom it is not for.', query: AnyQuery,
    reply: { 200: Type.Object({ agents: Type.Array(Type.Partial(Agent)) }) }, faults: [400, 401],
  },
  showAgent: {
    method: 'GET', path: '/agents/:id', policy: deferred('get_agent'), summary: 'Show an agent.', params, query: AnyQuery,
    reply: { 200: Type.Object({ agent: Type.Partial(Agent) }) }, faults: [401, 404],
  },
  updateAgent: {
    method: 'PUT', path: '/agents/:id', policy: 'update_agent', summary: 'Take an agent in or out of service, or describe it.', params,
    body: Closed({ agent: Closed({ admin_state_up: Type.Optional(Flag), description: Type.Optional(Nullable(Type.String({ maxLength: 255 }))) }) }),
    reply: { 200: Type.Object({ agent: Agent }) }, faults: [400, 401, 403, 404],
  },
  deleteAgent: {
    method: 'DELETE', path: '/agents/:id', policy: 'delete_agent', summary: 'Forget an agent.', params, reply: { 204: null }, faults: [401, 403, 404],
  },
  listDhcpNetworks: {
    method: 'GET', path: '/agents/:id/dhcp-networks', policy: 'get_dhcp-networks', summary: 'List the networks that a DHCP agent serves.', params,
    reply: { 200: Type.Object({ networks: Type.Array(Type.Unknown()) }) }, faults: [401, 403, 404],
  },
  addDhcpNetwork: {
    method: 'POST', path: '/agents/:id/dhcp-networks', policy: 'create_dhcp-network', summary: 'Give a network to a DHCP agent.', params,
    body: Closed({ network_id: Id }), reply: { 201: Type.Null() }, faults: [400, 401, 403, 404, 409],
  },
  removeDhcpNetwork: {
    method: 'DELETE', path: '/agents/:id/dhcp-networks/:network_id', policy: 'delete_dhcp-network', summary: 'Take a network from a DHCP agent.', params: Type.Object({ id: Id, network_id: Id }),
    body: Ignored, bodyOptional: true, reply: { 204: null }, faults: [401, 403, 404, 409],
  },
  listDhcpAgents: {
    method: 'GET', path: '/networks/:id/dhcp-agents', policy: 'get_dhcp-agents', summary: 'List the DHCP agents of a network.', params,
    reply: { 200: Type.Object({ agents: Type.Array(Agent) }) }, faults: [401, 403, 404],
  },
  listL3Routers: {
    method: 'GET', path: '/agents/:id/l3-routers', policy: 'get_l3-routers', summary: 'List the routers that an L3 agent carries.', params,
    reply: { 200: Type.Object({ routers: Type.Array(Type.Unknown()) }) }, faults: [401, 403, 404],
  },
  addL3Router: {
    method: 'POST', path: '/agents/:id/l3-routers', policy: 'create_l3-router', summary: 'Give a router to an L3 agent.', params,
    body: Closed({ router_id: Id }), reply: { 201: Type.Null() }, faults: [400, 401, 403, 404, 409],
  },
  removeL3Router: {
    method: 'DELETE', path: '/agents/:id/l3-routers/:router_id', policy: 'delete_l3-router', summary: 'Take a router from an L3 agent.', params: Type.Object({ id: Id, router_id: Id }),
    body: Ignored, bodyOptional: true, reply: { 204: null }, faults: [401, 403, 404],
  },
  listL3Agents: {
    method: 'GET', path: '/routers/:id/l3-agents', policy: 'get_l3-agents', summary: 'List the L3 agents of a router.', params,
    reply: { 200: Type.Object({ agents: Type.Array(Agent) }) }, faults: [401, 403, 404],
  },
})

const Availability = Closed({
  network_id: Type.String(), network_name: Type.String(), tenant_id: Type.String(), project_id: Type.String(), total_ips: Type.Number(), used_ips: Type.Number(),
  subnet_ip_availability: Type.Array(Closed({
    subnet_id: Type.String(), subnet_name: Type.String(), ip_version: Type.Integer(), cidr: Type.String(), total_ips: Type.Number(), used_ips: Type.Number(),
  })),
})

export const ipAvailabilityRoutes = defineRoutes('neutron', {
  listIpAvailability: {
    method: 'GET', path: '/network-ip-availabilities', policy: deferred('get_network_ip_availability'), summary: 'List how many addresses networks have and use; none for whom it is not for.',
    query: AnyQuery, reply: { 200: Type.Object({ network_ip_availabilities: Type.Array(Availability) }) }, faults: [400, 401, 403],
  },
  showIpAvailability: {
    method: 'GET', path: '/network-ip-availabilities/:id', policy: 'get_network_ip_availability', summary: 'Show how many addresses a network has and uses.',
    params, reply: { 200: Type.Object({ network_ip_availability: Availability }) }, faults: [401, 403, 404],
  },
})

const Tag = Type.String({ minLength: 1, maxLength: 255 })
const tagged = Type.Object({ plural: Id, id: Id })
const oneTag = Type.Object({ plural: Id, id: Id, tag: Type.String({ minLength: 1, maxLength: 255 }) })
const Tags = Closed({ tags: Type.Array(Tag, { maxItems: 50, uniqueItems: false }) })

export const tagRoutes = defineRoutes('neutron', {
  listTags: {
    method: 'GET', path: '/:plural/:id/tags', policy: deferred('get_networks_tags'), summary: 'List the tags of an object.', params: tagged,
    reply: { 200: Tags }, faults: [401, 403, 404],
  },
  replaceTags: {
    method: 'PUT', path: '/:plural/:id/tags', policy: deferred('update_networks_tags'), summary: 'Give an object these tags and no others.', params: tagged,
    body: Tags, reply: { 200: Tags }, faults: [400, 401, 403, 404],
  },
  deleteTags: {
    method: 'DELETE', path: '/:plural/:id/tags', policy: deferred('delete_networks_tags'), summary: 'Take all tags from an object.', params: tagged,
    reply: { 204: null }, faults: [401, 403, 404],
  },
  hasTag: {
    method: 'GET', path: '/:plural/:id/tags/:tag', policy: deferred('get_networks_tags'), summary: 'Ask whether an object has a tag.', params: oneTag,
    reply: { 204: null }, faults: [401, 403, 404],
  },
  addTag: {
    method: 'PUT', path: '/:plural/:id/tags/:tag', policy: deferred('update_networks_tags'), summary: 'Tag an object.', params: oneTag,
    reply: { 201: null }, faults: [400, 401, 403, 404],
  },
  deleteTag: {
    method: 'DELETE', path: '/:plural/:id/tags/:tag', policy: deferred('delete_networks_tags'), summary: 'Take a tag from an object.', params: oneTag,
    reply: { 204: null }, faults: [401, 403, 404],
  },
})
