// Servers: created, listed, shown, changed, deleted.
import { Closed, deferred, defineRoutes, Nullable, type TSchema, Type, Uuid, versioned } from '#core/spec'
import { DescriptionText, Filter, HostFqdn, Hostname, IpAddress, Ipv4, Ipv6, Links, MetadataBody, OldBoolean, PositiveInteger, ResourceName, ServerParams, Size, Tag } from './schemas.ts'

type Fields = Record<string, TSchema>
const optional = <F extends Fields>(fields: F) => Object.fromEntries(Object.entries(fields).map(([name, schema]) => [name, Type.Optional(schema)])) as Fields

const DiskConfig = Type.Union([Type.Literal('AUTO'), Type.Literal('MANUAL')])
const TrustedCertificates = Nullable(Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: 50, uniqueItems: true }))

const legacyDevice = {
  virtual_name: Type.String({ maxLength: 255 }), volume_id: Uuid, snapshot_id: Uuid, volume_size: Size,
  device_name: Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9._/-]*$' }), delete_on_termination: OldBoolean,
  no_device: Type.Unknown(), connection_info: Type.String({ maxLength: 16_777_215 }),
}
const device = {
  ...legacyDevice,
  source_type: Type.Union(['volume', 'image', 'snapshot', 'blank'].map((kind) => Type.Literal(kind))),
  uuid: Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9._-]*$' }), image_id: Uuid,
  destination_type: Type.Union([Type.Literal('local'), Type.Literal('volume')]),
  guest_format: Type.String({ maxLength: 255 }), device_type: Type.String({ maxLength: 255 }), disk_bus: Type.String({ maxLength: 255 }),
  boot_index: Type.Union([Type.Integer(), Type.String({ pattern: '^-?[0-9]+$' }), Type.Null()]),
}

interface Features {
  readonly description?: boolean
  readonly networkTag?: boolean
  readonly deviceTag?: boolean
  readonly networksRequired?: boolean
  readonly tags?: boolean
  readonly personality?: boolean
  readonly trusted?: boolean
  readonly volumeType?: boolean
  readonly host?: boolean
  readonly hostname?: boolean
}

/** Filters of other makers may have hints of their own, so that further ones are taken. */
const Hints = Type.Object({
  ...optional({
    group: Type.Union([Uuid, Type.Array(Uuid)]), different_host: Type.Union([Uuid, Type.Array(Uuid)]),
    same_host: Type.Union([Type.String(), Type.Array(Uuid)]), query: Type.Union([Type.String(), Type.Record(Type.String(), Type.Unknown())]),
    target_cell: ResourceName, different_cell: Type.Union([Type.String(), Type.Array(Type.String())]), build_near_host_ip: IpAddress,
    cidr: Type.String({ pattern: '^/[0-9a-f.:]+$' }),
  }),
}, { additionalProperties: true })

function newServer(features: Features) {
  const network = { fixed_ip: IpAddress, port: Nullable(Uuid), uuid: features.networksRequired ? Uuid : Type.String(), ...(features.networkTag && { tag: Tag }) }
  const networks = Type.Array(Closed(optional(network)))
  const devices = { ...device, ...(features.deviceTag && { tag: Tag }), ...(features.volumeType && { volume_type: Nullable(Type.String({ maxLength: 255 })) }) }
  const fields: Fields = {
    imageRef: Type.Union([Uuid, Type.Literal('')]), adminPass: Type.String(), metadata: MetadataBody, 'OS-DCF:diskConfig': DiskConfig,
    accessIPv4: Ipv4, accessIPv6: Ipv6, availability_zone: ResourceName, block_device_mapping: Type.Array(Closed(optional(legacyDevice))),
    block_device_mapping_v2: Type.Array(Closed(optional(devices))), config_drive: OldBoolean, key_name: ResourceName, min_count: PositiveInteger, max_count: PositiveInteger,
    return_reservation_id: OldBoolean, security_groups: Type.Array(Closed({ name: Type.Optional(ResourceName) })),
    user_data: Type.String({ maxLength: 65_535, pattern: '^[A-Za-z0-9+/=\\s]*$' }),
    ...(features.description && { description: DescriptionText }),
    ...(features.tags && { tags: Type.Array(Tag, { maxItems: 50 }) }),
    ...(features.personality !== false && { personality: Type.Array(Closed(optional({ path: Type.String(), contents: Type.String({ pattern: '^[A-Za-z0-9+/=\\s]*$' }) }))) }),
    ...(features.trusted && { trusted_image_certificates: TrustedCertificates }),
    ...(features.host && { host: HostFqdn, hypervisor_hostname: HostFqdn }),
    ...(features.hostname && { hostname: Hostname }),
  }
  const chosen = Type.Union([networks, Type.Literal('none'), Type.Literal('auto')])
  const server = Closed({
    ...optional(fields), name: ResourceName, flavorRef: Type.Union([Type.String({ minLength: 1 }), Type.Integer()]),
    networks: features.networksRequired ? chosen : Type.Optional(networks),
  })
  const hints = Type.Optional(Hints)
  return Type.Unsafe<{ readonly server: Readonly<Record<string, unknown>>; readonly 'os:scheduler_hints'?: Readonly<Record<string, unknown>>; readonly 'OS-SCH-HNT:scheduler_hints'?: Readonly<Record<string, unknown>> }>(
    Closed({ server, 'os:scheduler_hints': hints, 'OS-SCH-HNT:scheduler_hints': hints }))
}

const from237 = { description: true, networksRequired: true, networkTag: false }
const from242 = { ...from237, networkTag: true, deviceTag: true }
const from52 = { ...from242, tags: true }
const from57 = { ...from52, personality: false }
const from63 = { ...from57, trusted: true }
const from67 = { ...from63, volumeType: true }
const from74 = { ...from67, host: true }

const change = { name: ResourceName, 'OS-DCF:diskConfig': DiskConfig, accessIPv4: Ipv4, accessIPv6: Ipv6 }
const changed = (fields: Fields) => Type.Unsafe<{ readonly server: Readonly<Record<string, unknown>> }>(Closed({ server: Closed(optional(fields)) }))

/** A server in detail. What depends on version, role and state is optional. */
const text = Type.Optional(Nullable(Type.String()))
export const ServerDetail = Closed({
  id: Type.String(), name: Type.String(), status: Type.String(), tenant_id: Type.String(), user_id: Type.String(), metadata: Type.Record(Type.String(), Type.String()),
  hostId: Type.String(), image: Type.Union([Type.Literal(''), Closed({ id: Type.String(), links: Links })]), flavor: Type.Record(Type.String(), Type.Unknown()),
  created: Type.String(), updated: Type.String(), addresses: Type.Record(Type.String(), Type.Array(Type.Record(Type.String(), Type.Unknown()))),
  accessIPv4: Type.String(), accessIPv6: Type.String(), links: Links, 'OS-DCF:diskConfig': DiskConfig,
  progress: Type.Optional(Type.Integer()),
  'OS-EXT-AZ:availability_zone': Type.Optional(Type.String()), config_drive: Type.Optional(Type.String()), key_name: text,
  'OS-SRV-USG:launched_at': text, 'OS-SRV-USG:terminated_at': text, security_groups: Type.Optional(Type.Array(Closed({ name: Type.String() }))),
  'OS-EXT-SRV-ATTR:host': text, 'OS-EXT-SRV-ATTR:instance_name': text, 'OS-EXT-SRV-ATTR:hypervisor_hostname': text,
  'OS-EXT-SRV-ATTR:hostname': text, 'OS-EXT-SRV-ATTR:kernel_id': text, 'OS-EXT-SRV-ATTR:launch_index': Type.Optional(Type.Integer()), 'OS-EXT-SRV-ATTR:ramdisk_id': text,
  'OS-EXT-SRV-ATTR:reservation_id': text, 'OS-EXT-SRV-ATTR:root_device_name': text, 'OS-EXT-SRV-ATTR:user_data': text,
  'OS-EXT-STS:task_state': text, 'OS-EXT-STS:vm_state': Type.Optional(Type.String()), 'OS-EXT-STS:power_state': Type.Optional(Type.Integer()),
  'os-extended-volumes:volumes_attached': Type.Optional(Type.Array(Closed({ id: Type.String(), delete_on_termination: Type.Optional(Type.Boolean()) }))),
  locked: Type.Optional(Type.Boolean()), host_status: Type.Optional(Type.String()), description: text, tags: Type.Optional(Type.Array(Type.String())),
  trusted_image_certificates: Type.Optional(Nullable(Type.Array(Type.String()))), server_groups: Type.Optional(Type.Array(Type.String())), locked_reason: text,
  fault: Type.Optional(Closed({ code: Type.Integer(), created: Type.String(), message: Type.String(), details: Type.Optional(Type.String()) })),
})
const Summary = Closed({ id: Type.String(), name: Type.String(), links: Links })
const NextLinks = Type.Optional(Links)

const filters = Object.fromEntries([
  'user_id', 'project_id', 'tenant_id', 'launch_index', 'image_ref', 'image', 'kernel_id', 'ramdisk_id', 'hostname', 'key_name', 'power_state', 'vm_state', 'task_state', 'host',
  'node', 'flavor', 'reservation_id', 'launched_at', 'terminated_at', 'availability_zone', 'name', 'display_name', 'description', 'display_description', 'locked_by', 'uuid',
  'root_device_name', 'config_drive', 'access_ip_v4', 'access_ip_v6', 'auto_disk_config', 'progress', 'all_tenants', 'soft_deleted', 'deleted', 'status', 'changes-since', 'ip',
  'ip6', 'created_at', 'limit', 'marker', 'sort_key', 'sort_dir',
].map((name) => [name, Filter]))
const tagFilters = { tags: Filter, 'tags-any': Filter, 'not-tags': Filter, 'not-tags-any': Filter }
const query = (more: Fields, strict = false) => Type.Unsafe<Readonly<Record<string, readonly string[]>>>(Type.Object({ ...filters, ...more }, { additionalProperties: !strict }))
const from66 = { ...tagFilters, 'changes-before': Filter }
const listQuery = versioned({ '2.1': query({}), '2.26': query(tagFilters), '2.66': query(from66), '2.73': query({ ...from66, locked: Filter }), '2.75': query({ ...from66, locked: Filter }, true) })

export const serverRoutes = defineRoutes('nova', {
  createServer: {
    method: 'POST', path: '/servers', policy: 'os_compute_api:servers:create', summary: 'Create servers. They are built once this was answered.', maxBodyBytes: 262_144,
    body: versioned({
      '2.1': newServer({}), '2.19': newServer({ description: true }), '2.32': newServer({ description: true, networkTag: true, deviceTag: true }),
      '2.33': newServer({ description: true, networkTag: true }), '2.37': newServer(from237), '2.42': newServer(from242), '2.52': newServer(from52),
      '2.57': newServer(from57), '2.63': newServer(from63), '2.67': newServer(from67), '2.74': newServer(from74), '2.90': newServer({ ...from74, hostname: true }),
    }),
    reply: {
      202: Type.Union([
        Closed({ reservation_id: Type.String() }),
        Closed({ server: Closed({ id: Type.String(), links: Links, adminPass: Type.String(), 'OS-DCF:diskConfig': DiskConfig, security_groups: Type.Array(Type.Unknown()) }) }),
      ]),
    },
    faults: [400, 403, 409],
  },
  listServers: {
    method: 'GET', path: '/servers', policy: 'os_compute_api:servers:index', summary: 'List servers by name.', query: listQuery,
    reply: { 200: Closed({ servers: Type.Array(Summary), servers_links: NextLinks }) }, faults: [400, 403],
  },
  listServersDetail: {
    method: 'GET', path: '/servers/detail', policy: 'os_compute_api:servers:detail', summary: 'List servers in detail.', query: listQuery,
    reply: { 200: Closed({ servers: Type.Array(ServerDetail), servers_links: NextLinks }) }, faults: [400, 403],
  },
  showServer: {
    method: 'GET', path: '/servers/:server_id', policy: deferred('os_compute_api:servers:show'), summary: 'Show a server.',
    params: ServerParams, reply: { 200: Closed({ server: ServerDetail }) }, faults: [403, 404],
  },
  updateServer: {
    method: 'PUT', path: '/servers/:server_id', policy: deferred('os_compute_api:servers:update'), summary: 'Change name, description or access addresses of a server.',
    params: ServerParams,
    body: versioned({ '2.1': changed(change), '2.19': changed({ ...change, description: DescriptionText }), '2.90': changed({ ...change, description: DescriptionText, hostname: Hostname }) }),
    reply: { 200: Closed({ server: ServerDetail }) }, faults: [400, 403, 404, 409],
  },
  deleteServer: {
    method: 'DELETE', path: '/servers/:server_id', policy: deferred('os_compute_api:servers:delete'),
    summary: 'Delete a server, whatever is being done with it; what runs for it is called off.', params: ServerParams, reply: { 204: null }, faults: [403, 404, 409],
  },
})
