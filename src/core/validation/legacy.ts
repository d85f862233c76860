// For clients from before unknown properties and names with spaces at their ends were refused.
import type { TSchema } from '#core/spec'

/** What is read of a schema here. */
interface Shape {
  readonly type?: string
  readonly properties?: Readonly<Record<string, Shape>>
  readonly patternProperties?: object
  readonly additionalProperties?: unknown
  readonly items?: Shape
  readonly anyOf?: readonly Shape[]
  readonly 'x-legacy-trimmed'?: boolean
}

/**
 * The value without properties that a closed object does not name, and without spaces at the ends of a text that is marked `x-legacy-trimmed`.
 * Where keys must fit a pattern, those that do not stay, and are refused by the check.
 */
export function asLegacy(schema: TSchema, value: unknown): unknown {
  return read(schema as Shape, value)
}

const typeOf = (value: unknown): string => (Array.isArray(value) ? 'array' : typeof value)

function read({ anyOf, items, properties = {}, patternProperties, additionalProperties, 'x-legacy-trimmed': trimmed }: Shape, value: unknown): unknown {
  if (anyOf) {
    const fitting = anyOf.find(({ type }) => type === typeOf(value))
    return fitting ? read(fitting, value) : value
  }
  if (typeof value === 'string') return trimmed ? value.trim() : value
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return items ? value.map((each) => read(items, each)) : value
  const closed = additionalProperties === false && patternProperties === undefined
  return Object.fromEntries(Object.entries(value).flatMap(([name, each]) => {
    const own = Object.hasOwn(properties, name) ? properties[name] : undefined
    return own ? [[name, read(own, each)]] : closed ? [] : [[name, each]]
  }))
}
