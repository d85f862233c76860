// What may be done to a volume by POST …/action.
import { Closed, deferred, defineRoutes, Nullable, type TSchema, Type, Uuid } from '#core/spec'
import { IdParams, MetadataBody, SizeGiB, Switch, Texts } from './schemas.ts'

/** One action: its only key, the rule, and the body under the key. */
const action = <const A extends string, const B extends TSchema>(name: A, rule: string, summary: string, body: B) => ({
  method: 'POST', path: '/volumes/:id/action', action: name, policy: deferred(rule), summary, params: IdParams,
  body: Closed({ [name]: body } as Record<A, B>), reply: { 202: null }, faults: [400, 403, 404, 409],
}) as const

const Anything = Type.Unknown()
const ConnectorOrText = Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.String()])
const ImageMetadata = Type.Record(Type.String({ pattern: '^[a-zA-Z0-9_:. /-]{1,255}$' }), Type.String({ maxLength: 65_535 }), { additionalProperties: false, maxProperties: 128 })

export const volumeActionRoutes = defineRoutes('cinder', {
  attach: action('os-attach', 'volume_extension:volume_actions:attach', 'Note that the volume is attached.', Closed({
    instance_uuid: Type.Optional(Uuid), mountpoint: Type.String({ minLength: 1, maxLength: 255 }), host_name: Type.Optional(Type.String({ maxLength: 255 })),
    mode: Type.Optional(Type.Union([Type.Literal('rw'), Type.Literal('ro')])),
  }, { anyOf: [{ required: ['instance_uuid'] }, { required: ['host_name'] }] })),
  detach: action('os-detach', 'volume_extension:volume_actions:detach', 'End a use of the volume.', Nullable(Closed({ attachment_id: Type.Optional(Nullable(Uuid)) }))),
  reserve: action('os-reserve', 'volume_extension:volume_actions:reserve', 'Claim the volume.', Anything),
  unreserve: action('os-unreserve', 'volume_extension:volume_actions:unreserve', 'Give up the claim.', Anything),
  beginDetaching: action('os-begin_detaching', 'volume_extension:volume_actions:begin_detaching', 'Announce the end of a use.', Anything),
  rollDetaching: action('os-roll_detaching', 'volume_extension:volume_actions:roll_detaching', 'Call that off.', Anything),
  initializeConnection: {
    ...action('os-initialize_connection', 'volume_extension:volume_actions:initialize_connection', 'Connect the volume for a host.', Closed({ connector: ConnectorOrText })),
    reply: { 200: Type.Object({ connection_info: Type.Record(Type.String(), Type.Unknown()) }) },
  },
  terminateConnection: action('os-terminate_connection', 'volume_extension:volume_actions:terminate_connection', 'Disconnect the volume.', Closed({ connector: Nullable(ConnectorOrText) })),
  extend: action('os-extend', 'volume:extend', 'Make the volume larger.', Closed({ new_size: SizeGiB })),
  resetStatus: action('os-reset_status', 'volume_extension:volume_admin_actions:reset_status', "Put the volume's status to what an administrator says.", Closed({
    status: Type.Optional(Nullable(Type.String({ maxLength: 255 }))), attach_status: Type.Optional(Nullable(Type.String({ maxLength: 255 }))),
    migration_status: Type.Optional(Nullable(Type.String({ maxLength: 255 }))),
  })),
  forceDelete: action('os-force_delete', 'volume_extension:volume_admin_actions:force_delete', 'Delete the volume whatever its state.', Anything),
  forceDetach: action('os-force_detach', 'volume_extension:volume_admin_actions:force_detach', 'Disconnect the volume and end its use.', Closed({
    connector: Type.Optional(Nullable(ConnectorOrText)), attachment_id: Type.Optional(Nullable(Type.String({ maxLength: 255 }))),
  })),
  setBootable: {
    ...action('os-set_bootable', 'volume:update', 'Say whether a server can boot from the volume.', Closed({ bootable: Switch })),
    reply: { 200: null },
  },
  updateReadonlyFlag: action('os-update_readonly_flag', 'volume:update_readonly_flag', 'Say whether the volume may be written.', Closed({ readonly: Switch })),
  setImageMetadata: {
    ...action('os-set_image_metadata', 'volume_extension:volume_image_metadata:set', "Set some of the volume's image metadata.", Closed({ metadata: ImageMetadata })),
    reply: { 200: Type.Object({ metadata: Texts }) },
  },
  showImageMetadata: {
    ...action('os-show_image_metadata', 'volume:get_volume_metadata', "The volume's image metadata.", Anything),
    reply: { 200: Type.Object({ metadata: Texts }) },
  },
  unsetImageMetadata: {
    ...action('os-unset_image_metadata', 'volume_extension:volume_image_metadata:remove', "Remove one of the volume's image metadata.", Closed({ key: Type.String({ minLength: 1, maxLength: 255 }) })),
    reply: { 200: null },
  },
})

const KeyParams = Type.Object({ id: Type.String({ minLength: 1, maxLength: 255 }), key: Type.String({ minLength: 1, maxLength: 255 }) })
const Metadata = Type.Object({ metadata: Texts })
const One = Type.Object({ meta: Texts })

export const volumeMetadataRoutes = defineRoutes('cinder', {
  listMetadata: {
    method: 'GET', path: '/volumes/:id/metadata', policy: deferred('volume:get_volume_metadata'), summary: "The volume's metadata.",
    params: IdParams, reply: { 200: Metadata }, faults: [403, 404],
  },
  createMetadata: {
    method: 'POST', path: '/volumes/:id/metadata', policy: deferred('volume:create_volume_metadata'), summary: "Set some of the volume's metadata.",
    params: IdParams, body: Closed({ metadata: MetadataBody }), reply: { 200: Metadata }, faults: [400, 403, 404],
  },
  replaceMetadata: {
    method: 'PUT', path: '/volumes/:id/metadata', policy: deferred('volume:update_volume_metadata'), summary: "Replace all of the volume's metadata.",
    params: IdParams, body: Closed({ metadata: MetadataBody }), reply: { 200: Metadata, 412: null }, faults: [400, 403, 404],
  },
  showMetadataItem: {
    method: 'GET', path: '/volumes/:id/metadata/:key', policy: deferred('volume:get_volume_metadata'), summary: 'One value.',
    params: KeyParams, reply: { 200: One }, faults: [403, 404],
  },
  updateMetadataItem: {
    method: 'PUT', path: '/volumes/:id/metadata/:key', policy: deferred('volume:update_volume_metadata'), summary: 'Change one value.',
    params: KeyParams, body: Closed({ meta: MetadataBody }), reply: { 200: One, 412: null }, faults: [400, 403, 404],
  },
  deleteMetadataItem: {
    method: 'DELETE', path: '/volumes/:id/metadata/:key', policy: deferred('volume:delete_volume_metadata'), summary: 'Remove one value.',
    params: KeyParams, reply: { 200: null }, faults: [403, 404],
  },
})
