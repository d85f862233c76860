// Lists: filters, sorting and pages by marker, for any table whose wire names are given as columns.
import { type Expression, type SqlBool, sql } from '#core/db'
import { NotFound } from '#core/errors'
import type { LooseDb } from './loose.ts'

export interface ListedColumn {
  readonly column: string
  readonly kind: 'text' | 'flag' | 'number'
}

export type ListedColumns = Readonly<Record<string, ListedColumn>>

export interface ListRequest {
  /** One without values lets nothing through. */
  readonly filters: readonly { readonly name: string; readonly values: readonly string[] }[]
  readonly sort: readonly { readonly key: string; readonly direction: 'asc' | 'desc' }[]
  readonly limit?: number
  readonly marker?: string
  /** The page before the marker instead of the one after it. */
  readonly reverse: boolean
}

/** A condition that is more than a comparison of columns. */
export type Condition = Expression<SqlBool>
export type SpecialFilters = Readonly<Record<string, (values: readonly string[]) => Condition>>

export interface ListOf {
  readonly table: string
  readonly columns: ListedColumns
  readonly special?: SpecialFilters
  /** What may be sorted by without effect: all rows have the same. */
  readonly constant?: readonly string[]
}

function toValue({ kind }: ListedColumn, text: string): string | number {
  if (kind === 'flag') return text === 'true' ? 1 : 0
  return kind === 'number' ? Number(text) || 0 : text
}

const textOf = ({ column, kind }: ListedColumn) => (kind === 'text' ? sql`coalesce(${sql.ref(column)}, '')` : sql`coalesce(${sql.ref(column)}, 0)`)

/** Rows in the order and page that were asked for. `scope` narrows to what the caller can see. */
export async function listRows<Row>(db: LooseDb, { table, columns, special = {} }: ListOf, request: ListRequest, scope?: Condition): Promise<Row[]> {
  let query = db.selectFrom(table).selectAll(table)
  if (scope) query = query.where(scope)
  for (const { name, values } of request.filters) {
    const more = special[name]
    const known = columns[name]
    if (values.length === 0) query = query.where(sql<SqlBool>`1 = 0`)
    else if (more) query = query.where(more(values))
    else if (known) {
      const wanted = values.map((value) => toValue(known, value))
      query = wanted.length === 1 ? query.where(known.column, '=', wanted[0]) : query.where(known.column, 'in', wanted)
    }
  }
  const order = request.sort.flatMap(({ key, direction }) => {
    const column = columns[key]
    const turned = request.reverse ? (direction === 'asc' ? 'desc' : 'asc') : direction
    return column ? [{ column, key, direction: turned }] : []
  })
  if (request.marker !== undefined) query = query.where(await afterMarker(db, table, request.marker, order, scope))
  for (const { column, direction } of order) query = query.orderBy(column.kind === 'text' && column.column !== `${table}.id` ? textOf(column) : sql.ref(column.column), direction as 'asc')
  if (request.limit !== undefined) query = query.limit(request.limit)
  const rows = (await query.execute()) as Row[]
  return request.reverse ? rows.reverse() : rows
}

/** @throws NotFound also for a marker that the caller cannot see: where it stands among the caller's own would tell what it holds */
async function afterMarker(db: LooseDb, table: string, marker: string, order: readonly { column: ListedColumn; direction: string }[], scope?: Condition): Promise<Condition> {
  const found = db.selectFrom(table).selectAll().where('id', '=', marker)
  const row = (await (scope ? found.where(scope) : found).executeTakeFirst()) as Record<string, string | number | null> | undefined
  if (!row) throw new NotFound(`The marker ${marker.slice(0, 64)} could not be found.`)
  const branches = order.map(({ column, direction }, at) => {
    const equal = order.slice(0, at).map((each) => sql`${textOf(each.column)} = ${valueIn(row, each.column)}`)
    const beyond = direction === 'asc' ? sql`${textOf(column)} > ${valueIn(row, column)}` : sql`${textOf(column)} < ${valueIn(row, column)}`
    return sql`(${sql.join([...equal, beyond], sql` and `)})`
  })
  return sql<SqlBool>`(${sql.join(branches, sql` or `)})`
}

function valueIn(row: Record<string, string | number | null>, { column, kind }: ListedColumn): string | number {
  return row[column.slice(column.indexOf('.') + 1)] ?? (kind === 'text' ? '' : 0)
}

const atOnce = 500

/** Rows of a table by a column, in as many statements as the number of values asks for. */
export async function rowsBy<Row>(db: LooseDb, table: string, column: string, values: readonly string[], orderBy?: string): Promise<Row[]> {
  const rows: Row[] = []
  for (let at = 0; at < values.length; at += atOnce) {
    let query = db.selectFrom(table).selectAll().where(column, 'in', values.slice(at, at + atOnce))
    if (orderBy !== undefined) query = query.orderBy(orderBy)
    rows.push(...((await query.execute()) as Row[]))
  }
  return rows
}

/** Rows in groups by one of their texts. */
export function grouped<Row, K extends keyof Row>(rows: readonly Row[], key: K): Map<Row[K], Row[]> {
  const groups = new Map<Row[K], Row[]>()
  for (const row of rows) {
    const group = groups.get(row[key])
    if (group) group.push(row)
    else groups.set(row[key], [row])
  }
  return groups
}

/** Filters by tag: all of them, any of them, and the two turned round. */
export function tagFilters(table: string): SpecialFilters {
  const among = (tags: readonly string[]) => sql`(select resource_id from tags where tag in (${sql.join(tags)}))`
  const split = (values: readonly string[]) => values.flatMap((value) => value.split(',')).filter((value) => value !== '')
  const id = sql.ref(`${table}.id`)
  const all = (tags: readonly string[]) => sql.join(tags.map((tag) => sql`${id} in (select resource_id from tags where tag = ${tag})`), sql` and `)
  const nothing = sql<SqlBool>`1 = 1`
  return {
    tags: (values) => (split(values).length === 0 ? nothing : sql<SqlBool>`(${all(split(values))})`),
    'tags-any': (values) => (split(values).length === 0 ? nothing : sql<SqlBool>`${id} in ${among(split(values))}`),
    'not-tags': (values) => (split(values).length === 0 ? nothing : sql<SqlBool>`not (${all(split(values))})`),
    'not-tags-any': (values) => (split(values).length === 0 ? nothing : sql<SqlBool>`${id} not in ${among(split(values))}`),
  }
}

const text = (column: string): ListedColumn => ({ column, kind: 'text' })
const flag = (column: string): ListedColumn => ({ column, kind: 'flag' })
const number = (column: string): ListedColumn => ({ column, kind: 'number' })

function standardColumns(table: string): ListedColumns {
  return {
    id: text(`${table}.id`), project_id: text(`${table}.project_id`), tenant_id: text(`${table}.project_id`),
    description: text(`${table}.description`), revision_number: number(`${table}.revision_number`),
    created_at: text(`${table}.created_at`), updated_at: text(`${table}.updated_at`),
  }
}

/** What of a table may be filtered and sorted by, under its wire names. */
export function listed(table: string, more: { readonly texts?: readonly string[]; readonly flags?: readonly string[]; readonly numbers?: readonly string[] }, renamed: ListedColumns = {}): ListedColumns {
  const columns: Record<string, ListedColumn> = { ...standardColumns(table) }
  for (const name of more.texts ?? []) columns[name] = text(`${table}.${name}`)
  for (const name of more.flags ?? []) columns[name] = flag(`${table}.${name}`)
  for (const name of more.numbers ?? []) columns[name] = number(`${table}.${name}`)
  return { ...columns, ...renamed }
}
