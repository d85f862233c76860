// Shapes that several of keystone's nouns share.
import { Identifier, Nullable, type Static, Type } from '#core/spec'

export const Links = Type.Object({ self: Type.String(), next: Type.Optional(Nullable(Type.String())), previous: Type.Optional(Nullable(Type.String())) })
/** A resource's own link. */
export const SelfLink = Type.Object({ self: Type.String() })

export const IdName = Type.Object({ id: Type.String(), name: Type.String() })

/** Names as upstream takes them: something visible, up to 255 characters. */
export const EntityName = Type.String({ minLength: 1, maxLength: 255, pattern: '[\\S]+' })
/** Projects' and domains' names are shorter. */
export const ShortName = Type.String({ minLength: 1, maxLength: 64, pattern: '[\\S]+' })
export const Description = Nullable(Type.String({ maxLength: 65_535 }))
/** Strict: the text "false" is no boolean (OSSA-2026-007). */
export const Enabled = Type.Boolean()
export const IdText = Type.String({ minLength: 1, maxLength: 64, pattern: '^[a-zA-Z0-9-]+$' })

/** A flag in a query is there or not; its value may be any of Python's booleans. */
export const Flag = Type.Optional(Type.String({ maxLength: 10 }))
export const Text = Type.Optional(Type.String({ maxLength: 255 }))

export const byId = Type.Object({ id: Identifier })

/** The query of a list: filters by equality or with `name__contains` and its kind, and a page. */
export function filters<const Names extends readonly string[]>(names: Names) {
  const properties: Record<string, typeof Text> = { limit: Text, marker: Text, sort_key: Text, sort_dir: Text }
  for (const name of names) properties[name] = Text
  return Type.Object(properties as Record<Names[number] | 'limit' | 'marker' | 'sort_key' | 'sort_dir', typeof Text>, { additionalProperties: true })
}

export function listOf<const Key extends string, S extends Parameters<typeof Type.Array>[0]>(key: Key, item: S) {
  return Type.Object({ [key]: Type.Array(item), links: Links, truncated: Type.Optional(Type.Boolean()) } as { [K in Key]: ReturnType<typeof Type.Array<S>> } & { links: typeof Links; truncated: ReturnType<typeof Type.Optional<ReturnType<typeof Type.Boolean>>> })
}

export type Links = Static<typeof Links>
