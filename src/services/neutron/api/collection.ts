// Lists as neutron's clients ask for them: filters by any attribute, several values of each, sorting, pages with links, chosen fields.
import { BadRequest } from '#core/errors'
import { nextLink, readPage } from '#core/http'
import type { ListOf, ListRequest } from '../db/list.ts'

type Query = Readonly<Record<string, string | readonly string[] | undefined>>

const own = new Set(['limit', 'marker', 'page_reverse', 'sort_key', 'sort_dir', 'sort', 'fields'])
const noLimit = Number.MAX_SAFE_INTEGER
/** More values than this in one query are an attack on the database, not a question. */
const mostValues = 500

const many = (value: string | readonly string[] | undefined): readonly string[] => (value === undefined ? [] : typeof value === 'string' ? [value] : value)

/** @throws BadRequest for a filter or sort key that the noun has not, a bad limit, or too many values */
export function readList(query: Query, list: ListOf): ListRequest {
  const { columns, special = {} } = list
  const unknown = Object.keys(query).filter((name) => !own.has(name) && !Object.hasOwn(columns, name) && !Object.hasOwn(special, name))
  if (unknown.length > 0) throw new BadRequest(`[${unknown.map((name) => `'${name.slice(0, 80)}'`).join(', ')}] is invalid attribute for filtering`)
  const filters = Object.keys(query).filter((name) => !own.has(name)).map((name) => ({ name, values: many(query[name]) }))
  if (filters.some(({ values }) => values.length > mostValues)) throw new BadRequest(`A filter takes at most ${mostValues} values.`)
  const page = readPage(query as Record<string, unknown>, { sortable: Object.keys(columns), defaultSort: [{ key: 'id', direction: 'asc' }], maxLimit: noLimit, zeroIsUnlimited: true })
  return {
    filters, sort: page.sort, reverse: /^true$/i.test(many(query['page_reverse']).at(-1) ?? ''),
    ...(page.limit !== noLimit && { limit: page.limit }), ...(page.marker !== undefined && { marker: page.marker }),
  }
}

/** The object with only those fields that the query names; all of them when it names none. */
export function pick<T extends object>(query: Query, body: T): T {
  const wanted = many(query['fields']).filter((name) => name !== '')
  if (wanted.length === 0) return body
  const picked: Record<string, unknown> = {}
  for (const name of wanted) if (name in body) picked[name] = body[name as keyof T]
  return picked as T
}

/** The body of a list, with links where the client asked for pages. */
export function listBody<const P extends string, T extends object>(plural: P, items: readonly T[], ids: readonly string[], query: Query, request: ListRequest, url: string): Readonly<Record<P, readonly T[]>> {
  const body: Record<string, unknown> = { [plural]: items.map((item) => pick(query, item)) }
  const links = pageLinks(ids, query, request, url)
  if (links.length > 0) body[`${plural}_links`] = links
  return body as Readonly<Record<P, readonly T[]>>
}

/** As upstream (neutron/api/api_common.py, get_pagination_links): a full page may have a next one; any but a short reversed one a previous. */
function pageLinks(ids: readonly string[], query: Query, { limit, reverse }: ListRequest, url: string): { rel: string; href: string }[] {
  const [first, last] = [ids[0], ids.at(-1)]
  if (limit === undefined || first === undefined || last === undefined) return []
  const short = ids.length < limit
  const text = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (name !== 'page_reverse') for (const each of many(value)) text.append(name, each)
  const links: { rel: string; href: string }[] = []
  if (!short || reverse) links.push({ rel: 'next', href: nextLink(url, text.toString(), last) })
  if (!short || !reverse) {
    text.append('page_reverse', 'True')
    links.push({ rel: 'previous', href: nextLink(url, text.toString(), first) })
  }
  return links
}

/** One new object, or several under the plural. */
export function bodies<B>(body: object, name: string, plural: string): readonly B[] {
  const several = (body as Record<string, readonly B[] | undefined>)[plural]
  return several ?? [(body as Record<string, B>)[name] as B]
}

/** The answer to `bodies`, in the same shape. */
export function made<const N extends string, V>(body: object, name: N, plural: string, views: readonly V[]): Readonly<Record<N, V>> {
  return ((body as Record<string, unknown>)[plural] === undefined ? { [name]: views[0] } : { [plural]: views }) as Readonly<Record<N, V>>
}
