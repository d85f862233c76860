// Shapes that several of keystone's nouns share.
import { Identifier, Nullable, Type } from '#core/spec'

/** What every list has beside its items. */
export const listParts = {
  links: Type.Object({ self: Type.String(), next: Nullable(Type.String()), previous: Nullable(Type.String()) }),
  truncated: Type.Optional(Type.Boolean()),
}

export const SelfLink = Type.Object({ self: Type.String() })
export const IdName = Type.Object({ id: Type.String(), name: Type.String() })

/** Names as upstream takes them: something visible, up to 255 characters. */
export const EntityName = Type.String({ minLength: 1, maxLength: 255, pattern: '[\\S]+' })
/** Names of projects and domains are shorter. */
export const ShortName = Type.String({ minLength: 1, maxLength: 64, pattern: '[\\S]+' })
export const Description = Nullable(Type.String({ maxLength: 65_535 }))
/** Strict: the text "false" is no boolean (OSSA-2026-007). */
export const Enabled = Type.Boolean()
export const IdText = Type.String({ minLength: 1, maxLength: 64, pattern: '^[a-zA-Z0-9-]+$' })
export const ResourceOptions = Type.Object({ immutable: Type.Optional(Nullable(Type.Boolean())) }, { additionalProperties: false })

/** A flag in a query is there or not; its value may be any of Python's booleans. */
export const Flag = Type.Optional(Type.String({ maxLength: 10 }))
export const Text = Type.Optional(Type.String({ maxLength: 255 }))

export const byId = Type.Object({ id: Identifier })

/** What every list's query may hold; other names are filters with a comparator (`name__contains`), or ignored as upstream does. */
export const page = { limit: Text, marker: Text }

/** Whatever else a client wants kept with a resource. */
export const open = { additionalProperties: true }
/** A change says at least one thing. */
export const openChange = { ...open, minProperties: 1 }
