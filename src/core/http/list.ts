// Reads the query of a list into a page request, and writes the link to the next page.
import { BadRequest } from '#core/errors'
import { parseQuery } from '#core/validation'

export interface SortKey {
  readonly key: string
  readonly direction: 'asc' | 'desc'
}

/** What part of a list is asked for. */
export interface Page {
  readonly limit: number
  readonly marker?: string
  readonly sort: readonly SortKey[]
}

export interface PageRules {
  /** Wire names that may be sorted by. */
  readonly sortable: readonly string[]
  readonly defaultSort: readonly SortKey[]
  /** The most that one answer holds; a larger `limit` gets so many. */
  readonly maxLimit: number
  /** `limit=0` means no limit of the client's own (neutron), else an empty list. */
  readonly zeroIsUnlimited?: boolean
}

const one = (value: unknown): string | undefined => (Array.isArray(value) ? (value.at(-1) as string | undefined) : (value as string | undefined))
const many = (value: unknown): string[] => (value === undefined ? [] : Array.isArray(value) ? (value as string[]) : [value as string])

/** @throws BadRequest for a limit that is no whole number, or a sort key or direction that is not offered */
export function readPage(query: Readonly<Record<string, unknown>>, rules: PageRules): Page {
  const limitText = one(query['limit'])
  let limit = rules.maxLimit
  if (limitText !== undefined) {
    if (!/^\d+$/.test(limitText)) throw new BadRequest(`limit must be a whole number from 0 up, not '${limitText}'.`)
    limit = Math.min(Number(limitText), rules.maxLimit)
    if (limit === 0 && rules.zeroIsUnlimited) limit = rules.maxLimit
  }
  const marker = one(query['marker'])
  return { limit, sort: readSort(query, rules), ...(marker !== undefined && { marker }) }
}

function readSort(query: Readonly<Record<string, unknown>>, rules: PageRules): SortKey[] {
  const combined = one(query['sort'])
  const asked: { key: string; direction: string }[] = []
  if (combined !== undefined) {
    for (const part of combined.split(',')) {
      const [key = '', direction] = part.trim().split(':')
      asked.push({ key, direction: direction ?? 'desc' })
    }
  } else {
    const directions = many(query['sort_dir'])
    many(query['sort_key']).forEach((key, at) => asked.push({ key, direction: directions[at] ?? directions[0] ?? rules.defaultSort[0]?.direction ?? 'asc' }))
    const first = rules.defaultSort[0]
    if (asked.length === 0 && directions[0] !== undefined && first) asked.push({ key: first.key, direction: directions[0] })
  }
  for (const { key, direction } of asked) {
    if (!rules.sortable.includes(key)) throw new BadRequest(`'${key.slice(0, 80)}' is not a key to sort by; choose from ${rules.sortable.join(', ')}.`)
    if (direction !== 'asc' && direction !== 'desc') throw new BadRequest(`'${direction.slice(0, 20)}' is not a direction to sort in; choose asc or desc.`)
  }
  const chosen = asked.length > 0 ? (asked as SortKey[]) : [...rules.defaultSort]
  if (!chosen.some(({ key }) => key === 'id' || key === 'uuid')) chosen.push({ key: 'id', direction: chosen[0]?.direction ?? 'asc' })
  return chosen
}

/** The same query with the marker set to the last row's id. */
export function nextLink(url: string, query: string, marker: string): string {
  const parameters = new URLSearchParams()
  for (const [key, value] of Object.entries(parseQuery(query))) {
    if (key !== 'marker') for (const each of many(value)) parameters.append(key, each)
  }
  parameters.append('marker', marker)
  return `${url}?${parameters.toString()}`
}
