// Links as nova writes them: `self` with the version in it, `bookmark` without.
import { nextLink } from '#core/http'

type Link = { rel: string; href: string }

/** What a handler knows of where it was asked. */
export interface Asked {
  /** With `/v2.1` or `/v2`, and the project's id where the path had one. */
  readonly baseUrl: string
  readonly queryText: string
}

export function linksOf({ baseUrl }: Pick<Asked, 'baseUrl'>, collection: string, id: string): Link[] {
  const place = `${collection}/${encodeURIComponent(id)}`
  return [{ rel: 'self', href: `${baseUrl}/${place}` }, { rel: 'bookmark', href: `${baseUrl.replace(/\/v2(\.1)?(?=\/|$)/, '')}/${place}` }]
}

/** A full page may have another one behind it; upstream says so without looking. */
export function nextLinks({ baseUrl, queryText }: Asked, collection: string, limit: number, ids: readonly string[]): Link[] | undefined {
  const last = ids.at(-1)
  if (last === undefined || ids.length < limit) return undefined
  return [{ rel: 'next', href: nextLink(`${baseUrl}/${collection}`, queryText, last) }]
}
