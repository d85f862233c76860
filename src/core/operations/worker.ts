// Leases operations and carries them out: one step after the other, each journalled before the next begins,
// forwards or back, until the operation has an end.
import { type Capabilities, neverAborted, type RequestContext, type Timer, withCause } from '#core/context'
import type { Database } from '#core/db'
import { AppError, Cancelled, causesOf, DeadlineExceeded, describe, toWireError, willPass, type WireError } from '#core/errors'
import { type Definition, type OperationFault, type OperationRun, StartAgain, type Step } from './definition.ts'
import { claimable, forgetFinished, identityOf, journal, journalEnd, journalStart, lease, LeaseLost, moveOn, renewLeases, updateHeld } from './store.ts'
import type { OperationRow, OperationTables } from './tables.ts'

export interface WorkerOptions<S> {
  readonly database: Database<OperationTables>
  readonly definitions: readonly Definition<S>[]
  readonly service: S
  readonly capabilities: Capabilities
  /** Ours: `host/role/` with the incarnation behind it. */
  readonly ownerPrefix: string
  /** How many operations run side by side. */
  readonly concurrency: number
  /** Told after each end, for those that wait. */
  readonly ended?: (operationId: string, resourceId: string) => void
}

const leaseSeconds = 30
const renewEverySeconds = 10
const pollSeconds = 5
/** How long an operation rests that was put down. */
const putDownSeconds = 5
const keepFinishedDays = 7
/** How long a step that was told to stop may take to do so. */
const stopGraceSeconds = 20
const longestPauseSeconds = 60

interface Held {
  readonly row: OperationRow
  readonly definition: Definition
  /** Grows with each lease and each turn: what was sent before it is refused where it comes late. */
  epoch: number
  readonly abort: AbortController
  readonly ctx: RequestContext
  readonly results: Map<string, unknown>
  sequence: number
  status: OperationRow['status']
  position: number
  attempt: number
  fault: OperationFault | undefined
  /** The pivot was begun: only forward now. */
  committed: boolean
  /** Monotonic: until then the lease is ours for certain; later it may have run out and been taken. */
  sureUntil: number
}

/** Where an operation stands after a step. */
interface Advanced {
  readonly position: number
  readonly sequence: number
}

export class Worker<S> {
  readonly #options: WorkerOptions<S>
  readonly #definitions: Map<string, Definition<S>>
  readonly #owner: string
  readonly #held = new Map<string, Held>()
  readonly #timers = new Set<Timer>()
  #claiming = false
  #wanted = false
  /** There was more to claim than room for it. */
  #full = false
  #lastTurn: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: WorkerOptions<S>) {
    this.#options = options
    this.#definitions = new Map(options.definitions.map((definition) => [definition.kind, definition]))
    this.#owner = options.ownerPrefix + options.capabilities.ids.uuid()
  }

  start(): void {
    this.#every(pollSeconds, () => this.wake())
    this.#every(renewEverySeconds, () => void this.#renew())
    this.#every(3600, () => void this.#forget())
    this.wake()
  }

  /** Stop taking new work; what runs is told to stop and stays leased until a next incarnation resumes it. */
  stop(): void {
    this.#stopped = true
    for (const timer of this.#timers) timer.cancel()
    for (const held of this.#held.values()) held.abort.abort(new LeaseLost('This worker stops.'))
  }

  /** The doorbell: there is something to claim. */
  wake(): void {
    this.#wanted = true
    if (this.#claiming || this.#stopped) return
    this.#claiming = true
    void this.#claim().finally(() => {
      this.#claiming = false
      if (this.#wanted) this.wake()
    })
  }

  /** An operation that we hold was asked to stop. */
  cancel(operationId: string): void {
    const held = this.#held.get(operationId)
    if (held && mayStop(held)) held.abort.abort(new Cancelled('The operation was called off.'))
    else this.wake()
  }

  get running(): number {
    return this.#held.size
  }

  #every(seconds: number, run: () => void): void {
    const { clock } = this.#options.capabilities
    let timer: Timer
    const again = () => {
      this.#timers.delete(timer)
      if (this.#stopped) return
      timer = clock.after(seconds * 1000, () => {
        run()
        again()
      })
      this.#timers.add(timer)
    }
    timer = { cancel() {} }
    again()
  }

  /** One step in each turn of the event loop: whoever asks something of an API goes before the work behind it. */
  #turn(): Promise<void> {
    const { clock } = this.#options.capabilities
    this.#lastTurn = this.#lastTurn.then(() => clock.turn())
    return this.#lastTurn
  }

  async #claim(): Promise<void> {
    const { database, capabilities: { clock, log }, concurrency, ownerPrefix } = this.#options
    try {
      while (this.#wanted && !this.#stopped) {
        await this.#turn()
        this.#wanted = false
        const room = concurrency - this.#held.size
        this.#full = room <= 0
        if (this.#full) return
        const rows = (await claimable(database.read, clock.now().toISOString(), ownerPrefix, this.#owner, room)).filter((row) => !this.#held.has(row.id))
        for (const row of rows) await this.#take(row)
        if (rows.length === room) this.#wanted = true
      }
    } catch (error) {
      if (!this.#stopped) log.error({ err: error }, 'operations could not be claimed; trying again')
    }
  }

  async #take(row: OperationRow): Promise<void> {
    const { database, capabilities: { clock, log } } = this.#options
    const definition = this.#definitions.get(row.kind)
    if (!definition) return log.error({ operation: row.id, kind: row.kind }, 'an operation of unknown kind waits')
    const until = new Date(clock.now().getTime() + leaseSeconds * 1000).toISOString()
    const sureUntil = clock.monotonic() + leaseSeconds * 1000
    const fresh = row.status === 'pending'
    const first = definition.steps[0]
    const epoch = await database.transaction(async (tx) => {
      const mine = await lease(tx, row, this.#owner, until)
      if (mine !== undefined && fresh && first) {
        const now = clock.now().toISOString()
        await updateHeld(tx, row.id, mine, { status: 'running', attempt: 1 })
        await journalStart(tx, row.id, 1, first.name, 'run', 1, now)
      }
      return mine
    })
    if (epoch === undefined) return
    const held: Held = {
      row, definition, epoch, abort: new AbortController(), results: new Map(), sequence: 1,
      status: fresh ? 'running' : row.status, position: row.position, attempt: fresh ? 1 : row.attempt,
      fault: row.fault === null ? undefined : (JSON.parse(row.fault) as OperationFault),
      committed: pivotReached(definition, row.position) && row.status !== 'undoing', sureUntil,
      ctx: {
        requestId: row.request_id, operationId: row.id, identity: identityOf(row), signal: neverAborted, log: log.child({ operation: row.id, kind: row.kind }),
        ...(row.trace_id !== null && { traceId: row.trace_id }),
      },
    }
    this.#held.set(row.id, held)
    void withCause(held.ctx, () => this.#run(held, !fresh))
  }

  /** Read what the journal knows, after a takeover. */
  async #recall(held: Held): Promise<void> {
    const { steps } = held.definition
    for (const entry of await journal(this.#options.database.read, held.row.id)) {
      held.sequence = Math.max(held.sequence, entry.sequence)
      // What was undone before it started again has no result any more.
      if (entry.phase === 'undo') for (const later of steps.slice(Math.max(0, steps.findIndex(({ name }) => name === entry.step)))) held.results.delete(later.name)
      if (entry.phase === 'run' && entry.status === 'done' && entry.result !== null) held.results.set(entry.step, JSON.parse(entry.result))
    }
    const { definition } = held
    if (held.status === 'running' && definition.onCrash === 'undo' && !held.committed && held.row.lease_owner !== null) {
      await this.#turnBack(held, new AppError(500, 'interrupted', 'The service was interrupted while it worked on this.'))
      return
    }
    await this.#journalNext(held)
  }

  async #run(held: Held, takenOver: boolean): Promise<void> {
    const { capabilities: { clock, log }, ended } = this.#options
    const deadline = clock.after(Math.max(0, Date.parse(held.row.deadline_at) - clock.now().getTime()), () => {
      if (mayStop(held)) held.abort.abort(new DeadlineExceeded('It took longer than it may.'))
    })
    try {
      if (takenOver) await this.#recall(held)
      if (held.row.cancel_requested && mayStop(held)) held.abort.abort(new Cancelled('The operation was called off.'))
      while (held.status === 'running' || held.status === 'undoing') {
        await this.#turn()
        if (clock.monotonic() > held.sureUntil) await this.#makeSure(held)
        const waiting = held.status === 'running' ? await this.#forward(held) : await this.#back(held)
        if (waiting) return
      }
      ended?.(held.row.id, held.row.resource_id)
    } catch (error) {
      if (!this.#stopped) log[error instanceof LeaseLost ? 'warn' : 'error']({ err: error, operation: held.row.id, kind: held.row.kind }, 'an operation was put down')
      if (!(error instanceof LeaseLost) && !this.#stopped) await this.#putDown(held)
    } finally {
      deadline.cancel()
      this.#held.delete(held.row.id)
      if (this.#full) this.wake()
    }
  }

  /** Something outside the steps failed (the journal could not be written): another try later, by whoever leases it. */
  async #putDown(held: Held): Promise<void> {
    const { database, capabilities: { clock, log } } = this.#options
    const notBefore = new Date(clock.now().getTime() + putDownSeconds * 1000).toISOString()
    try {
      await database.transaction((tx) => updateHeld(tx, held.row.id, held.epoch, { lease_owner: null, lease_until: null, not_before: notBefore }))
    } catch (error) {
      log.warn({ err: error, operation: held.row.id }, 'the lease of an operation could not be given back; it will be tried again until it runs out')
      if (error instanceof LeaseLost) return
      const timer = clock.after(putDownSeconds * 1000, () => {
        this.#timers.delete(timer)
        if (!this.#stopped && clock.monotonic() < held.sureUntil) void this.#putDown(held)
      })
      this.#timers.add(timer)
    }
  }

  /** One step forward. @returns true when the operation waits for a later try */
  async #forward(held: Held): Promise<boolean> {
    const { database, service } = this.#options
    const current = held.definition.steps[held.position]
    if (!current) {
      await this.#finish(held, 'done')
      return false
    }
    if (current.pivot) held.committed = true
    const run = this.#view(held, held.committed ? neverAborted : held.abort.signal)
    // Only what the step itself throws is its failure: that its end could not be written down is not.
    let failed = false
    const own = async <T>(work: Promise<T>): Promise<T> => {
      try {
        return await work
      } catch (error) {
        failed = true
        throw error
      }
    }
    try {
      if (!held.committed && held.abort.signal.aborted) {
        failed = true
        throw held.abort.signal.reason
      }
      let after: Advanced
      if (current.commit) {
        const { commit } = current
        after = await database.transaction(async (tx) => {
          failed = false
          const result = await own(commit(tx as never, service, run))
          return this.#advance(tx, held, current, result)
        })
      } else {
        if (!current.run) throw new Error(`step ${current.name} has neither run nor commit`)
        const result = await own(this.#obey(current.run(service, run), run.signal))
        after = await database.transaction((tx) => this.#advance(tx, held, current, result))
      }
      // Only what was committed counts: a transaction that met another is run again from its beginning.
      held.position = after.position
      held.sequence = after.sequence
      held.attempt = 1
      if (after.position === held.definition.steps.length) held.status = 'done'
      return false
    } catch (error) {
      if (this.#stopped || error instanceof LeaseLost || willPass(error) || !failed) throw error
      const reason: unknown = held.abort.signal.aborted && !held.committed ? held.abort.signal.reason : error
      const again = held.committed || (held.attempt <= (current.retries ?? 0) && !held.abort.signal.aborted)
      // What was called off stops on purpose.
      const level = wasCalledOff(held, reason) ? 'info' : 'warn'
      run.log[level]({ err: error, step: current.name, attempt: held.attempt, again }, 'a step failed')
      if (again) return this.#pause(held, current, 'run', error)
      await this.#turnBack(held, reason, toWireError(reason))
      return false
    }
  }

  /** In the transaction that ends a step: its result, and the start of the next or the end of all. */
  async #advance(tx: Parameters<Parameters<Database<OperationTables>['transaction']>[0]>[0], held: Held, current: Step, result: unknown): Promise<Advanced> {
    const now = this.#options.capabilities.clock.now().toISOString()
    await journalEnd(tx, held.row.id, held.sequence, 'done', now, { result })
    held.results.set(current.name, result)
    const { steps } = held.definition
    const view = this.#view(held, neverAborted)
    let position = held.position + 1
    while (position < steps.length - 1 && steps[position]?.skip?.(view)) position++
    const next = steps[position]
    if (!next) {
      await updateHeld(tx, held.row.id, held.epoch, { position, status: 'done', finished_at: now, lease_owner: null, lease_until: null })
      return { position, sequence: held.sequence }
    }
    const sequence = held.sequence + 1
    await journalStart(tx, held.row.id, sequence, next.name, 'run', 1, now)
    await moveOn(tx, held.row.id, held.epoch, position)
    return { position, sequence }
  }

  async #turnBack(held: Held, reason: unknown, failed?: WireError): Promise<void> {
    const { database, capabilities: { clock } } = this.#options
    const current = held.definition.steps[held.position]
    const wire = toWireError(reason)
    const fault: OperationFault = {
      step: current?.name ?? '', status: wire.status, code: wire.code, message: describe(reason), cancelled: wasCalledOff(held, reason), ...behind(reason),
      ...(reason instanceof StartAgain && { again: reason.from }),
    }
    await database.transaction(async (tx) => {
      // The lease first: who has lost it writes nothing into the journal either.
      await updateHeld(tx, held.row.id, held.epoch, { status: 'undoing', attempt: 1, epoch: held.epoch + 1, fault: JSON.stringify(fault) })
      if (failed) await journalEnd(tx, held.row.id, held.sequence, 'failed', clock.now().toISOString(), { error: failed })
    })
    held.status = 'undoing'
    held.attempt = 1
    held.epoch++
    held.fault = fault
    await this.#journalNext(held)
  }

  async #journalNext(held: Held): Promise<void> {
    const { database, capabilities: { clock } } = this.#options
    const current = held.definition.steps[held.position]
    if (!current || (held.status === 'undoing' && !this.#undoes(held, current))) return
    held.sequence++
    await database.transaction((tx) => journalStart(tx, held.row.id, held.sequence, current.name, held.status === 'undoing' ? 'undo' : 'run', held.attempt, clock.now().toISOString()))
  }

  #undoes(held: Held, current: Step): boolean {
    return current.undo !== undefined && current.skip?.(this.#view(held, neverAborted)) !== true
  }

  /** One step back. @returns true when the operation waits for a later try */
  async #back(held: Held): Promise<boolean> {
    const { database, service, capabilities: { clock } } = this.#options
    const current = held.definition.steps[held.position]
    if (held.fault?.again !== undefined && held.abort.signal.aborted) await this.#undoWholly(held)
    const undoes = current !== undefined && this.#undoes(held, current)
    if (undoes && current.undo) {
      const run = this.#view(held, neverAborted)
      try {
        await current.undo(service, run)
      } catch (error) {
        if (this.#stopped || error instanceof LeaseLost || willPass(error)) throw error
        run.log.warn({ err: error, step: current.name, attempt: held.attempt }, 'an undo failed; it will be tried again')
        return this.#pause(held, current, 'undo', error)
      }
    }
    if (current && held.fault?.again === current.name) {
      // Called off meanwhile: the step is undone once more, and told why.
      if (!held.abort.signal.aborted) await this.#again(held, current)
      return false
    }
    if (held.position === 0) {
      await this.#finish(held, held.fault?.cancelled ? 'cancelled' : 'failed', undoes)
      return false
    }
    await database.transaction(async (tx) => {
      const now = clock.now().toISOString()
      if (undoes) await journalEnd(tx, held.row.id, held.sequence, 'done', now, {})
      await updateHeld(tx, held.row.id, held.epoch, { position: held.position - 1, attempt: 1 })
    })
    held.position--
    held.attempt = 1
    await this.#journalNext(held)
    return false
  }

  /** What was called off, or took too long, on its way to a new start. */
  async #undoWholly(held: Held): Promise<void> {
    const reason: unknown = held.abort.signal.reason
    const wire = toWireError(reason)
    const step = held.definition.steps[held.position]?.name ?? ''
    held.fault = { step, status: wire.status, code: wire.code, message: describe(reason), cancelled: reason instanceof Cancelled, ...behind(reason) }
    await this.#options.database.transaction((tx) => updateHeld(tx, held.row.id, held.epoch, { fault: JSON.stringify(held.fault) }))
  }

  /** The undo has come to where it starts again. */
  async #again(held: Held, current: Step): Promise<void> {
    const { database, capabilities: { clock } } = this.#options
    await database.transaction(async (tx) => {
      const now = clock.now().toISOString()
      if (this.#undoes(held, current)) await journalEnd(tx, held.row.id, held.sequence, 'done', now, {})
      await updateHeld(tx, held.row.id, held.epoch, { status: 'running', attempt: 1, epoch: held.epoch + 1, fault: null })
    })
    held.status = 'running'
    held.attempt = 1
    held.epoch++
    held.fault = undefined
    for (const later of held.definition.steps.slice(held.position)) held.results.delete(later.name)
    await this.#journalNext(held)
  }

  async #finish(held: Held, status: 'done' | 'failed' | 'cancelled', journalled = false): Promise<void> {
    const { database, service, capabilities: { clock } } = this.#options
    const { definition, fault } = held
    await database.transaction(async (tx) => {
      const now = clock.now().toISOString()
      if (journalled) await journalEnd(tx, held.row.id, held.sequence, 'done', now, {})
      if (status !== 'done' && definition.failed && fault) await definition.failed(tx as never, service, this.#view(held, neverAborted), fault)
      await updateHeld(tx, held.row.id, held.epoch, { status, finished_at: now, lease_owner: null, lease_until: null })
    })
    held.status = status
  }

  /** Note the failed try and leave the operation until its pause is over. */
  async #pause(held: Held, current: Step, phase: 'run' | 'undo', error: unknown): Promise<boolean> {
    const { database, capabilities: { clock } } = this.#options
    const pauseSeconds = Math.min(longestPauseSeconds, 0.25 * 2 ** Math.min(held.attempt, 12))
    const now = clock.now()
    await database.transaction(async (tx) => {
      await journalEnd(tx, held.row.id, held.sequence, 'failed', now.toISOString(), { error: toWireError(error) })
      await updateHeld(tx, held.row.id, held.epoch, {
        attempt: held.attempt + 1, lease_owner: null, lease_until: null,
        not_before: new Date(now.getTime() + pauseSeconds * 1000).toISOString(),
      })
    })
    held.ctx.log.info({ step: current.name, phase, pauseSeconds }, 'the step will be tried again')
    const timer = clock.after(pauseSeconds * 1000 + 20, () => {
      this.#timers.delete(timer)
      this.wake()
    })
    this.#timers.add(timer)
    return true
  }

  /** Wait for a step; once told to stop it has a while to do so, since its undo must not run beside it. */
  async #obey<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
    if (signal === neverAborted) return work
    const { clock } = this.#options.capabilities
    let timer: Timer | undefined
    const refused = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        timer = clock.after(stopGraceSeconds * 1000, () => reject(signal.reason))
      }, { once: true })
    })
    try {
      return await Promise.race([work, refused])
    } finally {
      timer?.cancel()
    }
  }

  #view(held: Held, signal: AbortSignal): OperationRun<never> {
    return {
      id: held.row.id, kind: held.row.kind, resourceId: held.row.resource_id, input: JSON.parse(held.row.input) as never,
      epoch: held.epoch, attempt: held.attempt, ctx: { ...held.ctx, signal }, signal, log: held.ctx.log,
      result: <T>(name: string) => held.results.get(name) as T | undefined,
      key: (name) => `${held.row.id}/${name}`,
      ...(held.fault && { fault: held.fault }),
    }
  }

  /**
   * This process was held up longer than a lease lasts. What a step does elsewhere, in placement for instance, asks nobody for
   * its epoch: before it does anything more, the lease is looked at. @throws LeaseLost
   */
  async #makeSure(held: Held): Promise<void> {
    const { database, capabilities: { clock } } = this.#options
    const sureUntil = clock.monotonic() + leaseSeconds * 1000
    const until = new Date(clock.now().getTime() + leaseSeconds * 1000).toISOString()
    await database.transaction((tx) => updateHeld(tx, held.row.id, held.epoch, { lease_owner: this.#owner, lease_until: until }))
    held.sureUntil = sureUntil
  }

  /** Only what is worked on: a lease that could not be given back runs out. */
  async #renew(): Promise<void> {
    if (this.#held.size === 0) return
    const { database, capabilities: { clock, log } } = this.#options
    const sureUntil = clock.monotonic() + leaseSeconds * 1000
    try {
      const renewed = await database.transaction((tx) => renewLeases(tx, this.#owner, [...this.#held.keys()], new Date(clock.now().getTime() + leaseSeconds * 1000).toISOString()))
      for (const held of this.#held.values()) if (renewed.has(held.row.id)) held.sureUntil = sureUntil
    } catch (error) {
      log.warn({ err: error }, 'leases could not be renewed')
    }
  }

  async #forget(): Promise<void> {
    const { database, capabilities: { clock, log } } = this.#options
    try {
      await database.transaction((tx) => forgetFinished(tx, new Date(clock.now().getTime() - keepFinishedDays * 86_400_000).toISOString()))
    } catch (error) {
      log.warn({ err: error }, 'old operations could not be removed')
    }
  }
}

/** It itself was, and not something that one of its steps asked for. */
function wasCalledOff({ abort: { signal } }: Held, reason: unknown): boolean {
  return signal.aborted && reason === signal.reason && reason instanceof Cancelled
}

/** Before the pivot, and not on its way back for good. */
function mayStop(held: Held): boolean {
  return !held.committed && (held.status !== 'undoing' || held.fault?.again !== undefined)
}

function pivotReached(definition: Definition, position: number): boolean {
  const at = definition.steps.findIndex((each) => each.pivot)
  return at >= 0 && position >= at
}

/** What asked to start again is not the cause but its messenger. */
function behind(reason: unknown): Pick<OperationFault, 'causes'> {
  const causes = causesOf(reason instanceof StartAgain ? reason.cause : reason)
  return causes.length === 0 ? {} : { causes }
}
