// Values that bodies and queries may spell in several ways.
import { BadRequest } from '#core/errors'

export function toNumber(value: number | string): number {
  return Number(value)
}

const truths: Readonly<Record<string, boolean>> = {
  '1': true, t: true, true: true, on: true, y: true, yes: true, '0': false, f: false, false: false, off: false, n: false, no: false,
}

/** As oslo's strict bool_from_string; undefined for anything else. */
export function readBoolean(value: boolean | number | string): boolean | undefined {
  return typeof value === 'boolean' ? value : truths[String(value).trim().toLowerCase()]
}

export function toBoolean(value: boolean | string): boolean {
  return readBoolean(value) === true
}

/** A whole number of a filter. @throws BadRequest naming the parameter */
export function wholeNumber(value: string | undefined, parameter: string): number | undefined {
  if (value === undefined) return undefined
  if (!/^\s*[+-]?\d{1,12}\s*$/.test(value)) throw new BadRequest(`Invalid ${parameter} filter [${value.slice(0, 80)}]`)
  return Number(value)
}

/** How many come before the first that is wanted (nova/api/openstack/common.py, limited). @throws BadRequest */
export function readOffset(values: readonly string[] | undefined): number {
  const offset = values?.at(-1) ?? '0'
  if (!/^\d{1,12}$/.test(offset)) throw new BadRequest(`offset must be a whole number from 0 up, not '${offset.slice(0, 80)}'.`)
  return Number(offset)
}

/** As upstream writes times of rows: with microseconds, without a zone. */
export function microseconds(iso: string): string {
  return iso.replace(/Z$/, '').padEnd(26, '0')
}

const uuid = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i

export function looksLikeUuid(text: string): boolean {
  return uuid.test(text)
}

/** The number of a row, from a path; a negative one is a number too, though of no row. */
export function rowNumber(text: string): number | undefined {
  return /^\s*[+-]?\d{1,15}\s*$/.test(text) ? Number(text) : undefined
}
