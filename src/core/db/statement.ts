// Statements of hot paths: built and compiled once per engine, then only bound and run.
import type { Compilable, CompiledQuery, Kysely, QueryResult } from 'kysely'

/** Stands for a value while a statement is built. */
class Parameter {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

const parameters = new Proxy({}, { get: (_target, name) => new Parameter(String(name)) })

/**
 * A statement whose SQL is the same at every run. `build` sees its parameters once, as placeholders: it may hand them to the
 * query and nothing else, so a list, whose length is part of the SQL, is none of them.
 */
export function statement<T, P extends object, R>(build: (db: Kysely<T>, parameters: P) => Compilable<R>): (db: Kysely<T>, values: P) => Promise<QueryResult<R>> {
  const compiledFor = new WeakMap<object, CompiledQuery<R>>()
  return (db, values) => {
    const { adapter } = db.getExecutor()
    let compiled = compiledFor.get(adapter)
    if (!compiled) compiledFor.set(adapter, (compiled = build(db, parameters as P).compile()))
    const bound = compiled.parameters.map((each) => (each instanceof Parameter ? (values as Record<string, unknown>)[each.name] : each))
    return db.getExecutor().executeQuery<R>({ ...compiled, parameters: bound })
  }
}
