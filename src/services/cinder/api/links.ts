// Links in bodies, and times as cinder writes them.
import { nextLink } from '#core/http'

/** As upstream: without a zone, with six digits of a second. */
export function wireTime(date: Date): string
export function wireTime(date: Date | null): string | null
export function wireTime(date: Date | null): string | null {
  return date === null ? null : `${date.toISOString().slice(0, -1)}000`
}

/** `self` stands below the API, `bookmark` beside it. */
export function linksOf(baseUrl: string, collection: string, id: string): { rel: string; href: string }[] {
  return [
    { rel: 'self', href: `${baseUrl}/${collection}/${id}` },
    { rel: 'bookmark', href: `${baseUrl.replace(/\/v3(?=\/|$)/, '')}/${collection}/${id}` },
  ]
}

type Query = Readonly<Record<string, unknown>>

/** The link to the next page: there is one when the page is full. */
export function nextPage(url: string, query: Query, ids: readonly string[], limit: number): { rel: string; href: string }[] | undefined {
  const last = ids.at(-1)
  if (last === undefined || ids.length < limit) return undefined
  const text = new URLSearchParams()
  for (const [key, value] of Object.entries(query)) for (const each of Array.isArray(value) ? value : [value]) text.append(key, String(each))
  return [{ rel: 'next', href: nextLink(url, text.toString(), last) }]
}
