// One connection to PostgreSQL: values bound and read as SQLite has them, errors translated.
import pg from 'pg'
import type { CompiledQuery, QueryResult } from 'kysely'
import { ConnectionLost, ConstraintViolation, type ConstraintKind, UnbindableValue } from './errors.ts'

export interface PostgresLocation {
  /** `postgresql://user:password@host:port/database`; a socket's folder as `?host=/folder`. */
  readonly url: string
  /** Where the tables lie within the database: `nova_api`, `cell0`. */
  readonly schema: string
}

const connectTimeoutMilliseconds = 5_000
/** For what no deadline of ours reaches: a process that is gone without having said so. */
const serverSideLimitSeconds = 60

const constraintKinds: Readonly<Record<string, ConstraintKind>> = { '23502': 'not-null', '23503': 'foreign-key', '23505': 'unique', '23514': 'check' }

const readers: Readonly<Record<number, (text: string) => unknown>> = {
  16: (text) => (text === 't' ? 1 : 0), // boolean
  20: Number, 21: Number, 23: Number, 26: Number, // int8, int2, int4, oid
  700: Number, 701: Number, 1700: Number, // float4, float8, numeric: sums
  17: (text) => Buffer.from(text.slice(2), 'hex'), // bytea
}
const asText = (text: string) => text

const parsers = { getTypeParser: (type: number) => readers[type] ?? asText }

export class PostgresConnection {
  readonly #client: pg.Client
  readonly #location: PostgresLocation
  #lost = false
  #running = 0

  private constructor(location: PostgresLocation, client: pg.Client) {
    this.#location = location
    this.#client = client
    client.on('error', () => { this.#lost = true })
    client.on('end', () => { this.#lost = true })
  }

  /** @param readOnly every statement that would write is refused by the server */
  static async open(location: PostgresLocation, readOnly = false): Promise<PostgresConnection> {
    const settings = [
      `search_path=${quoted(location.schema).replaceAll(' ', '\\ ')}`, 'standard_conforming_strings=on',
      `default_transaction_isolation=${readOnly ? 'read\\ committed' : 'serializable'}`, `default_transaction_read_only=${readOnly ? 'on' : 'off'}`,
      `statement_timeout=${serverSideLimitSeconds}s`, `idle_in_transaction_session_timeout=${serverSideLimitSeconds}s`,
    ]
    const client = new pg.Client({
      connectionString: location.url, types: parsers, pipeline: true, application_name: 'nimbo', connectionTimeoutMillis: connectTimeoutMilliseconds,
      options: settings.map((setting) => `-c ${setting}`).join(' '),
    } as pg.ClientConfig)
    const connection = new PostgresConnection(location, client)
    try {
      await client.connect()
    } catch (error) {
      throw new ConnectionLost(error)
    }
    return connection
  }

  get isLost(): boolean {
    return this.#lost
  }

  get isBusy(): boolean {
    return this.#running > 0
  }

  async execute<R>({ sql, parameters }: Pick<CompiledQuery<unknown>, 'sql' | 'parameters'>): Promise<QueryResult<R>> {
    const values = parameters.map((value, index) => toPostgres(value, index, sql))
    const { command, rowCount, rows } = await this.#send(() => this.#client.query(sql, values))
    if (command === 'SELECT') return { rows: rows as R[] }
    return { numAffectedRows: BigInt(rowCount ?? 0), rows: rows as R[] }
  }

  /** Statements of our own without parameters, in one go. */
  async script(sql: string): Promise<readonly { readonly command: string; readonly rows: readonly unknown[] }[]> {
    const answer: unknown = await this.#send(() => this.#client.query(sql))
    return (Array.isArray(answer) ? answer : [answer]) as pg.QueryResult[]
  }

  /**
   * Whether the row that a unique key met can be seen from here. One that a transaction beside this one made cannot: what
   * this one read before, and found missing, is outdated then.
   */
  async seesRival(violation: unknown): Promise<boolean> {
    const { table, detail = '' } = violation as pg.DatabaseError
    const [, columns = '', values = ''] = /\(([^()]+)\)=\((.*)\)[^()]*$/s.exec(detail) ?? []
    const [names, texts] = [columns.split(', '), values.split(', ')]
    if (table === undefined || names.length !== texts.length) return false
    const same = names.map((name, index) => `${name} = $${index + 1}`).join(' and ')
    return (await this.execute({ sql: `select 1 from ${quoted(table)} where ${same} limit 1`, parameters: texts })).rows.length > 0
  }

  /** Asks the server to break off the statement that runs. */
  async cancel(): Promise<void> {
    const { processID, secretKey } = this.#client as unknown as { processID: number; secretKey: number }
    const other = new pg.Client({ connectionString: this.#location.url })
    const { connection } = other as unknown as { connection: pg.Connection & { connect(port: number | string, host?: string): void; cancel(id: number, key: number): void } }
    await new Promise<void>((resolve) => {
      connection.on('error', () => resolve())
      connection.on('end', () => resolve())
      connection.on('connect', () => connection.cancel(processID, secretKey))
      if (other.host.startsWith('/')) connection.connect(`${other.host}/.s.PGSQL.${other.port}`)
      else connection.connect(other.port, other.host)
    })
  }

  /** Waits for nothing: the server undoes what was open. */
  destroy(): void {
    this.#lost = true
    ;(this.#client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy()
  }

  async close(): Promise<void> {
    await this.#client.end().catch(() => undefined)
  }

  async #send<R>(run: () => Promise<R>): Promise<R> {
    this.#running++
    try {
      return await run()
    } catch (error) {
      throw this.#translate(error)
    } finally {
      this.#running--
    }
  }

  #translate(error: unknown): unknown {
    if (!(error instanceof pg.DatabaseError)) {
      this.#lost = true
      return new ConnectionLost(error)
    }
    const { code = '', table, column, constraint, detail } = error
    if (code.startsWith('57P')) this.#lost = true // shut down, or crashed
    if (this.#lost) return new ConnectionLost(error)
    const kind = constraintKinds[code]
    if (!kind) return error
    // `Key (network_id, mac_address)=(…) already exists.`, in whatever language the server speaks.
    const list = kind === 'unique' ? /\(([^()]+)\)=\(/.exec(detail ?? '')?.[1] : column
    const names = list === undefined ? [] : list.split(', ').map((name) => `${table}.${name.replaceAll('"', '')}`)
    return new ConstraintViolation(kind, constraint === undefined ? names : [...names, constraint], error)
  }
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

export function literalText(text: string): string {
  return pg.escapeLiteral(text)
}

/** Whether the same transaction may go through when it is run again: it met another one. */
export function isConflict(error: unknown): error is Error {
  return error instanceof ConnectionLost || (error instanceof pg.DatabaseError && (error.code === '40001' || error.code === '40P01'))
}

function toPostgres(value: unknown, index: number, sql: string): string | number | Uint8Array | null {
  switch (typeof value) {
    case 'string':
      return value
    case 'bigint':
      return value.toString()
    case 'number':
      if (!Number.isFinite(value)) throw new UnbindableValue(index + 1, String(value), sql)
      return value
    case 'boolean':
      return value ? 1 : 0
    case 'object':
      if (value === null || Buffer.isBuffer(value)) return value
      if (value instanceof Uint8Array) return Buffer.from(value)
      if (value instanceof Date) return value.toISOString()
      throw new UnbindableValue(index + 1, 'an object (store it with toJson)', sql)
    default:
      throw new UnbindableValue(index + 1, typeof value, sql)
  }
}
