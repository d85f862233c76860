// The builder of schemas: TypeBox's types, so that a schema is typed by what it describes, and plain JSON Schema as their values. TypeBox's
// own values know how to check and convert themselves, which nobody here asks of them, and take a tenth of a second to load.
import type { Type as TypeBox } from 'typebox'

type Builder = Pick<typeof TypeBox, 'Array' | 'Boolean' | 'Integer' | 'Literal' | 'Never' | 'Null' | 'Number' | 'Object' | 'Optional' | 'Partial' | 'Record' | 'String' | 'Union' | 'Unknown' | 'Unsafe'>

type Schema = Readonly<Record<string, unknown>>

/** Says of a property that its object may be without it. Not enumerable: it is no part of the schema. */
const optional = Symbol('optional')

const isOptional = (schema: Schema): boolean => optional in schema

function asOptional(schema: Schema): Schema {
  return Object.defineProperty({ ...schema }, optional, { value: true })
}

function object(properties: Readonly<Record<string, Schema>>, options?: Schema): Schema {
  const required = Object.keys(properties).filter((name) => !isOptional(properties[name] as Schema))
  return { type: 'object', ...(required.length > 0 && { required }), properties, ...options }
}

const builder = {
  Array: (items: Schema, options?: Schema) => ({ type: 'array', items, ...options }),
  Boolean: (options?: Schema) => ({ type: 'boolean', ...options }),
  Integer: (options?: Schema) => ({ type: 'integer', ...options }),
  Literal: (value: string | number | boolean, options?: Schema) => ({ type: typeof value, const: value, ...options }),
  Never: (options?: Schema) => ({ not: {}, ...options }),
  Null: (options?: Schema) => ({ type: 'null', ...options }),
  Number: (options?: Schema) => ({ type: 'number', ...options }),
  Object: object,
  Optional: asOptional,
  /** As TypeBox's, it takes the properties alone: an object that was closed is not. */
  Partial: ({ properties }: { properties: Readonly<Record<string, Schema>> }, options?: Schema) =>
    object(Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, asOptional(schema)])), options),
  Record: (key: Schema, value: Schema, options?: Schema) => ({ type: 'object', patternProperties: { [String(key['pattern'] ?? '^.*$')]: value }, ...options }),
  String: (options?: Schema) => ({ type: 'string', ...options }),
  Union: (anyOf: readonly Schema[], options?: Schema) => ({ anyOf, ...options }),
  Unknown: (options?: Schema) => ({ ...options }),
  Unsafe: (schema: Schema) => ({ ...schema }),
}

export const Type = builder as unknown as Builder
