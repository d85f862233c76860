// Schemas that several nouns of the block storage API share.
import { Identifier, LooseBoolean, Nullable, Type } from '#core/spec'

/** Text without control characters. */
export const Line = (maxLength: number) => Type.String({ maxLength, pattern: '^[^\\u0000-\\u001f\\u007f]*$' })

export const NullableName = Nullable(Line(255))
export const NullableDescription = Nullable(Type.String({ maxLength: 255, pattern: '^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f]*$' }))
export const NullableId = Nullable(Type.String({ maxLength: 255 }))
export const Switch = LooseBoolean

/** Keys and values as cinder takes them: at most 255 characters each. */
export const MetadataBody = Type.Record(
  Type.String({ pattern: '^[a-zA-Z0-9_:. /-]{1,255}$' }), Type.String({ maxLength: 255 }), { additionalProperties: false, maxProperties: 128 })

export const SizeGiB = Type.Union([
  Type.Integer({ minimum: 1, maximum: 2_147_483_647 }),
  Type.String({ pattern: '^0*[1-9][0-9]{0,9}$' }),
])

export const IdParams = Type.Object({ id: Identifier })

export const Links = Type.Array(Type.Object({ rel: Type.String(), href: Type.String() }))
export const PageLinks = Type.Optional(Links)
export const Texts = Type.Record(Type.String(), Type.String())
export const NullableText = Nullable(Type.String())
