// A page of a list: filters by equality or by part of a text, then what follows the marker, by id.
import { sql } from '#core/db'
import type { SelectQueryBuilder } from 'kysely'

export type Comparator = 'equals' | 'contains' | 'startswith' | 'endswith'

export interface Filter {
  readonly column: string
  readonly comparator: Comparator
  readonly value: string | number
  /** Without regard to case. */
  readonly fold: boolean
}

export interface ListRequest {
  readonly filters: readonly Filter[]
  /** 0 is no limit. */
  readonly limit: number
  readonly marker: string | undefined
}

export interface Listed<Row> {
  readonly rows: readonly Row[]
  readonly more: boolean
}

// Kysely cannot follow a table that is a variable; callers give a query on that table.
// oxlint-disable-next-line typescript/no-explicit-any
type AnyQuery<Row> = SelectQueryBuilder<any, any, Row>

/** @param table the table or alias whose columns are filtered and whose `id` orders the list */
export async function page<Row>(query: AnyQuery<Row>, table: string, request: ListRequest): Promise<Listed<Row>> {
  let limited = query.orderBy(sql.ref(`${table}.id`))
  for (const filter of request.filters) limited = limited.where(condition(table, filter))
  if (request.marker !== undefined) limited = limited.where(sql<boolean>`${sql.ref(`${table}.id`)} > ${request.marker}`)
  if (request.limit > 0) limited = limited.limit(request.limit + 1)
  const rows = await limited.execute()
  const more = request.limit > 0 && rows.length > request.limit
  return { rows: more ? rows.slice(0, request.limit) : rows, more }
}

/** Written without LIKE, whose regard for case differs between engines. */
function condition(table: string, { column, comparator, value, fold }: Filter) {
  const plain = sql.ref(`${table}.${column}`)
  const left = fold ? sql`lower(${plain})` : plain
  const right = fold ? String(value).toLowerCase() : value
  const length = String(right).length
  switch (comparator) {
    case 'equals':
      return sql<boolean>`${left} = ${right}`
    case 'contains':
      return length === 0 ? sql<boolean>`1 = 1` : sql<boolean>`replace(${left}, ${right}, '') <> ${left}`
    case 'startswith':
      return sql<boolean>`substr(${left}, 1, ${length}) = ${right}`
    case 'endswith':
      return length === 0 ? sql<boolean>`1 = 1` : sql<boolean>`length(${left}) >= ${length} and substr(${left}, length(${left}) - ${length} + 1) = ${right}`
  }
}
