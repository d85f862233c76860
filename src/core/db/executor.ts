// How Kysely reaches a connection: one step from a compiled query to the statement, with no pool in between.
import {
  Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler,
  type CompiledQuery, type DatabaseIntrospector, type Dialect, type DialectAdapter, type Driver, type KyselyPlugin, type QueryCompiler,
  type QueryExecutor, type QueryId, type QueryResult, type RootOperationNode,
} from 'kysely'
import { WrongHandle } from './errors.ts'

/** What a handle needs of the database behind it. */
export interface QueryTarget {
  /** Runs a query now, or throws when the handle may not be used here. */
  query<R>(query: CompiledQuery<unknown>): Promise<QueryResult<R>>
}

/** How an engine is spoken to. A compiler keeps no state between two compilations, and making one costs more than a compilation. */
export interface Language {
  readonly compiler: QueryCompiler
  readonly adapter: DialectAdapter
  readonly introspector: (db: Kysely<any>) => DatabaseIntrospector
}

const sqlite: Language = { compiler: new SqliteQueryCompiler(), adapter: new SqliteAdapter(), introspector: (db) => new SqliteIntrospector(db) }

const noPlugins: readonly KyselyPlugin[] = []

export class TargetExecutor<Target extends QueryTarget> implements QueryExecutor {
  readonly target: Target
  readonly language: Language
  readonly plugins: readonly KyselyPlugin[]

  constructor(target: Target, language: Language, plugins = noPlugins) {
    this.target = target
    this.language = language
    this.plugins = plugins
  }

  get adapter(): DialectAdapter {
    return this.language.adapter
  }

  transformQuery<T extends RootOperationNode>(node: T, queryId: QueryId): T {
    let transformed: RootOperationNode = node
    for (const plugin of this.plugins) transformed = plugin.transformQuery({ node: transformed, queryId })
    return transformed as T
  }

  compileQuery<R>(node: RootOperationNode, queryId: QueryId): CompiledQuery<R> {
    return this.language.compiler.compileQuery(node, queryId)
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
    return new TargetExecutor(this.target, this.language, [...this.plugins, plugin])
  }

  withPlugins(plugins: readonly KyselyPlugin[]): TargetExecutor<Target> {
    return new TargetExecutor(this.target, this.language, [...this.plugins, ...plugins])
  }

  withPluginAtFront(plugin: KyselyPlugin): TargetExecutor<Target> {
    return new TargetExecutor(this.target, this.language, [plugin, ...this.plugins])
  }

  withoutPlugins(): TargetExecutor<Target> {
    return new TargetExecutor(this.target, this.language)
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

interface Props {
  readonly config: { readonly dialect: Dialect }
  readonly dialect: Dialect
  readonly driver: Driver
}

const propsOf = new WeakMap<Language, Props>()

export function handleOn<T>(target: QueryTarget, language = sqlite): Kysely<T> {
  let props = propsOf.get(language)
  if (!props) {
    const { compiler, adapter, introspector } = language
    const dialect: Dialect = { createDriver: () => driver, createQueryCompiler: () => compiler, createAdapter: () => adapter, createIntrospector: introspector }
    propsOf.set(language, (props = { config: { dialect }, dialect, driver }))
  }
  return new Kysely<T>({ ...props, executor: new TargetExecutor(target, language) })
}
