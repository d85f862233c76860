// What the lists of the block storage API have in common: page, offset, switches, and filters that may be refused.
import { BadRequest } from '#core/errors'
import { type Page, readPage, type SortKey } from '#core/http'
import { InvalidInput } from '../model/errors.ts'

export type Query = Readonly<Record<string, unknown>>

export const newestFirst: readonly SortKey[] = [{ key: 'created_at', direction: 'desc' }]

const last = (value: unknown): string | undefined => (Array.isArray(value) ? (value.at(-1) as string | undefined) : (value as string | undefined))

export function textOf(query: Query, name: string): string | undefined {
  return last(query[name])
}

const wholeNumber = /^-?\d+$/
const longestOffset = 2_147_483_647

/** In upstream's words (cinder/api/common.py, get_pagination_params and get_sort_params). @throws BadRequest */
export function pageOf(query: Query, sortable: readonly string[], maxLimit: number): { page: Page; offset: number } {
  const limit = textOf(query, 'limit') ?? '0'
  if (!wholeNumber.test(limit)) throw new BadRequest('limit param must be an integer')
  if (Number(limit) < 0) throw new BadRequest('limit param must be positive')
  const offset = textOf(query, 'offset') ?? '0'
  if (!wholeNumber.test(offset)) throw new BadRequest('offset must be an integer')
  if (Number(offset) < 0) throw new BadRequest('offset must be >= 0')
  if (Number(offset) > longestOffset) throw new BadRequest(`offset must be <= ${longestOffset}`)
  if (query['sort'] !== undefined && (query['sort_key'] !== undefined || query['sort_dir'] !== undefined)) {
    throw new BadRequest("The 'sort_key' and 'sort_dir' parameters are deprecated and cannot be used with the 'sort' parameter.")
  }
  return { page: readPage(query, { sortable, defaultSort: newestFirst, maxLimit }), offset: Number(offset) }
}

/** Neither null nor left out. */
export function isGiven<T>(value: T | null | undefined): value is T {
  return value !== null && value !== undefined
}

const yes = new Set(['t', 'true', 'on', 'y', 'yes', '1'])
const no = new Set(['f', 'false', 'off', 'n', 'no', '0'])

export function booleanOf(text: string): boolean | undefined {
  const word = text.trim().toLowerCase()
  return yes.has(word) ? true : no.has(word) ? false : undefined
}

/** A switch in a query. @throws InvalidInput for what is neither yes nor no */
export function switchOf(query: Query, name: string): boolean {
  const text = textOf(query, name)
  if (text === undefined) return false
  const value = booleanOf(text)
  if (value === undefined) throw new InvalidInput(`Invalid input received: Invalid value for '${name}': '${text.slice(0, 80)}'`)
  return value
}

/** A switch in a body, in any of the spellings that its schema took. */
export function looseBoolean(value: unknown): boolean {
  return typeof value === 'boolean' ? value : (booleanOf(String(value)) ?? false)
}

const notFilters = new Set(['limit', 'marker', 'offset', 'sort', 'sort_key', 'sort_dir', 'with_count'])

/** What is left of a query once page and sorting are taken out. */
export function filtersOf(query: Query): Map<string, string> {
  const filters = new Map<string, string>()
  for (const [key, value] of Object.entries(query)) if (!notFilters.has(key)) filters.set(key, last(value) ?? '')
  return filters
}

/**
 * From 3.31 a filter that users do not have is refused, before it was ignored; administrators have them all
 * (cinder/api/common.py, reject_invalid_filters).
 */
export function keepFilters(filters: Map<string, string>, known: readonly string[], rules: { admin: boolean; refuses: boolean }): void {
  if (rules.admin) return
  filters.delete('all_tenants')
  const unknown = [...filters.keys()].filter((key) => !known.includes(key))
  if (unknown.length === 0) return
  if (rules.refuses) throw new BadRequest(`Invalid filters ${unknown.join(',').slice(0, 200)} are found in query options.`)
  for (const key of unknown) filters.delete(key)
}

/** A filter's value that is a dictionary: JSON, or as Python prints one. @throws InvalidInput */
export function dictionaryOf(text: string, name: string): Record<string, string> {
  for (const form of [text, text.replaceAll(/\bu'/g, "'").replaceAll('"', '\\"').replaceAll("'", '"')]) {
    try {
      const value: unknown = JSON.parse(form)
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
        return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, String(each)]))
      }
    } catch {
      // Another form may fit.
    }
  }
  throw new InvalidInput(`Invalid input received: ${name} filter must be a dictionary of keys and values.`)
}
