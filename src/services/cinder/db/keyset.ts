// Walking a sorted list by its marker: the rows that come after one row, for any mix of keys and directions.
import { sql, type Expression, type SqlBool } from '#core/db'
import type { SortKey } from '#core/http'

/** A wire name, the column behind it, and what an empty one counts as when sorted. */
export interface SortColumn {
  readonly column: string
  readonly whenNull?: string
}

function sorted({ column, whenNull }: SortColumn): Expression<unknown> {
  return whenNull === undefined ? sql.ref(column) : sql`coalesce(${sql.ref(column)}, ${whenNull})`
}

export function orderings(sort: readonly SortKey[], columns: Readonly<Record<string, SortColumn>>): { expression: Expression<unknown>; direction: 'asc' | 'desc' }[] {
  return sort.map(({ key, direction }) => ({ expression: sorted(columns[key] ?? { column: key }), direction }))
}

/** `(a, b, id)` behind the marker's: a > x or (a = x and (b < y or (b = y and id > z))). */
export function afterMarker(sort: readonly SortKey[], columns: Readonly<Record<string, SortColumn>>, marker: Readonly<Record<string, unknown>>): Expression<SqlBool> {
  let condition: Expression<SqlBool> | undefined
  for (const { key, direction } of [...sort].reverse()) {
    const column = columns[key] ?? { column: key }
    const bare = column.column.slice(column.column.indexOf('.') + 1)
    const value = marker[bare] ?? column.whenNull ?? null
    const left = sorted(column)
    const beyond = direction === 'asc' ? sql<SqlBool>`${left} > ${value}` : sql<SqlBool>`${left} < ${value}`
    condition = condition === undefined ? beyond : sql<SqlBool>`(${beyond} or (${left} = ${value} and ${condition}))`
  }
  return condition ?? sql<SqlBool>`1 = 1`
}

/** `%` and `_` of a user's text stand for themselves. */
export function contains(column: string, text: string): Expression<SqlBool> {
  return sql<SqlBool>`${sql.ref(column)} like ${`%${text.replaceAll(/[\\%_]/g, '\\$&')}%`} escape '\\'`
}
