// What does not fit a schema, as services word it.
import type { ErrorObject } from 'ajv/dist/2020.js'
import type { TSchema } from '#core/spec'
import { isSecret } from './secrets.ts'

export interface Problem {
  /** Where: names and places in lists, from the outside in. */
  readonly path: readonly string[]
  /** The keyword of the schema that says so. */
  readonly keyword: string
  readonly params: Readonly<Record<string, unknown>>
  /** The part of the schema that has the keyword: steps from its top. */
  readonly schemaPath: readonly string[]
  /** What a pattern stands for, such as `uuid`, where the schema names it. */
  readonly format?: string
  /** What the parts of a choice say of the same place, of which none fits; one alone where there is no choice. */
  readonly choice: readonly Pick<Problem, 'keyword' | 'params'>[]
  /** What the checker says. */
  readonly message: string
  /** What stands there; hidden where it may be a secret. */
  readonly found: unknown
}

export const hidden = '***'

/** Of all that a choice complains of, what stands deepest was meant by who wrote it; of that, what says more than a type. */
export function readProblem(errors: readonly ErrorObject[], value: unknown, schema: TSchema): Problem {
  const depth = ({ instancePath }: ErrorObject) => instancePath.split('/').length
  const deepest = Math.max(...errors.map(depth))
  const choice = errors.filter((error) => error.keyword !== 'anyOf' && depth(error) === deepest)
  const { instancePath, schemaPath, keyword, params, message = 'does not fit' } = choice.find((error) => error.keyword !== 'type') ?? choice[0] ?? { instancePath: '', schemaPath: '', keyword: '', params: {} }
  const path = readPointer(instancePath)
  let found: unknown = value
  for (const part of path) found = (found as Record<string, unknown> | undefined)?.[part]
  const steps = readPointer(decodeURIComponent(schemaPath)).slice(0, -1)
  let here: unknown = schema
  for (const step of steps) here = (here as Record<string, unknown> | undefined)?.[step]
  const format = keyword === 'pattern' ? (here as { format?: string } | undefined)?.format : undefined
  return {
    path, keyword, params: params as Problem['params'], schemaPath: steps, ...(format !== undefined && { format }), message, found: path.some(isSecret) ? hidden : found,
    choice: choice.map((each) => ({ keyword: each.keyword, params: each.params as Problem['params'] })),
  }
}

/** The steps of a JSON pointer. */
function readPointer(pointer: string): string[] {
  return pointer.split('/').slice(1).map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}
