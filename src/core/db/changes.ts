// The log of changes: each change of a state that an API shows leaves a row in `events`, written by the database itself in
// the transaction of the change, so that no way of changing a row can forget it.
import type { Migration } from './migrations.ts'

/** An event as its table holds it. The rest of the columns of JSON are objects, or null. */
export interface EventRow {
  /** Grows in the order of the commits, and is never used twice. */
  sequence: number
  /** Milliseconds since 1970. */
  time: number
  type: string
  project_id: string | null
  resource_type: string
  resource_id: string
  resource_name: string | null
  before: string | null
  after: string | null
  /** What else its owner may know: the ids of what it belongs to. */
  related: string | null
  /** What only admins may know: hosts, inner errors. */
  internals: string | null
  operation_id: string | null
  request_id: string | null
}

export interface EventTables {
  events: EventRow
}

export const eventMigration: Migration = {
  name: '900-events',
  async up(db) {
    await db.schema.createTable('events')
      // Numbers are given in the order of the commits, or a reader could pass one that appears later: SQLite has one writer,
      // and on PostgreSQL events are written at the end of a transaction, by one at a time (postgres-changes.ts).
      .addColumn('sequence', 'integer', (column) => column.primaryKey().autoIncrement())
      .addColumn('time', 'integer', (column) => column.notNull())
      .addColumn('type', 'text', (column) => column.notNull())
      .addColumn('project_id', 'text')
      .addColumn('resource_type', 'text', (column) => column.notNull())
      .addColumn('resource_id', 'text', (column) => column.notNull())
      .addColumn('resource_name', 'text')
      .addColumn('before', 'text')
      .addColumn('after', 'text')
      .addColumn('related', 'text')
      .addColumn('internals', 'text')
      .addColumn('operation_id', 'text')
      .addColumn('request_id', 'text')
      .execute()
  },
}

/** The words in which the engines differ. */
export interface EventSql {
  /** Whether one value is not the other, where NULL is a value. */
  differs(one: string, other: string): string
  /** JSON text of an object, from expressions by name. */
  object(members: Readonly<Record<string, string>>): string
  /** JSON text as a member of an object, instead of as a string. */
  parsed(text: string): string
  /** What stands before the first `separator`. */
  upTo(separator: string, text: string): string
}

/** One kind of change to a table, and the event that it leaves: SQL expressions over `old` and `new`. */
export interface Change {
  readonly name: string
  readonly table: string
  readonly on: 'insert' | 'delete' | { readonly updateOf: readonly string[] }
  readonly when?: (sql: EventSql) => string
  readonly event: (sql: EventSql) => Readonly<Partial<Record<Exclude<keyof EventRow, 'sequence' | 'time'>, string>>>
  /** A row of another table that the expressions use, as what follows `from`. */
  readonly from?: string
}

/** A table whose rows are resources with states. Names are columns. */
export interface Watched {
  /** What events call it: `server`, `volume`. */
  readonly type: string
  readonly table: string
  readonly id: string
  readonly project: string
  readonly name?: string
  /** A change of one of them is an event; before and after show all of them. */
  readonly states: readonly string[]
  readonly related?: Readonly<Record<string, string>>
  readonly internals?: Readonly<Record<string, string>>
  /** The state in which a row that stays is deleted, where rows are not removed; their later removal is no event. */
  readonly deletedWhen?: { readonly column: string; readonly is: string }
}

/** The events of a table: `<type>.created`, `<type>.state`, `<type>.deleted`. */
export function changesOf(watched: Watched): Change[] {
  const { type, table, states, deletedWhen } = watched
  const all = (row: 'old' | 'new') => Object.fromEntries(states.map((state) => [state, `${row}.${state}`]))
  const event = (sql: EventSql, row: 'old' | 'new', kind: string) => {
    const object = (columns: Readonly<Record<string, string>>) => sql.object(Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, `${row}.${column}`])))
    return {
      type: kind, resource_type: literal(type), resource_id: `${row}.${watched.id}`, project_id: `${row}.${watched.project}`,
      ...(watched.name !== undefined && { resource_name: `${row}.${watched.name}` }),
      ...(watched.related && { related: object(watched.related) }), ...(watched.internals && { internals: object(watched.internals) }),
    }
  }
  const changed = literal(`${type}.state`)
  return [
    { name: `${table}_created`, table, on: 'insert', event: (sql) => ({ ...event(sql, 'new', literal(`${type}.created`)), after: sql.object(all('new')) }) },
    {
      name: `${table}_state`, table, on: { updateOf: states }, when: (sql) => states.map((state) => sql.differs(`old.${state}`, `new.${state}`)).join(' or '),
      event: (sql) => ({
        ...event(sql, 'new', deletedWhen ? `case when new.${deletedWhen.column} = ${literal(deletedWhen.is)} then ${literal(`${type}.deleted`)} else ${changed} end` : changed),
        before: sql.object(all('old')), after: sql.object(all('new')),
      }),
    },
    ...(deletedWhen ? [] : [{
      name: `${table}_deleted`, table, on: 'delete' as const,
      event: (sql: EventSql) => ({ ...event(sql, 'old', literal(`${type}.deleted`)), before: sql.object(all('old')) }),
    }]),
  ]
}

export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** What a trigger of any engine is made from. */
export function partsOf({ on, when, event }: Change, sql: EventSql, given: Readonly<Record<'time' | 'operation_id' | 'request_id', string>>) {
  const columns = { ...given, ...event(sql) }
  return {
    timing: typeof on === 'string' ? on : `update of ${on.updateOf.join(', ')}`,
    when: when === undefined ? '' : ` when (${when(sql)})`,
    into: Object.keys(columns).map((name) => `"${name}"`).join(', '), values: Object.values(columns).join(', '),
  }
}

const members = (list: Readonly<Record<string, string>>) => Object.entries(list).map(([name, value]) => `${literal(name)}, ${value}`).join(', ')

const sqlite: EventSql = {
  differs: (one, other) => `${one} is not ${other}`,
  object: (list) => `json_object(${members(list)})`,
  parsed: (text) => `json(${text})`,
  upTo: (separator, text) => `substr(${text}, 1, instr(${text}, ${literal(separator)}) - 1)`,
}

/**
 * The trigger that writes the event. It belongs to our own connection only: whoever repairs a row with another tool needs
 * none of our functions. `nimbo_now()` and `nimbo_cause(…)` answer from the clock and the cause of the code that runs.
 */
export function triggerFor(change: Change): string {
  const { timing, when, into, values } = partsOf(change, sqlite, { time: 'nimbo_now()', operation_id: "nimbo_cause('operation')", request_id: "nimbo_cause('request')" })
  return `create temp trigger if not exists event_${change.name} after ${timing} on main.${change.table}${when} begin
    insert into events (${into}) select ${values}${change.from === undefined ? '' : ` from ${change.from}`};
  end`
}
