// One leased operation, carried out: step after step, each journalled before the next begins, forwards or back, until it has an end.
import { type Capabilities, neverAborted, type RequestContext, type Timer, withCause } from '#core/context'
import type { Database, Db } from '#core/db'
import { AppError, Cancelled, causesOf, DeadlineExceeded, describe, toWireError, willPass, type WireError } from '#core/errors'
import { type Definition, type OperationFault, type OperationRun, StartAgain, type Step } from './definition.ts'
import { identityOf, journal, journalEnd, journalStart, LeaseLost, moveOn, updateHeld } from './store.ts'
import type { OperationRow, OperationTables } from './tables.ts'

/** How long a lease lasts that is not renewed. */
export const leaseSeconds = 30
/** How long an operation rests that was put down. */
const putDownSeconds = 5
/** How long a step that was told to stop may take to do so. */
const stopGraceSeconds = 20
const longestPauseSeconds = 60

/** What the worker that holds the lease lends to what it carries out. */
export interface Workplace<S> {
  readonly database: Database<OperationTables>
  readonly service: S
  readonly capabilities: Capabilities
  /** In whose name the lease stands. */
  readonly owner: string
  /** Nothing is written any more: a next incarnation goes on from the journal. */
  readonly stopped: boolean
  /** Until the next step may begin. */
  turn(): Promise<void>
  /** Unless the worker stops first. */
  after(milliseconds: number, run: () => void): void
  /** There is something to claim. */
  wake(): void
  /** There is room for another operation. */
  vacate(): void
}

/** A lease as it was just taken. */
export interface Lease {
  readonly epoch: number
  /** Monotonic: until then it is ours for certain; later it may have run out and been taken. */
  readonly sureUntil: number
}

/** Where an operation stands after a step. */
interface Advanced {
  readonly position: number
  readonly sequence: number
}

export class Execution<S> {
  readonly row: OperationRow
  readonly #place: Workplace<S>
  readonly #definition: Definition<S>
  readonly #takenOver: boolean
  readonly #abort = new AbortController()
  /** What may not be called off any more ends with its worker all the same. */
  readonly #leaves = new AbortController()
  readonly #ctx: RequestContext
  readonly #results = new Map<string, unknown>()
  /** Grows with each lease and each turn: what was sent before it is refused where it comes late. */
  #epoch: number
  #sureUntil: number
  #sequence = 1
  #status: OperationRow['status']
  #position: number
  #attempt: number
  #fault: OperationFault | undefined
  /** The pivot was begun: only forward now. */
  #committed: boolean
  /** So many waits of it are under way that take no room. */
  #asides = 0

  /** Of a row as it was before its lease was taken. */
  constructor(place: Workplace<S>, definition: Definition<S>, row: OperationRow, { epoch, sureUntil }: Lease) {
    const fresh = row.status === 'pending'
    this.row = row
    this.#place = place
    this.#definition = definition
    this.#takenOver = !fresh
    this.#epoch = epoch
    this.#sureUntil = sureUntil
    this.#status = fresh ? 'running' : row.status
    this.#position = row.position
    this.#attempt = fresh ? 1 : row.attempt
    this.#fault = row.fault === null ? undefined : (JSON.parse(row.fault) as OperationFault)
    this.#committed = pivotReached(definition, row.position) && row.status !== 'undoing'
    this.#ctx = {
      requestId: row.request_id, operationId: row.id, identity: identityOf(row), signal: neverAborted,
      log: place.capabilities.log.child({ operation: row.id, kind: row.kind }), ...(row.trace_id !== null && { traceId: row.trace_id }),
    }
  }

  /** It waits for others, and takes no room meanwhile. */
  get isAside(): boolean {
    return this.#asides > 0
  }

  /** The lease was renewed. */
  sureUntil(monotonic: number): void {
    this.#sureUntil = monotonic
  }

  /** The operation was asked to stop. @returns false when it is too late for that, or not its turn */
  cancel(): boolean {
    if (!this.#mayStop) return false
    this.#abort.abort(new Cancelled('The operation was called off.'))
    return true
  }

  /** The worker goes: what runs is told to stop, and goes on with the next incarnation. */
  stop(): void {
    const reason = new LeaseLost('This worker stops.')
    this.#abort.abort(reason)
    this.#leaves.abort(reason)
  }

  /** @returns true when the operation has its end; false when it waits for a later try, or was put down */
  run(): Promise<boolean> {
    return withCause(this.#ctx, () => this.#run())
  }

  async #run(): Promise<boolean> {
    const { capabilities: { clock, log } } = this.#place
    const deadline = clock.after(Math.max(0, Date.parse(this.row.deadline_at) - clock.now().getTime()), () => {
      if (this.#mayStop) this.#abort.abort(new DeadlineExceeded('It took longer than it may.'))
    })
    try {
      if (this.#takenOver) await this.#recall()
      if (this.row.cancel_requested) this.cancel()
      while (this.#status === 'running' || this.#status === 'undoing') {
        await this.#place.turn()
        if (clock.monotonic() > this.#sureUntil) await this.#makeSure()
        const waiting = this.#status === 'running' ? await this.#forward() : await this.#back()
        if (waiting) return false
      }
      return true
    } catch (error) {
      if (!this.#place.stopped) log[error instanceof LeaseLost ? 'warn' : 'error']({ err: error, operation: this.row.id, kind: this.row.kind }, 'an operation was put down')
      if (!(error instanceof LeaseLost) && !this.#place.stopped) await this.#putDown()
      return false
    } finally {
      deadline.cancel()
    }
  }

  /** Read what the journal knows, after a takeover. */
  async #recall(): Promise<void> {
    const { steps, onCrash } = this.#definition
    for (const entry of await journal(this.#place.database.read, this.row.id)) {
      this.#sequence = Math.max(this.#sequence, entry.sequence)
      // What was undone before it started again has no result any more.
      if (entry.phase === 'undo') for (const later of steps.slice(Math.max(0, steps.findIndex(({ name }) => name === entry.step)))) this.#results.delete(later.name)
      if (entry.phase === 'run' && entry.status === 'done' && entry.result !== null) this.#results.set(entry.step, JSON.parse(entry.result))
    }
    if (this.#status === 'running' && onCrash === 'undo' && !this.#committed && this.row.lease_owner !== null) {
      await this.#turnBack(new AppError(500, 'interrupted', 'The service was interrupted while it worked on this.'))
      return
    }
    await this.#journalNext()
  }

  /** One step forward. @returns true when the operation waits for a later try */
  async #forward(): Promise<boolean> {
    const { database, service } = this.#place
    const { signal } = this.#abort
    const current = this.#definition.steps[this.#position]
    if (!current) {
      await this.#finish('done')
      return false
    }
    if (current.pivot) this.#committed = true
    const run = this.#view(this.#committed ? this.#leaves.signal : signal)
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
      if (!this.#committed && signal.aborted) {
        failed = true
        throw signal.reason
      }
      let after: Advanced
      if (current.commit) {
        const { commit } = current
        after = await database.transaction(async (tx) => {
          failed = false
          const result = await own(commit(tx, service, run))
          return this.#advance(tx, current, result)
        })
      } else {
        if (!current.run) throw new Error(`step ${current.name} has neither run nor commit`)
        const result = await own(this.#obey(current.run(service, run), run.signal))
        after = await database.transaction((tx) => this.#advance(tx, current, result))
      }
      // Only what was committed counts: a transaction that met another is run again from its beginning.
      this.#position = after.position
      this.#sequence = after.sequence
      this.#attempt = 1
      if (after.position === this.#definition.steps.length) this.#status = 'done'
      return false
    } catch (error) {
      if (this.#place.stopped || error instanceof LeaseLost || willPass(error) || !failed) throw error
      const reason: unknown = signal.aborted && !this.#committed ? signal.reason : error
      const again = this.#committed || (this.#attempt <= (current.retries ?? 0) && !signal.aborted)
      // What was called off stops on purpose.
      const level = this.#wasCalledOff(reason) ? 'info' : 'warn'
      run.log[level]({ err: error, step: current.name, attempt: this.#attempt, again }, 'a step failed')
      if (again) return this.#pause(current, 'run', error)
      await this.#turnBack(reason, toWireError(reason))
      return false
    }
  }

  /** In the transaction that ends a step: its result, and the start of the next or the end of all. */
  async #advance(tx: Db<OperationTables>, current: Step, result: unknown): Promise<Advanced> {
    const now = this.#place.capabilities.clock.now().toISOString()
    await journalEnd(tx, this.row.id, this.#sequence, 'done', now, { result })
    this.#results.set(current.name, result)
    const { steps } = this.#definition
    const view = this.#view(neverAborted)
    let position = this.#position + 1
    while (position < steps.length - 1 && steps[position]?.skip?.(view)) position++
    const next = steps[position]
    if (!next) {
      await updateHeld(tx, this.row.id, this.#epoch, { position, status: 'done', finished_at: now, lease_owner: null, lease_until: null })
      return { position, sequence: this.#sequence }
    }
    const sequence = this.#sequence + 1
    await journalStart(tx, this.row.id, sequence, next.name, 'run', 1, now)
    await moveOn(tx, this.row.id, this.#epoch, position)
    return { position, sequence }
  }

  async #turnBack(reason: unknown, failed?: WireError): Promise<void> {
    const { database, capabilities: { clock } } = this.#place
    const fault: OperationFault = {
      ...this.#faultOf(reason, this.#wasCalledOff(reason)), ...(reason instanceof StartAgain && { again: reason.from }),
    }
    await database.transaction(async (tx) => {
      // The lease first: who has lost it writes nothing into the journal either.
      await updateHeld(tx, this.row.id, this.#epoch, { status: 'undoing', attempt: 1, epoch: this.#epoch + 1, fault: JSON.stringify(fault) })
      if (failed) await journalEnd(tx, this.row.id, this.#sequence, 'failed', clock.now().toISOString(), { error: failed })
    })
    this.#status = 'undoing'
    this.#attempt = 1
    this.#epoch++
    this.#fault = fault
    await this.#journalNext()
  }

  async #journalNext(): Promise<void> {
    const { database, capabilities: { clock } } = this.#place
    const current = this.#definition.steps[this.#position]
    if (!current || (this.#status === 'undoing' && !this.#undoes(current))) return
    this.#sequence++
    await database.transaction((tx) => journalStart(tx, this.row.id, this.#sequence, current.name, this.#status === 'undoing' ? 'undo' : 'run', this.#attempt, clock.now().toISOString()))
  }

  #undoes(current: Step): boolean {
    return current.undo !== undefined && current.skip?.(this.#view(neverAborted)) !== true
  }

  /** One step back. @returns true when the operation waits for a later try */
  async #back(): Promise<boolean> {
    const { database, service, capabilities: { clock } } = this.#place
    const current = this.#definition.steps[this.#position]
    if (this.#fault?.again !== undefined && this.#abort.signal.aborted) await this.#undoWholly()
    const undoes = current !== undefined && this.#undoes(current)
    if (undoes && current.undo) {
      const run = this.#view(this.#leaves.signal)
      try {
        await current.undo(service, run)
      } catch (error) {
        if (this.#place.stopped || error instanceof LeaseLost || willPass(error)) throw error
        run.log.warn({ err: error, step: current.name, attempt: this.#attempt }, 'an undo failed; it will be tried again')
        return this.#pause(current, 'undo', error)
      }
    }
    if (current && this.#fault?.again === current.name) {
      // Called off meanwhile: the step is undone once more, and told why.
      if (!this.#abort.signal.aborted) await this.#again(current)
      return false
    }
    if (this.#position === 0) {
      await this.#finish(this.#fault?.cancelled ? 'cancelled' : 'failed', undoes)
      return false
    }
    await database.transaction(async (tx) => {
      const now = clock.now().toISOString()
      if (undoes) await journalEnd(tx, this.row.id, this.#sequence, 'done', now, {})
      await updateHeld(tx, this.row.id, this.#epoch, { position: this.#position - 1, attempt: 1 })
    })
    this.#position--
    this.#attempt = 1
    await this.#journalNext()
    return false
  }

  /** What was called off, or took too long, on its way to a new start. */
  async #undoWholly(): Promise<void> {
    const reason: unknown = this.#abort.signal.reason
    this.#fault = this.#faultOf(reason, reason instanceof Cancelled)
    await this.#place.database.transaction((tx) => updateHeld(tx, this.row.id, this.#epoch, { fault: JSON.stringify(this.#fault) }))
  }

  /** The undo has come to where it starts again. */
  async #again(current: Step): Promise<void> {
    const { database, capabilities: { clock } } = this.#place
    await database.transaction(async (tx) => {
      const now = clock.now().toISOString()
      if (this.#undoes(current)) await journalEnd(tx, this.row.id, this.#sequence, 'done', now, {})
      await updateHeld(tx, this.row.id, this.#epoch, { status: 'running', attempt: 1, epoch: this.#epoch + 1, fault: null })
    })
    this.#status = 'running'
    this.#attempt = 1
    this.#epoch++
    this.#fault = undefined
    for (const later of this.#definition.steps.slice(this.#position)) this.#results.delete(later.name)
    await this.#journalNext()
  }

  async #finish(status: 'done' | 'failed' | 'cancelled', journalled = false): Promise<void> {
    const { database, service, capabilities: { clock } } = this.#place
    await database.transaction(async (tx) => {
      const now = clock.now().toISOString()
      if (journalled) await journalEnd(tx, this.row.id, this.#sequence, 'done', now, {})
      if (status !== 'done' && this.#fault) await this.#definition.failed?.(tx, service, this.#view(neverAborted), this.#fault)
      await updateHeld(tx, this.row.id, this.#epoch, { status, finished_at: now, lease_owner: null, lease_until: null })
    })
    this.#status = status
  }

  /** Note the failed try and leave the operation until its pause is over. */
  async #pause(current: Step, phase: 'run' | 'undo', error: unknown): Promise<boolean> {
    const { database, capabilities: { clock } } = this.#place
    const pauseSeconds = Math.min(longestPauseSeconds, 0.25 * 2 ** Math.min(this.#attempt, 12))
    const now = clock.now()
    await database.transaction(async (tx) => {
      await journalEnd(tx, this.row.id, this.#sequence, 'failed', now.toISOString(), { error: toWireError(error) })
      await updateHeld(tx, this.row.id, this.#epoch, {
        attempt: this.#attempt + 1, lease_owner: null, lease_until: null,
        not_before: new Date(now.getTime() + pauseSeconds * 1000).toISOString(),
      })
    })
    this.#ctx.log.info({ step: current.name, phase, pauseSeconds }, 'the step will be tried again')
    this.#place.after(pauseSeconds * 1000 + 20, () => this.#place.wake())
    return true
  }

  /** Something outside the steps failed (the journal could not be written): another try later, by whoever leases it. */
  async #putDown(): Promise<void> {
    const { database, capabilities: { clock, log } } = this.#place
    const notBefore = new Date(clock.now().getTime() + putDownSeconds * 1000).toISOString()
    try {
      await database.transaction((tx) => updateHeld(tx, this.row.id, this.#epoch, { lease_owner: null, lease_until: null, not_before: notBefore }))
    } catch (error) {
      log.warn({ err: error, operation: this.row.id }, 'the lease of an operation could not be given back; it will be tried again until it runs out')
      if (error instanceof LeaseLost) return
      this.#place.after(putDownSeconds * 1000, () => {
        if (clock.monotonic() < this.#sureUntil) void this.#putDown()
      })
    }
  }

  /** Wait for a step; once told to stop it has a while to do so, since its undo must not run beside it. */
  async #obey<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
    if (signal === neverAborted) return work
    const { clock } = this.#place.capabilities
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

  #view(signal: AbortSignal): OperationRun<never> {
    const { id, kind, resource_id: resourceId, input } = this.row
    return {
      id, kind, resourceId, input: JSON.parse(input) as never,
      epoch: this.#epoch, attempt: this.#attempt, ctx: { ...this.#ctx, signal }, signal, log: this.#ctx.log,
      result: <T>(name: string) => this.#results.get(name) as T | undefined,
      key: (name) => `${id}/${name}`,
      aside: (waiting) => this.#aside(waiting),
      ...(this.#fault && { fault: this.#fault }),
    }
  }

  async #aside<T>(waiting: Promise<T>): Promise<T> {
    this.#asides++
    this.#place.vacate()
    try {
      return await waiting
    } finally {
      this.#asides--
    }
  }

  /**
   * This process was held up longer than a lease lasts. What a step does elsewhere, in placement for instance, asks nobody for
   * its epoch: before it does anything more, the lease is looked at. @throws LeaseLost
   */
  async #makeSure(): Promise<void> {
    const { database, owner, capabilities: { clock } } = this.#place
    const sureUntil = clock.monotonic() + leaseSeconds * 1000
    const until = new Date(clock.now().getTime() + leaseSeconds * 1000).toISOString()
    await database.transaction((tx) => updateHeld(tx, this.row.id, this.#epoch, { lease_owner: owner, lease_until: until }))
    this.#sureUntil = sureUntil
  }

  /** Before the pivot, and not on its way back for good. */
  get #mayStop(): boolean {
    return !this.#committed && (this.#status !== 'undoing' || this.#fault?.again !== undefined)
  }

  /** It itself was, and not something that one of its steps asked for. */
  #wasCalledOff(reason: unknown): boolean {
    const { signal } = this.#abort
    return signal.aborted && reason === signal.reason && reason instanceof Cancelled
  }

  #faultOf(reason: unknown, cancelled: boolean): OperationFault {
    const { status, code } = toWireError(reason)
    // What asked to start again is not the cause but its messenger.
    const causes = causesOf(reason instanceof StartAgain ? reason.cause : reason)
    return { step: this.#definition.steps[this.#position]?.name ?? '', status, code, message: describe(reason), cancelled, ...(causes.length > 0 && { causes }) }
  }
}

function pivotReached(definition: Definition, position: number): boolean {
  const at = definition.steps.findIndex((each) => each.pivot)
  return at >= 0 && position >= at
}
