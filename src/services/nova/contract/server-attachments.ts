// What is attached to a server: volumes, ports, addresses, security groups.
import { Closed, deferred, defineRoutes, Nullable, Type, Uuid, versioned } from '#core/spec'
import { SecurityGroupBody } from './security-groups.ts'
import { Filter, IpAddress, OldBoolean, ServerParams, Tag } from './schemas.ts'

const id = Type.String({ minLength: 1, maxLength: 255 })
const VolumeParams = Type.Object({ server_id: id, volume_id: id })
const PortParams = Type.Object({ server_id: id, port_id: id })
const NetworkParams = Type.Object({ server_id: id, network: Type.String({ minLength: 1, maxLength: 255 }) })

const VolumeAttachment = Closed({
  id: Type.Optional(Type.String()), serverId: Type.String(), volumeId: Type.String(), device: Nullable(Type.String()), tag: Type.Optional(Nullable(Type.String())),
  delete_on_termination: Type.Optional(Type.Boolean()), attachment_id: Type.Optional(Nullable(Type.String())), bdm_uuid: Type.Optional(Type.String()),
})
const Device = Type.Optional(Nullable(Type.String({ maxLength: 255, pattern: '^/dev/x?[a-z]?d?[a-z]+[0-9]*$' })))
const wanted = { volumeId: Uuid, device: Device }
const tagged = { ...wanted, tag: Type.Optional(Tag) }
const attach = (fields: Parameters<typeof Closed>[0]) => Type.Unsafe<{ readonly volumeAttachment: Readonly<Record<string, unknown>> }>(Closed({ volumeAttachment: Closed(fields) }))
const page = { limit: Filter, offset: Filter }
const rule = (name: string) => deferred(`os_compute_api:os-volumes-attachments:${name}`)

export const volumeAttachmentRoutes = defineRoutes('nova', {
  listVolumeAttachments: {
    method: 'GET', path: '/servers/:server_id/os-volume_attachments', policy: rule('index'), summary: 'List the volumes of a server.', params: ServerParams,
    query: versioned({ '2.1': Type.Object(page), '2.75': Closed(page) }),
    reply: { 200: Closed({ volumeAttachments: Type.Array(VolumeAttachment) }) }, faults: [400, 403, 404],
  },
  attachVolume: {
    method: 'POST', path: '/servers/:server_id/os-volume_attachments', policy: rule('create'), summary: 'Plug a volume into a server.', params: ServerParams,
    body: versioned({ '2.1': attach(wanted), '2.49': attach(tagged), '2.79': attach({ ...tagged, delete_on_termination: Type.Optional(OldBoolean) }) }),
    reply: { 200: Closed({ volumeAttachment: VolumeAttachment }) }, faults: [400, 403, 404, 409],
  },
  showVolumeAttachment: {
    method: 'GET', path: '/servers/:server_id/os-volume_attachments/:volume_id', policy: rule('show'), summary: 'Show a volume of a server.', params: VolumeParams,
    reply: { 200: Closed({ volumeAttachment: VolumeAttachment }) }, faults: [403, 404],
  },
  updateVolumeAttachment: {
    method: 'PUT', path: '/servers/:server_id/os-volume_attachments/:volume_id', since: '2.85', policy: rule('update'), summary: 'Say whether a volume goes with its server.', params: VolumeParams,
    body: Type.Unsafe<{ readonly volumeAttachment: Readonly<Record<string, unknown>> }>(Closed({
      volumeAttachment: Closed({
        volumeId: Uuid, id: Type.Optional(Uuid), serverId: Type.Optional(Uuid), device: Device, tag: Type.Optional(Nullable(Tag)),
        delete_on_termination: Type.Optional(OldBoolean),
      }),
    })),
    reply: { 202: null }, faults: [400, 403, 404, 409],
  },
  detachVolume: {
    method: 'DELETE', path: '/servers/:server_id/os-volume_attachments/:volume_id', policy: rule('delete'), summary: 'Unplug a volume from a server.', params: VolumeParams,
    reply: { 202: null }, faults: [400, 403, 404, 409],
  },
})

const Interface = Closed({
  net_id: Type.String(), port_id: Type.String(), mac_addr: Type.String(), port_state: Type.String(), tag: Type.Optional(Nullable(Type.String())),
  fixed_ips: Type.Array(Closed({ subnet_id: Type.String(), ip_address: Type.String() })),
})
const newInterface = {
  net_id: Type.Optional(Uuid), port_id: Type.Optional(Uuid),
  fixed_ips: Type.Optional(Type.Array(Closed({ ip_address: IpAddress }), { minItems: 1, maxItems: 1 })),
}
const plug = (fields: Parameters<typeof Closed>[0]) => Type.Unsafe<{ readonly interfaceAttachment?: Readonly<Record<string, unknown>> }>(Closed({ interfaceAttachment: Type.Optional(Closed(fields)) }))
const interfaceRule = (name: string) => deferred(`os_compute_api:os-attach-interfaces:${name}`)

export const interfaceRoutes = defineRoutes('nova', {
  listInterfaces: {
    method: 'GET', path: '/servers/:server_id/os-interface', policy: interfaceRule('list'), summary: 'List the ports of a server.', params: ServerParams,
    reply: { 200: Closed({ interfaceAttachments: Type.Array(Interface) }) }, faults: [403, 404],
  },
  attachInterface: {
    method: 'POST', path: '/servers/:server_id/os-interface', policy: interfaceRule('create'), summary: 'Give a server one more port, and answer when it is plugged in.', params: ServerParams,
    body: versioned({ '2.1': plug(newInterface), '2.49': plug({ ...newInterface, tag: Type.Optional(Tag) }) }),
    bodyOptional: true, reply: { 200: Closed({ interfaceAttachment: Interface }) }, faults: [400, 403, 404, 409, 500],
  },
  showInterface: {
    method: 'GET', path: '/servers/:server_id/os-interface/:port_id', policy: interfaceRule('show'), summary: 'Show a port of a server.', params: PortParams,
    reply: { 200: Closed({ interfaceAttachment: Interface }) }, faults: [403, 404],
  },
  detachInterface: {
    method: 'DELETE', path: '/servers/:server_id/os-interface/:port_id', policy: interfaceRule('delete'), summary: 'Take a port from a server.', params: PortParams,
    reply: { 202: null }, faults: [403, 404, 409],
  },
})

const Address = Closed({ version: Type.Integer(), addr: Type.String() })

export const serverAddressRoutes = defineRoutes('nova', {
  listAddresses: {
    method: 'GET', path: '/servers/:server_id/ips', policy: deferred('os_compute_api:ips:index'), summary: 'List the addresses of a server.', params: ServerParams,
    reply: { 200: Closed({ addresses: Type.Record(Type.String(), Type.Array(Address)) }) }, faults: [403, 404],
  },
  showAddresses: {
    method: 'GET', path: '/servers/:server_id/ips/:network', policy: deferred('os_compute_api:ips:show'), summary: 'List the addresses of a server on a network.', params: NetworkParams,
    reply: { 200: Type.Record(Type.String(), Type.Array(Address)) }, faults: [403, 404],
  },
  listServerSecurityGroups: {
    method: 'GET', path: '/servers/:server_id/os-security-groups', policy: deferred('os_compute_api:os-security-groups:list'), summary: 'List the security groups of a server.', params: ServerParams,
    reply: { 200: Closed({ security_groups: Type.Array(SecurityGroupBody) }) },
    faults: [403, 404],
  },
})
