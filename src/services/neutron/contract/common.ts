// What the schemas of all nouns share: texts, addresses, projects, and the two shapes of a body (one or many).
import { Closed, LooseBoolean, Type, type Static, type TSchema } from '#core/spec'

export const Name = Type.String({ maxLength: 255 })
export const Description = Type.String({ maxLength: 255 })
export const Id = Type.String({ minLength: 1, maxLength: 255 })
export const Address = Type.String({ minLength: 2, maxLength: 64 })
export const MacAddress = Type.String({ maxLength: 64 })
export const Time = Type.String()
export const Flag = LooseBoolean

/** A number that clients also send as text. */
export const LooseInteger = Type.Union([Type.Integer(), Type.String({ pattern: '^-?[0-9]{1,12}$' })])

/** Whose a new object shall be: both names of it are taken. */
export const owner = {
  tenant_id: Type.Optional(Type.String({ maxLength: 255 })),
  project_id: Type.Optional(Type.String({ maxLength: 255 })),
}

/** What every object shows of itself beside its own attributes. */
export const standard = {
  id: Type.String(),
  project_id: Type.String(),
  tenant_id: Type.String(),
  description: Type.String(),
  revision_number: Type.Integer(),
  created_at: Time,
  updated_at: Time,
  tags: Type.Array(Type.String()),
}

/** An object as it is answered. `fields` may leave any part of it out, and so may policy. */
export function shown<S extends TSchema>(schema: S) {
  return Type.Unsafe<Static<S>>(Type.Partial(schema as never))
}

/** What a body with objects of a noun is about: how it is read, and what is said of attributes that it must not set. */
export interface ResourceBody {
  readonly name: string
  readonly plural?: string
  /** All that the noun has, in the order in which they are looked at. */
  readonly attributes: readonly string[]
}

/** The attributes of a noun: what it shows, and what it is made with. */
export function attributesOf(...schemas: readonly { readonly properties: object }[]): readonly string[] {
  return [...new Set(schemas.flatMap(({ properties }) => Object.keys(properties)))]
}

/** A body that holds one object under its name. */
export function single<const N extends string, S extends TSchema>(name: N, schema: S, attributes: readonly string[]) {
  return Type.Unsafe<Readonly<Record<N, Static<S>>>>(Closed({ [name]: schema }, { 'x-resource': { name, attributes } satisfies ResourceBody }))
}

/** One new object under its name, or several under the plural: all of them are made, or none. */
export function oneOrMany<const N extends string, S extends TSchema>(name: N, plural: string, schema: S, attributes: readonly string[]) {
  return Type.Unsafe<Readonly<Record<N, Static<S>>>>(
    Type.Object(
      { [name]: Type.Optional(schema), [plural]: Type.Optional(Type.Array(schema, { minItems: 1, maxItems: 1000 })) },
      { additionalProperties: false, minProperties: 1, maxProperties: 1, 'x-resource': { name, plural, attributes } satisfies ResourceBody },
    ),
  )
}

/** What `oneOrMany` is answered with. */
export function oneOrManyShown<const N extends string, S extends TSchema>(name: N, plural: string, schema: S) {
  const each = shown(schema)
  return Type.Unsafe<Readonly<Record<N, Static<S>>>>(Type.Object({ [name]: Type.Optional(each), [plural]: Type.Optional(Type.Array(each)) }))
}

export function singleShown<const N extends string, S extends TSchema>(name: N, schema: S) {
  return Type.Unsafe<Readonly<Record<N, Static<S>>>>(Type.Object({ [name]: shown(schema) }))
}

const Links = Type.Array(Type.Object({ rel: Type.String(), href: Type.String() }))

export function listShown<const P extends string, S extends TSchema>(plural: P, schema: S) {
  return Type.Unsafe<Readonly<Record<P, readonly Static<S>[]>>>(
    Type.Object({ [plural]: Type.Array(shown(schema)), [`${plural}_links`]: Type.Optional(Links) }),
  )
}

/** Any filter, repeated for several values; the attributes of the noun decide what it means. */
export const AnyQuery = Type.Unsafe<Readonly<Record<string, string | readonly string[]>>>(Type.Object({}))

export const params = Type.Object({ id: Id })
