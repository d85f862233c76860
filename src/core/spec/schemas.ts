// Schemas that every API shares; core/http compiles them on first use.
import type { TProperties, TSchema } from 'typebox'
import { Type } from './type.ts'

export type { Static, TSchema } from 'typebox'

/** A UUID with or without dashes, as clients send both for projects and users. */
export const Uuid = Type.String({ format: 'uuid', pattern: '^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$' })

/** An identifier from a path that need not look like one of ours: an unknown one is not found, never malformed. */
export const Identifier = Type.String({ minLength: 1, maxLength: 255 })

/** A name of 1 to 255 characters, without control characters. */
export const Name = Type.String({ minLength: 1, maxLength: 255, pattern: '^[^\\u0000-\\u001f]*$' })

export const Json = Type.Unknown()

/** An object that takes no key but those named. */
export function Closed<P extends TProperties>(properties: P, options: object = {}) {
  return Type.Object(properties, { ...options, additionalProperties: false })
}

/** Either a value or null. */
export function Nullable<S extends TSchema>(schema: S) {
  return Type.Union([schema, Type.Null()])
}

/** A boolean in one of the spellings that OpenStack's clients use in bodies. */
export const LooseBoolean = Type.Union([
  Type.Boolean(),
  Type.String({ pattern: '^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|[Yy]es|[Nn]o|YES|NO|[Oo][Nn]|[Oo]ff|OFF|[01TtFfYyNn])$' }),
  Type.Integer({ minimum: 0, maximum: 1 }),
])
