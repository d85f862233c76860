// How Kysely reaches a connection: one step from a compiled query to the statement, with no pool in between.
import {
  Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler,
  type CompiledQuery, type Dialect, type Driver, type KyselyPlugin, type QueryExecutor, type QueryId, type QueryResult,
  type RootOperationNode,
} from 'kysely'
import { WrongHandle } from './errors.ts'

/** What a handle needs of the database behind it. */
export interface QueryTarget {
  /** Runs a query now, or throws when the handle may not be used here. */
  query<R>(query: CompiledQuery<unknown>): Promise<QueryResult<R>>
}

// A compiler keeps no state between two compilations, and making one costs more than a compilation.
const compiler = new SqliteQueryCompiler()
const adapter = new SqliteAdapter()

const noPlugins: readonly KyselyPlugin[] = []

export class TargetExecutor<Target extends QueryTarget> implements QueryExecutor {
  readonly target: Target
  readonly plugins: readonly KyselyPlugin[]

  constructor(target: Target, plugins = noPlugins) {
    this.target = target
    this.plugins = plugins
  }

  get adapter(): SqliteAdapter {
    return adapter
  }

  transformQuery<T extends RootOperationNode>(node: T, queryId: QueryId): T {
    let transformed: RootOperationNode = node
    for (const plugin of this.plugins) transformed = plugin.transformQuery({ node: transformed, queryId })
    return transformed as T
  }

  compileQuery<R>(node: RootOperationNode, queryId: QueryId): CompiledQuery<R> {
    return compiler.compileQuery(node, queryId)
  }

  executeQuery<R>(query: CompiledQuery<unknown>): Promise<QueryResult<R>> {
    return this.plugins.length === 0 ? this.target.query<R>(query) : this.#executeWithPlugins<R>(query)
  }

  async #executeWithPlugins<R>(query: CompiledQuery<unknown>): Promise<QueryResult<R>> {
    let result = await this.target.query<R>(query)
    for (const plugin of this.plugins) {
      result = (await plugin.transformResult({ queryId: query.queryId, result: result as QueryResult<never> })) as QueryResult<R>
    }
    return result
  }

  async *stream<R>(query: CompiledQuery<unknown>): AsyncIterableIterator<QueryResult<R>> {
    yield await this.executeQuery<R>(query)
  }

  provideConnection(): Promise<never> {
    return Promise.reject(new WrongHandle('Connections are not handed out; use the handle, or Database.transaction'))
  }

  withConnectionProvider(): TargetExecutor<Target> {
    return this
  }

  withPlugin(plugin: KyselyPlugin): TargetExecutor<Target> {
    return new TargetExecutor(this.target, [...this.plugins, plugin])
  }

  withPlugins(plugins: readonly KyselyPlugin[]): TargetExecutor<Target> {
    return new TargetExecutor(this.target, [...this.plugins, ...plugins])
  }

  withPluginAtFront(plugin: KyselyPlugin): TargetExecutor<Target> {
    return new TargetExecutor(this.target, [plugin, ...this.plugins])
  }

  withoutPlugins(): TargetExecutor<Target> {
    return new TargetExecutor(this.target)
  }
}

const refuse = (): Promise<never> =>
  Promise.reject(new WrongHandle('Begin transactions with Database.transaction, not on a handle'))

/** Kysely's own ways to begin a transaction or to take a connection end here. */
const driver: Driver = {
  init: () => Promise.resolve(),
  acquireConnection: refuse,
  beginTransaction: refuse,
  commitTransaction: refuse,
  rollbackTransaction: refuse,
  releaseConnection: () => Promise.resolve(),
  destroy: () => Promise.resolve(),
}

const dialect: Dialect = {
  createDriver: () => driver,
  createQueryCompiler: () => compiler,
  createAdapter: () => adapter,
  createIntrospector: (db) => new SqliteIntrospector(db),
}

const config = { dialect }

export function handleOn<T>(target: QueryTarget): Kysely<T> {
  return new Kysely<T>({ config, dialect, driver, executor: new TargetExecutor(target) })
}
