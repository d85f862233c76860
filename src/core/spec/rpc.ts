// An RPC interface, declared once and typed at both ends.
import type { Static, TSchema } from 'typebox'

export interface CastSpec<A extends TSchema = TSchema> {
  readonly kind: 'cast'
  readonly since: string
  readonly args: A
}

export interface CallSpec<A extends TSchema = TSchema, T extends TSchema = TSchema> {
  readonly kind: 'call'
  readonly since: string
  readonly timeoutSeconds: number
  readonly args: A
  readonly result: T
}

export type MethodSpec = CastSpec | CallSpec

/** Returns when the message is accepted; delivery may repeat, so what it starts is idempotent by id. */
export function cast<A extends TSchema>(spec: { since: string; args: A }): CastSpec<A> {
  return { kind: 'cast', ...spec }
}

/** Waits for the answer, at most `timeoutSeconds`. */
export function call<A extends TSchema, T extends TSchema>(spec: { since: string; timeoutSeconds: number; args: A; result: T }): CallSpec<A, T> {
  return { kind: 'call', ...spec }
}

export interface RpcInterface<M extends Readonly<Record<string, MethodSpec>> = Readonly<Record<string, MethodSpec>>> {
  readonly topic: string
  readonly version: string
  readonly methods: M
}

export function defineRpc<const M extends Readonly<Record<string, MethodSpec>>>(topic: string, version: string, methods: M): RpcInterface<M> {
  return { topic, version, methods }
}

export type ArgsOf<M extends MethodSpec> = Static<M['args']>
export type ResultOf<M extends MethodSpec> = M extends CallSpec<TSchema, infer T> ? Static<T> : void
