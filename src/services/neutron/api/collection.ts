// Lists as neutron's clients ask for them: filters by any attribute, several values of each, sorting, pages with links, chosen fields.
import { BadRequest } from '#core/errors'
import { nextLink } from '#core/http'
import type { ListOf, ListRequest } from '../db/list.ts'
import { badRequest, InvalidInput } from '../model/errors.ts'

type Query = Readonly<Record<string, string | readonly string[] | undefined>>

/** How the values of some filters are read; what cannot be one is refused. */
export type FilterReaders = Readonly<Record<string, (text: string) => string>>

const own = new Set(['limit', 'marker', 'page_reverse', 'sort_key', 'sort_dir', 'fields'])
/** More values than this in one query are an attack on the database, not a question. */
const mostValues = 500

const many = (value: string | readonly string[] | undefined): readonly string[] => (value === undefined ? [] : typeof value === 'string' ? [value] : value)
/** Texts as Python writes a list of them. */
const listText = (texts: readonly string[]) => `[${texts.map((text) => `'${text.slice(0, 80)}'`).join(', ')}]`

/** @throws BadRequest for filters that the noun has not */
export function checkFilters(query: Query, isFilter: (name: string) => boolean): void {
  const unknown = Object.keys(query).filter((name) => !own.has(name) && !isFilter(name))
  if (unknown.length > 0) throw new BadRequest(`${listText(unknown)} is invalid attribute for filtering`)
}

/**
 * Nothing that the caller sees has a value of a hidden attribute: asked for by one, nothing is found, and in order of one all are alike.
 *
 * @throws BadRequest for a filter or sort key that the noun has not, a bad limit, or too many values; InvalidInput for a value that cannot be one
 */
export function readList(query: Query, list: ListOf, readers: FilterReaders = {}, hidden: ReadonlySet<string> = new Set()): ListRequest {
  const { columns, special = {} } = list
  checkFilters(query, (name) => Object.hasOwn(columns, name) || Object.hasOwn(special, name))
  const filters = Object.keys(query).filter((name) => !own.has(name)).map((name) => {
    const read = Object.hasOwn(readers, name) ? readers[name] : columns[name]?.kind === 'flag' ? readFlag : undefined
    const values = many(query[name]).map((value) => read?.(value) ?? value)
    return { name, values: hidden.has(name) ? [] : values }
  })
  if (filters.some(({ values }) => values.length > mostValues)) throw new BadRequest(`A filter takes at most ${mostValues} values.`)
  const limit = readLimit(many(query['limit']).at(-1))
  const marker = many(query['marker']).at(-1)
  return {
    filters, sort: readSort(query, list).filter(({ key }) => !hidden.has(key)), reverse: /^true$/i.test(many(query['page_reverse']).at(-1) ?? ''),
    // A marker is for pages: the whole list has none.
    ...(limit !== undefined && { limit, ...(marker !== undefined && { marker }) }),
  }
}

/** 'true' or 'false', for any spelling of them. @throws InvalidInput */
export function readFlag(text: string): string {
  if (/^(1|t|true|on|y|yes)$/i.test(text)) return 'true'
  if (/^(0|f|false|off|n|no)$/i.test(text)) return 'false'
  throw new InvalidInput(`Invalid input for operation: '${text.slice(0, 80)}' cannot be converted to boolean.`)
}

/** @throws InvalidInput */
export function readInteger(text: string): string {
  if (!/^\s*[+-]?\d{1,15}\s*$/.test(text)) throw new InvalidInput(`Invalid input for operation: '${text.slice(0, 80)}' is not an integer.`)
  return String(Number(text))
}

/** @throws InvalidInput for what is not `key=value` */
export function readPair(text: string): string {
  const at = text.indexOf('=')
  const key = text.slice(0, Math.max(at, 0)).trim()
  if (key === '') throw new InvalidInput(`Invalid input for operation: '${text.slice(0, 80)}' is not of the form <key>=[value].`)
  return `${key}=${text.slice(at + 1).trim()}`
}

/** Undefined for no limit, which 0 says too. */
function readLimit(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,15}$/.test(text)) throw badRequest('limit', `Limit must be an integer 0 or greater and not '${text.slice(0, 80)}'`)
  return Number(text) === 0 ? undefined : Number(text)
}

/** As upstream (neutron/api/api_common.py, get_sorts): each key has its direction. What is alike comes in the order of ids. */
function readSort(query: Query, { columns, constant = [] }: ListOf): ListRequest['sort'] {
  const [keys, directions] = [many(query['sort_key']), many(query['sort_dir'])].map((values) => values.filter((value) => value !== '')) as [string[], string[]]
  if (keys.length !== directions.length) throw new BadRequest('The number of sort_keys and sort_dirs must be same')
  const unknown = keys.filter((key) => !Object.hasOwn(columns, key) && !constant.includes(key))
  if (unknown.length > 0) throw new BadRequest(`${listText(unknown)} is invalid attribute for sort_keys`)
  const strange = directions.filter((direction) => direction !== 'asc' && direction !== 'desc')
  if (strange.length > 0) throw new BadRequest(`${listText(strange)} is invalid value for sort_dirs, valid value is 'asc' and 'desc'`)
  const sort = keys.map((key, at) => ({ key, direction: directions[at] === 'desc' ? 'desc' : 'asc' } as const)).filter(({ key }) => !constant.includes(key))
  return sort.some(({ key }) => key === 'id') ? sort : [...sort, { key: 'id', direction: 'asc' }]
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
