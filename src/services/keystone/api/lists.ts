// Reading the query of a list, and writing its answer: filters by equality or with `name__contains`, links, truncation.
import { nextLink } from '#core/http'
import type { Comparator, Filter, Listed, ListRequest } from '../db/lists.ts'
import { ValidationError } from '../model/errors.ts'

/** The wire's name of a filter with what it is; the column where that has another name. */
export type Filterable = Readonly<Record<string, 'text' | 'boolean' | { readonly column: string }>>

const comparators: Readonly<Record<string, readonly [Comparator, boolean]>> = {
  contains: ['contains', false], icontains: ['contains', true], startswith: ['startswith', false], istartswith: ['startswith', true],
  endswith: ['endswith', false], iendswith: ['endswith', true],
}

/** @param most the configured limit of a list, 0 for none @param fixed what the caller may see at all */
export function readList(query: Readonly<Record<string, unknown>>, filterable: Filterable, most: number, fixed: readonly Filter[] = []): ListRequest {
  const filters = Object.entries(query).flatMap(([key, value]): Filter[] => {
    const [name = '', suffix] = key.split('__')
    const kind = Object.hasOwn(filterable, name) ? filterable[name] : undefined
    if (kind === undefined) return []
    const text = String(Array.isArray(value) ? value[0] : value)
    if (kind === 'boolean') return suffix === undefined ? [equal(name, isTrue(text) ? 1 : 0)] : []
    const column = typeof kind === 'object' ? kind.column : name
    if (suffix === undefined) return [equal(column, text)]
    const found = Object.hasOwn(comparators, suffix) ? comparators[suffix] : undefined
    return found ? [{ column, comparator: found[0], fold: found[1], value: text }] : []
  })
  return { filters: [...filters, ...fixed], limit: readLimit(query['limit'], most), marker: query['marker'] as string | undefined }
}

export function equal(column: string, value: string | number): Filter {
  return { column, comparator: 'equals', value, fold: false }
}

function readLimit(asked: unknown, most: number): number {
  if (asked === undefined) return most
  if (!/^\d{1,9}$/.test(String(asked))) throw new ValidationError('Invalid input for field/attribute limit. It must be a whole number.')
  const limit = Number(asked)
  return most > 0 && (limit === 0 || limit > most) ? most : limit
}

/** As upstream reads a flag or a boolean filter: everything is true but these words. */
export function isTrue(value: unknown): boolean {
  return !['0', 'f', 'false', 'off', 'n', 'no'].includes(String(value).trim().toLowerCase())
}

/** A flag that was given and is not false. */
export function isAsked(query: Readonly<Record<string, unknown>>, name: string): boolean {
  return query[name] !== undefined && isTrue(query[name])
}

export interface ListSite {
  readonly baseUrl: string
  readonly queryText: string
}

/** The parts of a list's answer beside its items. */
export function listParts<Row extends { readonly id: string }>({ baseUrl, queryText }: ListSite, path: string, listed: Listed<Row>) {
  const url = `${baseUrl}${path}`
  const last = listed.rows.at(-1)
  return {
    links: {
      self: queryText === '' ? url : `${url}?${queryText}`, previous: null,
      next: listed.more && last ? nextLink(url, queryText, last.id) : null,
    },
    ...(listed.more && { truncated: true }),
  }
}
