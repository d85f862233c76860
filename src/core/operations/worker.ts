// Leases operations, keeps the leases, and has what it holds carried out.
import type { Capabilities, Timer } from '#core/context'
import type { Database } from '#core/db'
import type { Definition } from './definition.ts'
import { Execution, leaseSeconds, type Workplace } from './execution.ts'
import { claimable, forgetFinished, journalStart, lease, renewLeases, updateHeld } from './store.ts'
import type { OperationRow, OperationTables } from './tables.ts'

export interface WorkerOptions<S> {
  readonly database: Database<OperationTables>
  readonly definitions: readonly Definition<S>[]
  readonly service: S
  readonly capabilities: Capabilities
  /** Ours: `host/role/` with the incarnation behind it. */
  readonly ownerPrefix: string
  /** How many operations work side by side; those that wait for others do not count. */
  readonly concurrency: number
  /** Told after each end, for those that wait. */
  readonly ended?: (resourceId: string) => void
}

const renewEverySeconds = 10
const pollSeconds = 5
const keepFinishedDays = 7

export class Worker<S> implements Workplace<S> {
  readonly database: Database<OperationTables>
  readonly service: S
  readonly capabilities: Capabilities
  readonly owner: string
  readonly #options: WorkerOptions<S>
  readonly #definitions: Map<string, Definition<S>>
  readonly #held = new Map<string, Execution<S>>()
  readonly #timers = new Set<Timer>()
  #claiming = false
  #wanted = false
  /** There was more to claim than room for it. */
  #full = false
  #lastTurn: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: WorkerOptions<S>) {
    this.database = options.database
    this.service = options.service
    this.capabilities = options.capabilities
    this.owner = options.ownerPrefix + options.capabilities.ids.uuid()
    this.#options = options
    this.#definitions = new Map(options.definitions.map((definition) => [definition.kind, definition]))
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
    for (const held of this.#held.values()) held.stop()
  }

  get stopped(): boolean {
    return this.#stopped
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

  vacate(): void {
    if (this.#full) this.wake()
  }

  /** An operation that we hold was asked to stop. */
  cancel(operationId: string): void {
    if (this.#held.get(operationId)?.cancel() !== true) this.wake()
  }

  get running(): number {
    return this.#held.size
  }

  /** One step in each turn of the event loop: whoever asks something of an API goes before the work behind it. */
  turn(): Promise<void> {
    this.#lastTurn = this.#lastTurn.then(() => this.capabilities.clock.turn())
    return this.#lastTurn
  }

  after(milliseconds: number, run: () => void): void {
    const timer = this.capabilities.clock.after(milliseconds, () => {
      this.#timers.delete(timer)
      if (!this.#stopped) run()
    })
    this.#timers.add(timer)
  }

  #every(seconds: number, run: () => void): void {
    this.after(seconds * 1000, () => {
      run()
      if (!this.#stopped) this.#every(seconds, run)
    })
  }

  async #claim(): Promise<void> {
    const { clock, log } = this.capabilities
    const { concurrency, ownerPrefix } = this.#options
    try {
      while (this.#wanted && !this.#stopped) {
        await this.turn()
        this.#wanted = false
        const room = concurrency - [...this.#held.values()].filter(({ isAside }) => !isAside).length
        this.#full = room <= 0
        if (this.#full) return
        const rows = (await claimable(this.database.read, clock.now().toISOString(), ownerPrefix, this.owner, room)).filter((row) => !this.#held.has(row.id))
        for (const row of rows) await this.#take(row)
        if (rows.length === room) this.#wanted = true
      }
    } catch (error) {
      if (!this.#stopped) log.error({ err: error }, 'operations could not be claimed; trying again')
    }
  }

  async #take(row: OperationRow): Promise<void> {
    const { clock, log } = this.capabilities
    const definition = this.#definitions.get(row.kind)
    if (!definition) return log.error({ operation: row.id, kind: row.kind }, 'an operation of unknown kind waits')
    const until = new Date(clock.now().getTime() + leaseSeconds * 1000).toISOString()
    const sureUntil = clock.monotonic() + leaseSeconds * 1000
    const first = definition.steps[0]
    const epoch = await this.database.transaction(async (tx) => {
      const mine = await lease(tx, row, this.owner, until)
      if (mine !== undefined && row.status === 'pending' && first) {
        const now = clock.now().toISOString()
        await updateHeld(tx, row.id, mine, { status: 'running', attempt: 1 })
        await journalStart(tx, row.id, 1, first.name, 'run', 1, now)
      }
      return mine
    })
    // What was leased while we stopped waits for the next incarnation, as what was held does.
    if (epoch === undefined || this.#stopped) return
    const execution = new Execution(this, definition, row, { epoch, sureUntil })
    this.#held.set(row.id, execution)
    void this.#carryOut(execution)
  }

  async #carryOut(execution: Execution<S>): Promise<void> {
    const { id, resource_id: resourceId } = execution.row
    try {
      if (await execution.run()) this.#options.ended?.(resourceId)
    } finally {
      this.#held.delete(id)
      this.vacate()
    }
  }

  /** Only what is worked on: a lease that could not be given back runs out. What was asked to stop, and did not get the word, gets it here. */
  async #renew(): Promise<void> {
    if (this.#held.size === 0) return
    const { clock, log } = this.capabilities
    const sureUntil = clock.monotonic() + leaseSeconds * 1000
    try {
      const renewed = await this.database.transaction((tx) => renewLeases(tx, this.owner, [...this.#held.keys()], new Date(clock.now().getTime() + leaseSeconds * 1000).toISOString()))
      for (const [id, held] of this.#held) {
        if (renewed.has(id)) held.sureUntil(sureUntil)
        if (renewed.get(id)) held.cancel()
      }
    } catch (error) {
      log.warn({ err: error }, 'leases could not be renewed')
    }
  }

  async #forget(): Promise<void> {
    const { clock, log } = this.capabilities
    try {
      await this.database.transaction((tx) => forgetFinished(tx, new Date(clock.now().getTime() - keepFinishedDays * 86_400_000).toISOString()))
    } catch (error) {
      log.warn({ err: error }, 'old operations could not be removed')
    }
  }
}
