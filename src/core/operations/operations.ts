// The operations of one database: begun in the transaction that changes the resource, worked off by a worker.
import type { Capabilities, RequestContext } from '#core/context'
import { afterCommit, type Database, type Db } from '#core/db'
import { checkBody } from '#core/validation'
import type { Definition } from './definition.ts'
import { insertOperation, journal, openOperations, requestCancel } from './store.ts'
import type { OperationTables } from './tables.ts'
import { Worker } from './worker.ts'

export interface OperationsOptions<S> {
  readonly database: Database<any>
  readonly definitions: readonly Definition<S>[]
  readonly capabilities: Capabilities
  /** `host/role`: names whose leases end when that role starts anew on that host. */
  readonly owner: string
  readonly concurrency?: number
}

export interface Begin<I> {
  readonly resourceId: string
  readonly input: I
  readonly projectId?: string
  readonly deadlineSeconds?: number
}

/** The worker of this process. In others, whoever begins or cancels an operation lets it know over the bus. */
export interface Working {
  stop(): void
  /** There is something to claim. */
  wake(): void
  /** This operation was asked to stop. */
  cancel(operationId: string): void
  /** How many operations are held here. */
  readonly running: number
}

export interface Operations<S> {
  /** Write the operation beside the changed resource; the worker hears of it after the commit. @returns its id */
  begin<I>(tx: Db<any>, ctx: RequestContext, definition: Definition<S, I>, begin: Begin<I>): Promise<string>
  /** What is asked for is under way already, if it is: the answer names that, as if it had been begun now. @returns whether it is */
  join(tx: Db<any>, ctx: RequestContext, kind: string, resourceId: string): Promise<boolean>
  /** Ask all open operations on a resource, or those of one kind, but for `except`, to stop. @returns their ids */
  cancel(tx: Db<any>, resourceId: string, which?: { except?: string; kind?: string }): Promise<string[]>
  /** Resolves once no operation but `except` is open on a resource. */
  settled(resourceId: string, options: { except?: string; signal: AbortSignal }): Promise<void>
  /** Operation ids and kinds that are open on a resource. */
  open(resourceId: string): Promise<readonly { id: string; kind: string }[]>
  journal(operationId: string): ReturnType<typeof journal>
  /** Work them off in this process. */
  work(service: S): Working
}

export function createOperations<S>(options: OperationsOptions<S>): Operations<S> {
  const database = options.database as Database<OperationTables>
  const { clock, ids } = options.capabilities
  let worker: Worker<S> | undefined
  const waiting = new Map<string, Set<() => void>>()

  return {
    async begin(tx, ctx, definition, { resourceId, input, projectId, deadlineSeconds }) {
      const problem = checkBody(definition.input, JSON.parse(JSON.stringify(input)))
      if (problem !== undefined) throw new Error(`operation ${definition.kind}: ${problem}`)
      const id = ids.uuid()
      const now = clock.now()
      await insertOperation(tx, {
        id, kind: definition.kind, resource_id: resourceId, project_id: projectId ?? ctx.identity.projectId ?? null,
        input: JSON.stringify(input), identity: JSON.stringify(ctx.identity), request_id: ctx.requestId, trace_id: ctx.traceId ?? null,
        status: 'pending', position: 0, attempt: 0, epoch: 0, lease_owner: null, lease_until: null, cancel_requested: 0, not_before: null,
        deadline_at: new Date(now.getTime() + (deadlineSeconds ?? definition.deadlineSeconds) * 1000).toISOString(),
        fault: null, created_at: now.toISOString(), finished_at: null,
      })
      afterCommit(tx, () => {
        ctx.begun?.push(id)
        worker?.wake()
      })
      return id
    },
    async join(tx, ctx, kind, resourceId) {
      const open = (await openOperations(tx, resourceId)).filter((row) => row.kind === kind)
      afterCommit(tx, () => void ctx.begun?.push(...open.map(({ id }) => id)))
      return open.length > 0
    },
    async cancel(tx, resourceId, which = {}) {
      const cancelled = await requestCancel(tx, resourceId, which)
      afterCommit(tx, () => {
        for (const id of cancelled) worker?.cancel(id)
      })
      return cancelled
    },
    async settled(resourceId, { except, signal }) {
      for (;;) {
        signal.throwIfAborted()
        // Listen before looking: what ends between the two is heard.
        const end = listenForEnd(resourceId, signal)
        const open = (await openOperations(database.read, resourceId)).filter((row) => row.id !== except)
        if (open.length === 0) return end.stop()
        await end.heard
      }
    },
    open: (resourceId) => openOperations(database.read, resourceId),
    journal: (operationId) => journal(database.read, operationId),
    work(service) {
      worker = new Worker<S>({
        database, service, definitions: options.definitions, capabilities: options.capabilities,
        ownerPrefix: `${options.owner}/`, concurrency: options.concurrency ?? 64,
        ended: (resourceId) => {
          for (const tell of waiting.get(resourceId) ?? []) tell()
        },
      })
      worker.start()
      return worker
    },
  }

  /** Heard at an end on the resource, or after a while, to look at the rows for what ended elsewhere. */
  function listenForEnd(resourceId: string, signal: AbortSignal): { readonly heard: Promise<void>; stop(): void } {
    const { promise: heard, resolve } = Promise.withResolvers<void>()
    const set = waiting.get(resourceId) ?? new Set()
    waiting.set(resourceId, set)
    const stop = (): void => {
      timer.cancel()
      signal.removeEventListener('abort', stop)
      set.delete(stop)
      if (set.size === 0 && waiting.get(resourceId) === set) waiting.delete(resourceId)
      resolve()
    }
    const timer = clock.after(1000, stop)
    signal.addEventListener('abort', stop, { once: true })
    set.add(stop)
    return { heard, stop }
  }
}
