// What does not fit, in the words of Python's jsonschema, as upstream's services pass them on.
import { hidden, type Problem } from './problem.ts'
import { isSecret } from './secrets.ts'

/**
 * The field's own name, its value, and what is wrong with it (nova/api/validation/validators.py, and the same file of keystone and cinder). What
 * may be a secret is never repeated, though upstream does.
 *
 * @param part what the field is part of
 */
export function pythonWording(problem: Problem, part: 'field/attribute' | 'query parameters' = 'field/attribute'): string {
  const { path, found } = problem
  const field = path.at(-1)
  const reason = pythonReason(problem)
  return field === undefined ? reason : `Invalid input for ${part} ${field}. Value: ${shorten(typeof found === 'string' ? found : inPython(found))}. ${reason}`
}

type Params = Problem['params']

/** What is wrong, without where. */
export function pythonReason({ keyword, params, format, choice, found, message }: Problem): string {
  const shown = shorten(inPython(found))
  const allOf = (name: string, of: string) => choice.filter((each) => each.keyword === name).map((each) => inPython(each.params[of]))
  switch (keyword) {
    case 'type': return `${shown} is not of type ${allOf('type', 'type').join(', ')}`
    case 'const': return `${shown} is not one of [${allOf('const', 'allowedValue').join(', ')}]`
    case 'required': return `${inPython(params['missingProperty'])} is a required property`
    case 'additionalProperties': return `Additional properties are not allowed (${shorten(inPython(params['additionalProperty']))} was unexpected)`
    case 'pattern': return format === undefined ? `${shown} does not match ${inPython(params['pattern'])}` : `${shown} is not a ${inPython(format)}`
    case 'minLength': case 'minItems': return size(shown, params, 'is too short')
    case 'minProperties': return size(shown, params, 'does not have enough properties')
    case 'maxLength': case 'maxItems': return `${shown} is too long`
    case 'uniqueItems': return `${shown} has non-unique elements`
    case 'minimum': return `${shown} is less than the minimum of ${String(params['limit'])}`
    case 'maximum': return `${shown} is greater than the maximum of ${String(params['limit'])}`
    default: return `${shown} ${message}`
  }
}

function size(shown: string, { limit }: Params, many: string): string {
  return `${shown} ${limit === 1 ? 'should be non-empty' : many}`
}

/** Nobody reads more of what was wrong. */
function shorten(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}…` : text
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
