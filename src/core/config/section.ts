// The settings of one service or part, declared together under a name.
import type { Option } from './option.ts'

export type Options = Readonly<Record<string, Option<any>>>

export interface Section<Name extends string = string, Declared extends Options = Options> {
  readonly name: Name
  readonly options: Declared
}

/** The values of a section: `Settings<typeof novaOptions>`. */
export type Settings<S extends Section> = {
  readonly [Key in keyof S['options']]: S['options'][Key] extends Option<infer Value> ? Value : never
}

/** Names are as upstream's, in snake_case: `cpu_allocation_ratio`. */
export function defineOptions<const Name extends string, const Declared extends Options>(
  name: Name,
  options: Declared,
): Section<Name, Declared> {
  for (const word of [name, ...Object.keys(options)]) {
    if (!/^[a-z][a-z0-9_]*$/.test(word)) throw new Error(`A section or option must have a name in snake_case, unlike ${word}`)
  }
  return { name, options }
}

/** The environment variable that overrides an option. */
export function variableName(section: string, name: string): string {
  return `NIMBO_${section}_${name}`.toUpperCase()
}
