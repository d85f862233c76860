// Volumes: what may be asked of them as a whole.
import { Closed, deferred, defineRoutes, listQuery, Nullable, type Static, Type, Uuid, versioned } from '#core/spec'
import { IdParams, Links, MetadataBody, NullableDescription, NullableId, NullableName, NullableText, PageLinks, SizeGiB, Switch, Texts } from './schemas.ts'

const newVolume = {
  name: Type.Optional(NullableName),
  description: Type.Optional(NullableDescription),
  display_name: Type.Optional(NullableName),
  display_description: Type.Optional(NullableDescription),
  volume_type: Type.Optional(NullableName),
  metadata: Type.Optional(Nullable(MetadataBody)),
  snapshot_id: Type.Optional(Nullable(Uuid)),
  source_volid: Type.Optional(Nullable(Uuid)),
  consistencygroup_id: Type.Optional(Nullable(Uuid)),
  size: Type.Optional(Nullable(SizeGiB)),
  availability_zone: Type.Optional(Nullable(Type.String({ minLength: 1, maxLength: 255 }))),
  multiattach: Type.Optional(Nullable(Switch)),
  image_id: Type.Optional(NullableId),
  imageRef: Type.Optional(NullableId),
}
const grouped = { ...newVolume, group_id: Type.Optional(NullableId) }
const backedUp = { ...grouped, backup_id: Type.Optional(Nullable(Uuid)) }
const hints = { 'OS-SCH-HNT:scheduler_hints': Type.Optional(Nullable(Type.Record(Type.String(), Type.Unknown()))) }

const Loose = Closed({ volume: Type.Object(newVolume), ...hints })
const LooseGrouped = Closed({ volume: Type.Object(grouped), ...hints })
const LooseBackedUp = Closed({ volume: Type.Object(backedUp), ...hints })
// As 3.53: what is not documented is refused (cinder/api/schemas/volumes.py, create_volume_v353).
const Strict = Closed({ volume: Closed(backedUp), ...hints })

const change = {
  name: Type.Optional(NullableName),
  description: Type.Optional(NullableDescription),
  display_name: Type.Optional(NullableName),
  display_description: Type.Optional(NullableDescription),
  metadata: Type.Optional(MetadataBody),
}

export const VolumeAttachment = Type.Object({
  id: Type.String(), attachment_id: Type.String(), volume_id: Type.String(), server_id: NullableText,
  host_name: NullableText, device: NullableText, attached_at: NullableText,
})

/** What a volume looks like in detail; what depends on version and role is optional. */
export const Volume = Closed({
  id: Type.String(), status: Type.String(), size: Type.Integer(), availability_zone: Type.String(),
  created_at: Type.String(), updated_at: NullableText, name: NullableText, description: NullableText,
  volume_type: Type.String(), snapshot_id: Type.Null(), source_volid: Type.Null(), metadata: Texts, links: Links,
  user_id: Type.String(), bootable: Type.String(), encrypted: Type.Boolean(), replication_status: Type.Null(),
  consistencygroup_id: Type.Null(), multiattach: Type.Boolean(), attachments: Type.Array(VolumeAttachment),
  volume_image_metadata: Type.Optional(Texts),
  migration_status: Type.Optional(Type.Null()),
  'os-vol-host-attr:host': Type.Optional(NullableText),
  'os-vol-tenant-attr:tenant_id': Type.Optional(Type.String()),
  'os-vol-mig-status-attr:migstat': Type.Optional(Type.Null()),
  'os-vol-mig-status-attr:name_id': Type.Optional(Type.Null()),
  group_id: Type.Optional(Type.Null()),
  provider_id: Type.Optional(Type.Null()),
  shared_targets: Type.Optional(Type.Boolean()),
  service_uuid: Type.Optional(NullableText),
  cluster_name: Type.Optional(Type.Null()),
  volume_type_id: Type.Optional(Type.String()),
  consumes_quota: Type.Optional(Type.Boolean()),
})
export type Volume = Static<typeof Volume>

const VolumeBody = Type.Object({ volume: Volume })
const text = Type.Optional(Type.String({ maxLength: 1000 }))

const volumeListQuery = listQuery({
  sort: ['created_at', 'id', 'name', 'display_name', 'status', 'size', 'availability_zone', 'bootable', 'host', 'updated_at', 'attach_status', 'project_id', 'user_id', 'volume_type_id'],
  filters: {
    offset: text, with_count: text, all_tenants: text, name: text, status: text, metadata: text, bootable: text, availability_zone: text, migration_status: text, size: text,
    glance_metadata: text, group_id: text, created_at: text, updated_at: text, consumes_quota: text,
  },
})

const Volumes = Closed({ volumes: Type.Array(Volume), volumes_links: PageLinks, count: Type.Optional(Type.Integer()) })
const VolumeNames = Closed({
  volumes: Type.Array(Closed({ id: Type.String(), name: NullableText, links: Links })),
  volumes_links: PageLinks, count: Type.Optional(Type.Integer()),
})

export const volumeRoutes = defineRoutes('cinder', {
  createVolume: {
    method: 'POST', path: '/volumes', policy: deferred('volume:create', 'volume:create_from_image'),
    summary: 'Create a volume, empty or from an image.',
    body: versioned({ '3.0': Loose, '3.13': LooseGrouped, '3.47': LooseBackedUp, '3.53': Strict }),
    reply: { 202: VolumeBody }, faults: [400, 403, 404, 413, 501],
  },
  listVolumes: {
    method: 'GET', path: '/volumes', policy: 'volume:get_all', summary: "The project's volumes, in short.",
    query: volumeListQuery, reply: { 200: VolumeNames }, faults: [400, 403],
  },
  listVolumesDetail: {
    method: 'GET', path: '/volumes/detail', policy: 'volume:get_all', summary: "The project's volumes.",
    query: volumeListQuery, reply: { 200: Volumes }, faults: [400, 403],
  },
  summarizeVolumes: {
    method: 'GET', path: '/volumes/summary', policy: 'volume:get_all', since: '3.12', summary: 'How many volumes there are, and how large they are together.',
    query: Type.Object({ all_tenants: text }),
    reply: { 200: Type.Object({ 'volume-summary': Type.Object({ total_count: Type.Integer(), total_size: Type.Integer(), metadata: Type.Optional(Type.Record(Type.String(), Type.Array(Type.String()))) }) }) },
    faults: [400, 403],
  },
  showVolume: {
    method: 'GET', path: '/volumes/:id', policy: deferred('volume:get'), summary: 'One volume.',
    params: IdParams, reply: { 200: VolumeBody }, faults: [403, 404],
  },
  updateVolume: {
    method: 'PUT', path: '/volumes/:id', policy: deferred('volume:update'), summary: 'Rename or describe a volume, or replace its metadata.',
    params: IdParams,
    body: versioned({
      '3.0': Closed({ volume: Closed(change) }),
      '3.53': Closed({ volume: Closed(change, { minProperties: 1 }) }),
    }),
    reply: { 200: VolumeBody }, faults: [400, 403, 404],
  },
  deleteVolume: {
    method: 'DELETE', path: '/volumes/:id', policy: deferred('volume:delete', 'volume:force_delete'), summary: 'Delete a volume that nobody uses.',
    params: IdParams, query: Type.Object({ cascade: text, force: text }), reply: { 202: null }, faults: [400, 403, 404],
  },
})
