// The query of a list: limit, marker, sorting and filters, stated by the route and read the same way everywhere.
import type { TProperties } from 'typebox'
import { Type } from './type.ts'

export interface ListQueryOptions<F extends TProperties> {
  /** Wire names by which the list may be sorted; the first is the default. */
  readonly sort: readonly string[]
  readonly filters: F
  /** Refuse parameters that are not named (nova from 2.75). */
  readonly strict?: boolean
}

/**
 * The schema of a list's query. Both forms of sorting are taken: repeated `sort_key`/`sort_dir`, and `sort=a:asc,b:desc`.
 * What the names mean is decided by `readPage` of core/http.
 */
export function listQuery<F extends TProperties>(options: ListQueryOptions<F>) {
  return Type.Object(
    {
      limit: Type.Optional(Type.String({ maxLength: 20 })),
      marker: Type.Optional(Type.String({ maxLength: 255 })),
      sort_key: Type.Optional(Type.Array(Type.String({ maxLength: 255 }))),
      sort_dir: Type.Optional(Type.Array(Type.String({ maxLength: 10 }))),
      sort: Type.Optional(Type.String({ maxLength: 1000 })),
      ...options.filters,
    },
    { additionalProperties: options.strict !== true, 'x-sort': options.sort },
  )
}
