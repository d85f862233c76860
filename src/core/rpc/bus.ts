// RPC between the roles of one service. This bus joins roles in one process: no broker, but the same validation,
// copying, deadlines and queue limits as over one.
import { type Capabilities, type Identity, neverAborted, type RequestContext, withCause } from '#core/context'
import { BadRequest, DeadlineExceeded, errorClass, fromWireError, ServiceUnavailable, toWireError, type WireError } from '#core/errors'
import type { ArgsOf, MethodSpec, ResultOf, RpcInterface } from '#core/spec'
import { checkBody } from '#core/validation'

export type RpcServer<I extends RpcInterface> = {
  readonly [M in keyof I['methods']]: (ctx: RequestContext, args: ArgsOf<I['methods'][M]>) => Promise<ResultOf<I['methods'][M]>>
}

export type RpcMethods<I extends RpcInterface> = {
  readonly [M in keyof I['methods']]: (ctx: RequestContext, args: ArgsOf<I['methods'][M]>) => Promise<ResultOf<I['methods'][M]>>
}

export interface RpcClient<I extends RpcInterface> {
  /** The role on this host. */
  on(host: string): RpcMethods<I>
  /** Whichever role is free. */
  any(): RpcMethods<I>
  /** Every role that listens; for casts, and none listening is no error. */
  everyone(): RpcMethods<I>
}

/** What of a request travels along: never its token. */
export interface WireContext {
  readonly requestId: string
  readonly identity: Identity
  readonly globalRequestId?: string
  readonly traceId?: string
  readonly idempotencyKey?: string
  readonly operationId?: string
}

/** Whoever was asked went away, or the message did: it may have been done or not. What may be repeated is asked for again. */
export const AnswerLost = errorClass('AnswerLost', 503, 'bus.lost')

export interface Message {
  readonly method: string
  readonly ctx: WireContext
  readonly args: string
}

export type Answer = { readonly result: string | undefined } | { readonly error: WireError }

export interface Bus {
  serve<I extends RpcInterface>(spec: I, host: string, server: RpcServer<I>): { close(): void }
  /**
   * Settles once the message is accepted; its answer comes later.
   *
   * @throws ServiceUnavailable when nobody listens or the queue is full
   */
  send(topic: string, host: string | undefined, message: Message, everyone: boolean): Promise<{ readonly answer: Promise<Answer> }>
}

interface Listener {
  readonly host: string
  readonly handle: (message: Message) => Promise<Answer>
  inFlight: number
}

const queueLimit = 2000

export function wireContext(ctx: RequestContext): WireContext {
  const { requestId, identity, globalRequestId, traceId, idempotencyKey, operationId } = ctx
  return {
    requestId, identity,
    ...(globalRequestId !== undefined && { globalRequestId }),
    ...(traceId !== undefined && { traceId }),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    ...(operationId !== undefined && { operationId }),
  }
}

export function createLocalBus(capabilities: Capabilities): Bus {
  const listeners = new Map<string, Listener[]>()
  const turns = new Map<string, number>()

  return {
    serve(spec, host, server) {
      const listener: Listener = { host, inFlight: 0, handle: (message) => answerMessage(spec, server, message, capabilities) }
      const list = listeners.get(spec.topic) ?? []
      list.push(listener)
      listeners.set(spec.topic, list)
      return {
        close() {
          list.splice(list.indexOf(listener), 1)
        },
      }
    },
    async send(topic, host, message, everyone) {
      const list = (listeners.get(topic) ?? []).filter((each) => host === undefined || each.host === host)
      if (everyone) {
        for (const each of list) void deliver(each, message)
        return { answer: Promise.resolve({ result: undefined }) }
      }
      const turn = (turns.get(topic) ?? 0) + 1
      turns.set(topic, turn)
      const chosen = list[turn % list.length]
      if (!chosen) throw new ServiceUnavailable(`No ${topic} service answers.`, { topic, host }, host === undefined ? undefined : new Error(`nobody serves ${topic} on host ${host}`))
      if (chosen.inFlight >= queueLimit) throw new ServiceUnavailable(`The ${topic} service has more work queued than it takes; try again later.`, { topic, host })
      return { answer: deliver(chosen, message) }
    },
  }

  async function deliver(listener: Listener, message: Message): Promise<Answer> {
    listener.inFlight++
    try {
      return await listener.handle(message)
    } finally {
      listener.inFlight--
    }
  }
}

/** What a listener of any bus does with a message: checked, carried out, its error put into words that travel. */
export async function answerMessage<I extends RpcInterface>(spec: I, server: RpcServer<I>, message: Message, { log }: Capabilities): Promise<Answer> {
  const method = spec.methods[message.method]
  const run = server[message.method as keyof I['methods']]
  if (!method || !run) return { error: toWireError(new BadRequest(`${spec.topic} has no method ${message.method}.`)) }
  try {
    const args: unknown = JSON.parse(message.args)
    const problem = checkBody(method.args, args)
    if (problem !== undefined) throw new BadRequest(`${spec.topic}.${message.method}: ${problem}`)
    const ctx: RequestContext = { ...message.ctx, signal: neverAborted, log: log.child({ requestId: message.ctx.requestId }) }
    const result: unknown = await withCause(ctx, () => run(ctx, args as never))
    return { result: result === undefined ? undefined : JSON.stringify(result) }
  } catch (error) {
    const wire = toWireError(error)
    if (wire.status >= 500) log.error({ err: error, topic: spec.topic, method: message.method, requestId: message.ctx.requestId }, 'a remote call failed')
    return { error: wire }
  }
}

export function rpcClient<I extends RpcInterface>(bus: Bus, capabilities: Capabilities, spec: I): RpcClient<I> {
  const methodsFor = (host: string | undefined, everyone: boolean): RpcMethods<I> => {
    const methods: Record<string, (ctx: RequestContext, args: unknown) => Promise<unknown>> = {}
    for (const [name, method] of Object.entries(spec.methods)) {
      methods[name] = (ctx, args) => invoke(bus, capabilities, spec, name, method, host, everyone, ctx, args)
    }
    return methods as RpcMethods<I>
  }
  const any = methodsFor(undefined, false)
  const everyone = methodsFor(undefined, true)
  const hosts = new Map<string, RpcMethods<I>>()
  return {
    on(host) {
      let methods = hosts.get(host)
      if (!methods) hosts.set(host, (methods = methodsFor(host, false)))
      return methods
    },
    any: () => any,
    everyone: () => everyone,
  }
}

async function invoke(
  bus: Bus, { clock }: Capabilities, spec: RpcInterface, name: string, method: MethodSpec,
  host: string | undefined, everyone: boolean, ctx: RequestContext, args: unknown,
): Promise<unknown> {
  const message: Message = { method: name, ctx: wireContext(ctx), args: JSON.stringify(args) }
  if (method.kind === 'cast') {
    const problem = checkBody(method.args, JSON.parse(message.args))
    if (problem !== undefined) throw new BadRequest(`${spec.topic}.${name}: ${problem}`)
    await bus.send(spec.topic, host, message, everyone)
    return undefined
  }
  const { answer: pending } = await bus.send(spec.topic, host, message, false)
  const answer = await withDeadline(pending, method.timeoutSeconds, clock, ctx.signal, spec.topic, name)
  if ('error' in answer) throw fromWireError(answer.error)
  return answer.result === undefined ? undefined : (JSON.parse(answer.result) as unknown)
}

function withDeadline<T>(work: Promise<T>, seconds: number, clock: Capabilities['clock'], signal: AbortSignal, topic: string, method: string): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = clock.after(seconds * 1000, () => reject(new DeadlineExceeded(`The ${topic} service did not answer within ${seconds} s.`, {}, new Error(`${topic}.${method} was not answered`))))
    const stop = () => reject(signal.reason)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => {
      timer.cancel()
      signal.removeEventListener('abort', stop)
    })
  })
}
