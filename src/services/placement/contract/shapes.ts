// Patterns and small schemas that several of placement's nouns share.
import { Closed, type TSchema, Type } from '#core/spec'

const largestInteger = 2_147_483_647

/** Parameters of a query may be repeated: mostly the last one counts, sometimes the first, sometimes all. */
export const repeated = <S extends TSchema>(schema: S) => Type.Optional(Type.Array(schema))

export const ClassName = Type.String({ pattern: '^[A-Z0-9_]+$' })
export const CustomName = Type.String({ pattern: '^CUSTOM_[A-Z0-9_]+$', maxLength: 255 })
export const TraitName = Type.String({ minLength: 1, maxLength: 255 })
export const ProviderId = Type.String({ pattern: '^[0-9a-fA-F-]{36}$' })
export const Generation = Type.Integer()

/** Amounts keyed by resource class. */
export const Resources = Type.Record(ClassName, Type.Integer({ minimum: 1 }), { minProperties: 1, additionalProperties: false })
export const Amounts = Type.Record(Type.String(), Type.Integer())

const quantity = (minimum: number) => Type.Optional(Type.Integer({ minimum, maximum: largestInteger }))

const inventoryFields = {
  total: Type.Integer({ minimum: 1, maximum: largestInteger }),
  reserved: quantity(0),
  min_unit: quantity(1),
  max_unit: quantity(1),
  step_size: quantity(1),
  allocation_ratio: Type.Optional(Type.Number({ maximum: 3.40282e38 })),
}

/** One inventory in a whole set: the generation stands beside the set, but may be repeated. */
export const NewInventory = Closed({ ...inventoryFields, resource_provider_generation: Type.Optional(Generation) })
export const NamedInventory = Closed({ ...inventoryFields, resource_class: ClassName, resource_provider_generation: Type.Optional(Generation) })
export const UpdatedInventory = Closed({ ...inventoryFields, resource_provider_generation: Generation })
export const NewInventories = Closed({ resource_provider_generation: Generation, inventories: Type.Record(ClassName, NewInventory, { additionalProperties: false }) })

export const Inventory = Closed({
  total: Type.Integer(), reserved: Type.Integer(), min_unit: Type.Integer(), max_unit: Type.Integer(), step_size: Type.Integer(),
  allocation_ratio: Type.Number(), resource_provider_generation: Type.Optional(Generation),
})
export const Inventories = Closed({ resource_provider_generation: Generation, inventories: Type.Record(Type.String(), Inventory) })
export const Links = Type.Array(Closed({ rel: Type.String(), href: Type.String() }))
