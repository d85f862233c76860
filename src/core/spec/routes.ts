// The API as a table: method, path, versions, schemas, policy, replies and faults of each route, stated once.
import type { Static, TSchema } from 'typebox'

/** A schema per version, keyed by the first version it serves; the next key ends it. */
export interface Versioned<M extends Readonly<Record<string, TSchema | null>> = Readonly<Record<string, TSchema | null>>> {
  readonly versioned: M
}

export function versioned<const M extends Readonly<Record<string, TSchema | null>>>(byVersion: M): Versioned<M> {
  return { versioned: byVersion }
}

/** The body is handed on as a stream of bytes. */
export const stream = Symbol('stream')
export type Stream = typeof stream

/** A rule that the domain checks itself once the object is known. */
export interface Deferred {
  readonly deferred: readonly string[]
}

export function deferred(...rules: string[]): Deferred {
  return { deferred: rules }
}

/** No token is asked for. */
export const anonymous = Symbol('anonymous')
/** A token is asked for, and nothing else. */
export const authenticated = Symbol('authenticated')

/** A body is JSON whatever it says of itself. */
export const anyType = ['application/json', '*/*'] as const

export type RoutePolicy = string | Deferred | typeof anonymous | typeof authenticated

export type BodySpec = TSchema | Versioned | Stream
export type ReplySpec = TSchema | Versioned | Stream | null

export interface RouteSpec {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below the service's prefix; parameters as `:name`. */
  readonly path: string
  readonly summary: string
  readonly policy: RoutePolicy
  /** The only key of the body, for `POST …/action` routes that share a path. */
  readonly action?: string
  /** First version that has the route. */
  readonly since?: string
  /** Last version that has it. */
  readonly until?: string
  readonly params?: TSchema
  readonly query?: TSchema | Versioned
  readonly body?: BodySpec
  /** Media types of the body, where it is not `application/json`. The first is documented. */
  readonly accepts?: readonly string[]
  /** Largest body taken, in bytes; 112 KiB where it is not said. */
  readonly maxBodyBytes?: number
  /** A body may be left out. */
  readonly bodyOptional?: true
  readonly reply: Readonly<Record<number, ReplySpec>>
  readonly faults: readonly number[]
}

export interface RouteTable<R extends Readonly<Record<string, RouteSpec>> = Readonly<Record<string, RouteSpec>>> {
  readonly service: string
  readonly routes: R
}

export function defineRoutes<const R extends Readonly<Record<string, RouteSpec>>>(service: string, routes: R): RouteTable<R> {
  return { service, routes }
}

type SchemaValue<S> = S extends TSchema ? Static<S> : S extends null ? undefined : never

/** The value behind a schema, over all its versions. */
export type ValueOf<S> = S extends Versioned<infer M> ? SchemaValue<M[keyof M]> : S extends Stream ? AsyncIterable<Uint8Array> : S extends TSchema ? Static<S> : undefined

type Params<R extends RouteSpec> = R['params'] extends TSchema ? Static<R['params']> : Readonly<Record<PathParameters<R['path']>, string>>

type PathParameters<P extends string> = P extends `${string}:${infer Name}/${infer Rest}` ? Name | PathParameters<`/${Rest}`> : P extends `${string}:${infer Name}` ? Name : never

export interface RouteInput<R extends RouteSpec> {
  readonly params: Params<R>
  readonly query: R['query'] extends TSchema | Versioned ? ValueOf<R['query']> : Readonly<Record<string, string | string[]>>
  readonly body: R['body'] extends BodySpec ? (R['bodyOptional'] extends true ? ValueOf<R['body']> | undefined : ValueOf<R['body']>) : undefined
}

type ReplyBody<S> = S extends null ? { readonly body?: undefined } : S extends Stream ? { readonly body: AsyncIterable<Uint8Array> } : { readonly body: ValueOf<S> }

export type RouteReply<R extends RouteSpec> = {
  [S in keyof R['reply'] & number]: { readonly status: S; readonly headers?: Readonly<Record<string, string>> } & ReplyBody<R['reply'][S]>
}[keyof R['reply'] & number]
