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
      // SQLite has one writer, so numbers are given in the order of the commits. PostgreSQL hands them out before: there a
      // transaction that changes something must hold one advisory lock from its first event to its commit, or readers
      // must stop below the oldest transaction that is still open; else a reader could pass a number that appears later.
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

/** One kind of change to a table, and the event that it leaves: SQL expressions over `old` and `new`. */
export interface Change {
  readonly name: string
  readonly table: string
  readonly on: 'insert' | 'delete' | { readonly updateOf: readonly string[] }
  readonly when?: string
  readonly event: Readonly<Partial<Record<Exclude<keyof EventRow, 'sequence' | 'time'>, string>>>
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
  const event = (row: 'old' | 'new', kind: string) => ({
    type: kind, resource_type: literal(type), resource_id: `${row}.${watched.id}`, project_id: `${row}.${watched.project}`,
    ...(watched.name !== undefined && { resource_name: `${row}.${watched.name}` }),
    ...(watched.related && { related: object(row, watched.related) }), ...(watched.internals && { internals: object(row, watched.internals) }),
  })
  const all = Object.fromEntries(states.map((state) => [state, state]))
  const changed = literal(`${type}.state`)
  return [
    { name: `${table}_created`, table, on: 'insert', event: { ...event('new', literal(`${type}.created`)), after: object('new', all) } },
    {
      name: `${table}_state`, table, on: { updateOf: states }, when: states.map((state) => `old.${state} is not new.${state}`).join(' or '),
      event: {
        ...event('new', deletedWhen ? `case when new.${deletedWhen.column} = ${literal(deletedWhen.is)} then ${literal(`${type}.deleted`)} else ${changed} end` : changed),
        before: object('old', all), after: object('new', all),
      },
    },
    ...(deletedWhen ? [] : [{ name: `${table}_deleted`, table, on: 'delete' as const, event: { ...event('old', literal(`${type}.deleted`)), before: object('old', all) } }]),
  ]
}

export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

function object(row: 'old' | 'new', columns: Readonly<Record<string, string>>): string {
  return `json_object(${Object.entries(columns).map(([name, column]) => `${literal(name)}, ${row}.${column}`).join(', ')})`
}

/**
 * The trigger that writes the event. It belongs to our own connection only: whoever repairs a row with another tool needs
 * none of our functions. `nimbo_now()` and `nimbo_cause(…)` answer from the clock and the cause of the code that runs.
 */
export function triggerFor({ name, table, on, when, event, from }: Change): string {
  const columns = { time: 'nimbo_now()', operation_id: "nimbo_cause('operation')", request_id: "nimbo_cause('request')", ...event }
  const timing = typeof on === 'string' ? on : `update of ${on.updateOf.join(', ')}`
  return `create temp trigger if not exists event_${name} after ${timing} on main.${table}${when === undefined ? '' : ` when ${when}`} begin
    insert into events (${Object.keys(columns).join(', ')}) select ${Object.values(columns).join(', ')}${from === undefined ? '' : ` from ${from}`};
  end`
}
