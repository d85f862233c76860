// Carries out commands of operations on this host: one after the other for each server, written down, only for the lease
// that spoke last, and given up when their operation is called off.
import type { CallContext, RequestContext } from '#core/context'
import { Cancelled, describe } from '#core/errors'
import type { Runtime } from '#core/service'
import type { HostJournal } from './journal.ts'

export interface Told {
  readonly serverId: string
  readonly operation: { readonly id: string; readonly epoch: number }
}

export class Commands {
  readonly #runtime: Pick<Runtime, 'clock' | 'log'>
  readonly #journal: HostJournal
  readonly #queues = new Map<string, Promise<unknown>>()
  readonly #running = new Map<string, Set<{ readonly epoch: number; readonly abort: AbortController }>>()

  constructor(runtime: Pick<Runtime, 'clock' | 'log'>, journal: HostJournal) {
    this.#runtime = runtime
    this.#journal = journal
  }

  /** @throws StaleEpoch */
  async carryOut<T>(ctx: RequestContext, name: string, told: Told, work: (call: CallContext) => Promise<T>): Promise<T> {
    const { serverId, operation } = told
    this.#journal.admit(operation.id, operation.epoch)
    const abort = new AbortController()
    const running = this.#running.get(operation.id) ?? new Set()
    const own = { epoch: operation.epoch, abort }
    this.#running.set(operation.id, running.add(own))
    const before = this.#queues.get(serverId) ?? Promise.resolve()
    const mine = before.then(() => this.#do(ctx, name, told, abort.signal, work))
    const settled = mine.catch(() => undefined)
    this.#queues.set(serverId, settled)
    try {
      return await mine
    } finally {
      running.delete(own)
      if (running.size === 0) this.#running.delete(operation.id)
      if (this.#queues.get(serverId) === settled) this.#queues.delete(serverId)
    }
  }

  /** Whatever runs for this operation is to stop, but for what a later lease than `epoch` has told. */
  abandon(operationId: string, epoch = Number.MAX_SAFE_INTEGER): void {
    for (const each of this.#running.get(operationId) ?? []) if (each.epoch <= epoch) each.abort.abort(new Cancelled('The operation was called off.'))
  }

  abandonAll(reason: Error): void {
    for (const running of this.#running.values()) for (const { abort } of running) abort.abort(reason)
  }

  async #do<T>(ctx: RequestContext, command: string, { serverId, operation }: Told, signal: AbortSignal, work: (call: CallContext) => Promise<T>): Promise<T> {
    const { clock } = this.#runtime
    // Another lease may have spoken while this one waited for its turn.
    this.#journal.admit(operation.id, operation.epoch)
    signal.throwIfAborted()
    const note = (event: 'told' | 'done' | 'failed', message?: string) =>
      this.#journal.write(operation.id, { at: clock.now().toISOString(), command, serverId, epoch: operation.epoch, event, ...(message !== undefined && { message }) })
    await note('told')
    try {
      const result = await work({ signal, epoch: operation.epoch, log: ctx.log.child({ serverId, operation: operation.id, command }) })
      await note('done')
      return result
    } catch (error) {
      await note('failed', describe(error))
      throw error
    }
  }
}
