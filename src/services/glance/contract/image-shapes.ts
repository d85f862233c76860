// The shape of an image on the wire: known attributes, and properties of the owner's own beside them, all strings.
import { Nullable, Type } from '#core/spec'

export const ImageId = Type.String({ pattern: '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$' })
export const Visibility = Type.Union([Type.Literal('public'), Type.Literal('private'), Type.Literal('shared'), Type.Literal('community')])
export const ContainerFormat = Type.Union(['ami', 'ari', 'aki', 'bare', 'ovf', 'ova', 'docker', 'compressed'].map((format) => Type.Literal(format)))
export const DiskFormat = Type.Union(['ami', 'ari', 'aki', 'vhd', 'vhdx', 'vmdk', 'raw', 'qcow2', 'vdi', 'iso', 'ploop'].map((format) => Type.Literal(format)))

const size = Type.Integer({ minimum: 0, maximum: 2_147_483_647 })
const text = Nullable(Type.String({ maxLength: 255 }))
const time = Type.String()

/** What an owner may set. */
const settable = {
  name: text, visibility: Visibility, protected: Type.Boolean(), os_hidden: Type.Boolean(), owner: text, tags: Type.Array(Type.String({ maxLength: 255 }), { maxItems: 1000 }),
  container_format: Nullable(ContainerFormat), disk_format: Nullable(DiskFormat), min_ram: size, min_disk: size,
}

/** What only glance sets; refused with 403, not 400, when sent. */
const readOnly = {
  status: Type.String(), size: Nullable(Type.Integer()), virtual_size: Nullable(Type.Integer()), checksum: Nullable(Type.String({ maxLength: 32 })),
  os_hash_algo: Nullable(Type.String({ maxLength: 64 })), os_hash_value: Nullable(Type.String({ maxLength: 128 })), created_at: time, updated_at: time,
  self: Type.String(), file: Type.String(), schema: Type.String(),
}

const optional = <T extends Record<string, Parameters<typeof Type.Optional>[0]>>(fields: T) =>
  Object.fromEntries(Object.entries(fields).map(([name, schema]) => [name, Type.Optional(schema)]))

/** Properties that upstream knows by name: they are the owner's own, and checked (etc/schema-image.json). */
const known = {
  kernel_id: Nullable(ImageId), ramdisk_id: Nullable(ImageId), instance_uuid: Type.String(), architecture: Type.String(), os_distro: Type.String(), os_version: Type.String(),
  description: Type.String(), cinder_encryption_key_id: Type.String(),
  cinder_encryption_key_deletion_policy: Type.Union([Type.Literal('on_image_deletion'), Type.Literal('do_not_delete')]),
}

const fields = { id: ImageId, ...settable, ...readOnly }

/** An image as shown. Custom properties are further keys with text. */
export interface ImageBody {
  readonly id: string
  readonly name: string | null
  readonly status: string
  readonly visibility: string
  readonly protected: boolean
  readonly os_hidden: boolean
  readonly owner: string | null
  readonly tags: readonly string[]
  readonly container_format: string | null
  readonly disk_format: string | null
  readonly min_ram: number
  readonly min_disk: number
  readonly size: number | null
  readonly virtual_size: number | null
  readonly checksum: string | null
  readonly os_hash_algo: string | null
  readonly os_hash_value: string | null
  readonly created_at: string
  readonly updated_at: string
  readonly self: string
  readonly file: string
  readonly schema: string
  readonly [property: string]: unknown
}

export const Image = Type.Unsafe<ImageBody>(Type.Object({ ...fields, ...optional(known) }, { additionalProperties: Type.String() }))

/** What a new image may be made of, and each part of it changed to. */
export type NewImageBody = Partial<Pick<ImageBody, 'id' | 'name' | 'visibility' | 'protected' | 'os_hidden' | 'owner' | 'tags' | 'container_format' | 'disk_format' | 'min_ram' | 'min_disk'>> & {
  readonly [property: string]: unknown
}

export const NewImage = Type.Unsafe<NewImageBody>(Type.Object(optional({ ...fields, ...known }), { additionalProperties: Type.String({ maxLength: 65_535 }) }))

export const Member = Type.Object({
  member_id: Type.String(), image_id: ImageId, status: Type.Union([Type.Literal('pending'), Type.Literal('accepted'), Type.Literal('rejected')]),
  created_at: time, updated_at: time, schema: Type.String(),
})
