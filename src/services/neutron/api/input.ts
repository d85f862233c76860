// Bodies as neutron reads them (neutron/api/v2/base.py, prepare_request_body): one object under its name, or several, of attributes that
// may be set. What is wrong is said in the words of upstream's validators (neutron_lib/api/validators).
import { BadRequest } from '#core/errors'
import type { InputStyle } from '#core/http'
import type { TSchema } from '#core/spec'
import { inPython } from '#core/validation'
import type { ResourceBody } from '../contract/common.ts'
import { InvalidInput, invalidAttribute } from '../model/errors.ts'

type Attributes = Readonly<Record<string, unknown>>
type ObjectSchema = TSchema & { readonly properties: Readonly<Record<string, TSchema>>; readonly required?: readonly string[] }

const malformed = 'Body contains invalid data'

function isObject(value: unknown): value is Attributes {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** @throws BadRequest for attributes that the noun has not, that must not be set, or that are missing */
function checkAttributes(given: Attributes, { properties, required = [] }: ObjectSchema, known: readonly string[], create: boolean): void {
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(properties, name) && !known.includes(name))
  if (unknown.length > 0) throw new BadRequest(`Unrecognized attribute(s) '${unknown.map((name) => name.slice(0, 80)).join(', ')}'`)
  for (const name of known) {
    if (create && required.includes(name) && !Object.hasOwn(given, name)) throw new BadRequest(`Failed to parse request. Required attribute '${name}' not specified`)
    if (Object.hasOwn(given, name) && !Object.hasOwn(properties, name)) throw new BadRequest(create ? `Attribute '${name}' not allowed in POST` : `Cannot update read-only attribute ${name}`)
  }
}

function readResource(body: Attributes, schema: ObjectSchema, { name, plural, attributes }: ResourceBody, create: boolean): unknown {
  const object = schema.properties[name] as ObjectSchema
  const read = (given: unknown): Attributes => {
    if (given === undefined || given === null) throw new BadRequest(`Unable to find '${name}' in request body`)
    if (!isObject(given)) throw new BadRequest(`Object '${name}' contains invalid data`)
    checkAttributes(given, object, attributes, create)
    return given
  }
  if (plural === undefined || body[plural] === undefined) return { [name]: read(body[name]) }
  const items = body[plural]
  if (!Array.isArray(items)) throw new BadRequest(malformed)
  if (items.length === 0) throw new BadRequest('Resources required')
  return { [plural]: items.map((item: unknown) => read(isObject(item) && Object.hasOwn(item, name) ? item[name] : item)) }
}

export const neutronInput: InputStyle = {
  unreadable: (part) => (part === 'body' ? new BadRequest(malformed) : undefined),
  read(body, schema, method) {
    const resource = (schema as { 'x-resource'?: ResourceBody })['x-resource']
    if (body !== undefined && !isObject(body)) throw new BadRequest(malformed)
    return resource ? readResource(body ?? {}, schema as ObjectSchema, resource, method === 'POST') : (body ?? {})
  },
  refusal({ path, keyword, params, choice, message, found }) {
    const attribute = attributeAt(path)
    const shown = shownAs(found)
    // These two are conversions upstream, which have a fault of their own.
    const takes = (type: string) => choice.some((each) => each.keyword === 'type' && each.params['type'] === type)
    if (takes('boolean')) return new InvalidInput(`Invalid input for operation: '${shown}' cannot be converted to boolean.`)
    if (takes('integer')) return new InvalidInput(`Invalid input for operation: '${shown}' is not an integer.`)
    switch (keyword) {
      case 'additionalProperties':
        if (path.length <= 1) return new BadRequest(`Unrecognized attribute(s) '${String(params['additionalProperty']).slice(0, 80)}'`)
        return invalidAttribute(attribute, `Unexpected keys supplied: ${String(params['additionalProperty']).slice(0, 80)}`)
      case 'required':
        if (path.length === 0) return new BadRequest(`Unable to find '${String(params['missingProperty'])}' in request body`)
        return invalidAttribute(attribute, `'${String(params['missingProperty'])}' is not specified`)
      case 'type':
        return invalidAttribute(attribute, `'${shown}' is not a ${types[String(params['type'])] ?? 'valid value'}`)
      case 'maxLength':
        return invalidAttribute(attribute, `'${shown}' exceeds maximum length of ${String(params['limit'])}`)
      case 'pattern':
        return invalidAttribute(attribute, `'${shown}' is not a valid UUID`)
      case 'const':
        return invalidAttribute(attribute, `${shown} is not in valid_values`)
      case 'uniqueItems':
        return invalidAttribute(attribute, `Duplicate items in the list: '${shownAs((found as readonly unknown[])[Number(params['i'])])}'`)
      default:
        return invalidAttribute(attribute, `'${shown}' ${message}`)
    }
  },
}

const types: Readonly<Record<string, string>> = { string: 'valid string', array: 'list', object: 'dictionary' }

/** The attribute that a path leads to or into, without the object's name and its place among several. */
function attributeAt(path: readonly string[]): string {
  const [first = 'body', second, third] = path
  if (second === undefined) return first
  return /^\d+$/.test(second) ? (third ?? first) : second
}

/** A value as Python writes it: clients see no other. */
function shownAs(value: unknown): string {
  const text = typeof value === 'string' ? value : inPython(value)
  return text.slice(0, 300)
}
