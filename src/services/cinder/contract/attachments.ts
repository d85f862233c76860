// Attachments: how nova and others claim a volume, connect to it, and let it go.
import { authenticated, Closed, deferred, defineRoutes, listQuery, Nullable, type Static, Type, Uuid, versioned } from '#core/spec'
import { IdParams, NullableText } from './schemas.ts'

/** What a hypervisor says of itself; each driver reads what it needs. */
export const ConnectorBody = Type.Object({
  host: Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])),
  mountpoint: Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])),
  mode: Type.Optional(Type.Union([Type.String({ maxLength: 16 }), Type.Null()])),
})

const created = {
  volume_uuid: Uuid,
  instance_uuid: Type.Optional(Uuid),
  connector: Type.Optional(Nullable(ConnectorBody)),
}

/** How the volume is reached: flat, as upstream answers it. Of the kind `nbd` are `socket`, `export` and `access_mode`. */
export const ConnectionInfo = Type.Object({
  driver_volume_type: Type.Optional(Type.String()),
  socket: Type.Optional(Type.String()),
  export: Type.Optional(Type.String()),
  access_mode: Type.Optional(Type.String()),
  encrypted: Type.Optional(Type.Boolean()),
  volume_id: Type.Optional(Type.String()),
  attachment_id: Type.Optional(Type.String()),
})
export type ConnectionInfo = Static<typeof ConnectionInfo>

const summary = { id: Type.String(), status: Type.String(), instance: NullableText, volume_id: Type.String() }
export const AttachmentSummary = Closed(summary)
export const Attachment = Closed({
  ...summary, attached_at: Type.String(), detached_at: Type.String(), attach_mode: NullableText, connection_info: ConnectionInfo,
})
export type Attachment = Static<typeof Attachment>

const AttachmentReply = Type.Object({ attachment: Attachment })
const Attachments = Closed({ attachments: Type.Array(AttachmentSummary) })
const text = Type.Optional(Type.String({ maxLength: 1000 }))
const attachmentListQuery = listQuery({
  sort: ['created_at', 'id', 'attach_status', 'status', 'volume_id', 'instance_uuid'],
  filters: { offset: text, all_tenants: text, volume_id: text, instance_id: text, status: text, attach_status: text },
})

export const attachmentRoutes = defineRoutes('cinder', {
  createAttachment: {
    method: 'POST', path: '/attachments', since: '3.27', policy: deferred('volume:attachment_create', 'volume:multiattach_bootable_volume'),
    summary: 'Claim a volume for a server, and connect it if a connector is given.',
    body: versioned({
      '3.27': Closed({ attachment: Closed(created) }),
      '3.54': Closed({ attachment: Closed({ ...created, mode: Type.Optional(Type.Union([Type.Literal('rw'), Type.Literal('ro')])) }) }),
    }),
    reply: { 200: AttachmentReply }, faults: [400, 403, 404, 409, 500],
  },
  listAttachments: {
    method: 'GET', path: '/attachments', since: '3.27', policy: authenticated, summary: "Attachments of the project's volumes, in short.",
    query: attachmentListQuery, reply: { 200: Attachments }, faults: [400],
  },
  listAttachmentsDetail: {
    method: 'GET', path: '/attachments/detail', since: '3.27', policy: authenticated, summary: "Attachments of the project's volumes.",
    query: attachmentListQuery, reply: { 200: Closed({ attachments: Type.Array(Attachment) }) }, faults: [400],
  },
  showAttachment: {
    method: 'GET', path: '/attachments/:id', since: '3.27', policy: authenticated, summary: 'One attachment, with how to connect.',
    params: IdParams, reply: { 200: AttachmentReply }, faults: [404],
  },
  updateAttachment: {
    method: 'PUT', path: '/attachments/:id', since: '3.27', policy: deferred('volume:attachment_update'), summary: 'Connect the volume for a connector.',
    params: IdParams,
    body: Closed({ attachment: Closed({ connector: ConnectorBody }) }),
    reply: { 200: AttachmentReply }, faults: [400, 403, 404, 409, 500],
  },
  deleteAttachment: {
    method: 'DELETE', path: '/attachments/:id', since: '3.27', policy: deferred('volume:attachment_delete'),
    summary: 'Disconnect, and let the volume go. While nova uses it, only a service may.',
    params: IdParams, reply: { 200: Attachments }, faults: [403, 404, 409],
  },
  completeAttachment: {
    method: 'POST', path: '/attachments/:id/action', action: 'os-complete', since: '3.44', policy: deferred('volume:attachment_complete'),
    summary: 'The server has its disk: the volume is in use.',
    params: IdParams, body: Closed({ 'os-complete': Type.Unknown() }), reply: { 204: null }, faults: [403, 404],
  },
})
