// For clients from before unknown properties were refused: what they send too much is dropped.
import type { TSchema } from '#core/spec'

/** What is read of a schema here. */
interface Shape {
  readonly type?: string
  readonly properties?: Readonly<Record<string, Shape>>
  readonly patternProperties?: object
  readonly additionalProperties?: unknown
  readonly items?: Shape
  readonly anyOf?: readonly Shape[]
}

/** The value without properties that a closed object does not name. Where keys must fit a pattern, those that do not stay, and are refused by the check. */
export function withoutUnknown(schema: TSchema, value: unknown): unknown {
  return drop(schema as Shape, value)
}

function drop({ anyOf, items, properties = {}, patternProperties, additionalProperties }: Shape, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (anyOf) {
    const fitting = anyOf.find(({ type }) => type === (Array.isArray(value) ? 'array' : 'object'))
    return fitting ? drop(fitting, value) : value
  }
  if (Array.isArray(value)) return items ? value.map((each) => drop(items, each)) : value
  const closed = additionalProperties === false && patternProperties === undefined
  return Object.fromEntries(Object.entries(value).flatMap(([name, each]) => {
    const own = Object.hasOwn(properties, name) ? properties[name] : undefined
    return own ? [[name, drop(own, each)]] : closed ? [] : [[name, each]]
  }))
}
