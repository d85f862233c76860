// What does not fit, in the words of Python's jsonschema, as upstream's services pass them on.
import type { ErrorObject } from 'ajv/dist/2020.js'
import { isSecret } from './secrets.ts'

/**
 * The field's own name, its value, and what is wrong with it (keystone/api/validation/validators.py). What may be a secret is never repeated, though
 * upstream does.
 */
export function pythonWording(errors: readonly ErrorObject[], value: unknown): string {
  const found = pythonProblem(errors, value)
  if (!found) return 'The body does not fit.'
  const { path, here, problem } = found
  const field = path.at(-1)
  return field === undefined ? problem : `Invalid input for field/attribute ${field}. Value: ${typeof here === 'string' ? here : inPython(here)}. ${problem}`
}

interface Problem {
  readonly error: ErrorObject
  readonly path: readonly string[]
  /** What stands there. */
  readonly here: unknown
  readonly problem: string
}

/** Of all that does not fit the one that tells most, with the message of jsonschema alone. */
export function pythonProblem(errors: readonly ErrorObject[], value: unknown): Problem | undefined {
  const deepest = Math.max(...errors.map(({ instancePath }) => instancePath.split('/').length))
  const telling = errors.filter(({ keyword, instancePath }) => keyword !== 'anyOf' && instancePath.split('/').length === deepest)
  const error = telling.find(({ keyword }) => keyword !== 'type') ?? telling[0]
  if (!error) return undefined
  const path = error.instancePath.split('/').slice(1)
  let here: unknown = value
  for (const part of path) here = (here as Record<string, unknown> | undefined)?.[part]
  if (path.some(isSecret)) here = hidden
  return { error, path, here, problem: describe(error, here, telling) }
}

const hidden = '***'

type Limited = { readonly limit: number }

const size = (shown: string, { limit }: Limited, many: string) => `${shown} ${limit === 1 ? 'should be non-empty' : many}`

/** @param choice what the parts of a choice say, of which none fits */
function describe({ keyword, params, message }: ErrorObject, value: unknown, choice: readonly ErrorObject[]): string {
  const shown = inPython(value)
  const allOf = (name: string, of: string) => choice.filter((each) => each.keyword === name).map((each) => inPython((each.params as Record<string, unknown>)[of]))
  switch (keyword) {
    case 'type': return `${shown} is not of type ${allOf('type', 'type').join(', ')}`
    case 'const': return `${shown} is not one of [${allOf('const', 'allowedValue').join(', ')}]`
    case 'required': return `${inPython((params as { missingProperty: string }).missingProperty)} is a required property`
    case 'additionalProperties': return `Additional properties are not allowed (${inPython((params as { additionalProperty: string }).additionalProperty)} was unexpected)`
    case 'pattern': return `${shown} does not match ${inPython((params as { pattern: string }).pattern)}`
    case 'minLength': case 'minItems': return size(shown, params as Limited, 'is too short')
    case 'minProperties': return size(shown, params as Limited, 'does not have enough properties')
    case 'maxLength': case 'maxItems': return `${shown} is too long`
    case 'uniqueItems': return `${shown} has non-unique elements`
    case 'minimum': return `${shown} is less than the minimum of ${(params as Limited).limit}`
    case 'maximum': return `${shown} is greater than the maximum of ${(params as Limited).limit}`
    default: return `${shown} ${message ?? 'does not fit'}`
  }
}

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** A value as Python's `repr` writes it. */
export function inPython(value: unknown): string {
  if (value === null || value === undefined) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (Array.isArray(value)) return `[${value.map(inPython).join(', ')}]`
  if (typeof value === 'object') return `{${Object.entries(value).map(([key, each]) => `${inPython(key)}: ${inPython(isSecret(key) ? hidden : each)}`).join(', ')}}`
  if (typeof value !== 'string') return String(value)
  const text = value.replace(/[\\\n\r\t]/g, (character) => escapes[character] ?? character)
  return text.includes("'") && !text.includes('"') ? `"${text}"` : `'${text.replaceAll("'", "\\'")}'`
}
