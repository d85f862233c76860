// The auditor of one service: it compares rows with reality, slowly and all the time. Nothing counts that was seen only
// once: a difference must last for the grace period, over two looks. What is plainly safe is then repaired, after one more
// look; the rest is kept as findings until it is put right.
import type { Capabilities, RequestContext, Timer } from '#core/context'
import type { Database } from '#core/db'
import { Conflict, describe, NotFound } from '#core/errors'
import { type Check, type Difference, type Finding, type Kind, keyOf, type Looked } from './finding.ts'
import { allFindings, changeFinding, endFindings, findingsToForget, forgetFindings, openFinding, openFindings, seenAgain, toFinding } from './store.ts'
import type { AuditTables, FindingRow } from './tables.ts'

export interface AuditorOptions {
  readonly capabilities: Capabilities
  readonly database: Database<any>
  readonly checks: readonly Check[]
  readonly intervalSeconds: number
  readonly graceSeconds: number
  /** How many that ended are kept. */
  readonly keepEnded?: number
  /** For work that no request began. */
  readonly context: () => RequestContext
}

interface Sighting {
  readonly kind: string
  readonly host: string
  readonly round: number
  /** Monotonic. */
  readonly at: number
  readonly firstSeen: string
}

const keepEndedDays = 7
/** Things that come and go as their owners like must not fill the database. */
const keepEndedMost = 10_000
/** A timer may be early by so much. */
const earlyMs = 5
/** The rest of a broken host is repaired in the rounds that follow; what was tried most often comes last. */
const repairsPerRound = 50
const mostListed = 500

export class Auditor {
  readonly #options: AuditorOptions
  readonly #database: Database<AuditTables>
  /** When each difference that is there was first seen, by its key. */
  readonly #seen = new Map<string, Sighting>()
  readonly #stopping = new AbortController()
  #round = 0
  #timer: Timer | undefined
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: AuditorOptions) {
    this.#options = options
    this.#database = options.database as Database<AuditTables>
  }

  /** The first round comes at some time within the interval, so that the services take turns. */
  start(): void {
    const { intervalSeconds, capabilities: { random } } = this.#options
    this.#later((intervalSeconds * (500 + random.integer(500))) / 1000)
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#stopping.abort(new Conflict('The auditor stops.'))
    await this.#last
  }

  /** Look at everything, and once more at what was new. @returns names of checks that could not be made */
  audit(): Promise<string[]> {
    return this.#alone(async () => {
      const failed = await this.#look()
      if (!this.#hasSuspects()) return failed
      await this.#options.capabilities.clock.sleep(this.#options.graceSeconds * 1000, this.#stopping.signal)
      return this.#look()
    })
  }

  async findings(ended: boolean): Promise<Finding[]> {
    const { read } = this.#database
    return (ended ? await allFindings(read, mostListed) : await openFindings(read)).map(toFinding)
  }

  /** @throws NotFound, Conflict when nothing can be done about it */
  repair(id: string): Promise<Finding> {
    return this.#alone(async () => {
      const row = (await openFindings(this.#database.read)).find((each) => each.id === id)
      if (!row) throw new NotFound('There is no open finding of this id.')
      const check = this.#options.checks.find(({ kinds }) => row.kind in kinds)
      const kind = check?.kinds[row.kind]
      if (!check || !kind?.repair) throw new Conflict(`Nothing can be done about it by itself. ${row.advice}`)
      const ctx = this.#context()
      const still = (await check.look(ctx)).differences.find((each) => keyOf(each) === keyOf(row))
      const change = still ? await this.#putRight(ctx, row, kind, still) : await this.#gone(row)
      return toFinding({ ...row, ...change })
    })
  }

  #later(seconds: number): void {
    this.#timer = this.#options.capabilities.clock.after(seconds * 1000, () => {
      this.#alone(() => this.#look()).catch((error: unknown) => {
        if (!this.#stopping.signal.aborted) this.#options.capabilities.log.warn({ err: error }, 'a round of the auditor failed; the next one tries again')
      }).finally(() => {
        if (!this.#stopping.signal.aborted) this.#later(this.#options.intervalSeconds)
      })
    })
  }

  /** Rounds and repairs come one after the other. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(() => {
      this.#stopping.signal.throwIfAborted()
      return work()
    })
    this.#last = mine.catch(() => undefined)
    return mine
  }

  #context(): RequestContext {
    return { ...this.#options.context(), signal: this.#stopping.signal }
  }

  #hasSuspects(): boolean {
    const now = this.#options.capabilities.clock.monotonic()
    return [...this.#seen.values()].some((each) => !this.#isOver(each, now, this.#round - 1))
  }

  async #look(): Promise<string[]> {
    const { checks, capabilities: { log, clock } } = this.#options
    this.#round += 1
    const failed: string[] = []
    const open = await openFindings(this.#database.read)
    for (const check of checks) {
      this.#stopping.signal.throwIfAborted()
      const ctx = this.#context()
      let looked: Looked
      try {
        looked = await check.look(ctx)
      } catch (error) {
        if (this.#stopping.signal.aborted) throw error
        log.warn({ err: error, check: check.name }, 'a comparison could not be made; what was found before stands')
        failed.push(check.name)
        continue
      }
      const confirmed = await this.#take(check, looked, open.filter((row) => row.check_name === check.name))
      await this.#repairByItself(ctx, check, confirmed)
    }
    const before = new Date(clock.now().getTime() - keepEndedDays * 86_400_000).toISOString()
    const old = await findingsToForget(this.#database.read, { before, most: this.#options.keepEnded ?? keepEndedMost })
    if (old.length > 0) await this.#database.transaction((tx) => forgetFindings(tx, old))
    return failed
  }

  /** Note what this look says. @returns the findings that are open now */
  async #take(check: Check, { differences, unseen = [] }: Looked, open: readonly FindingRow[]): Promise<FindingRow[]> {
    const { capabilities: { clock, ids, log } } = this.#options
    const at = clock.now().toISOString()
    const there = new Map(differences.map((each) => [keyOf(each), each]))
    const known = new Map(open.map((row) => [keyOf(row), row]))
    this.#forget(check, there, unseen)
    const lasting: FindingRow[] = []
    for (const [key, difference] of there) {
      const kind = check.kinds[difference.kind]
      if (!kind) throw new Error(`the check ${check.name} knows no kind ${difference.kind}`)
      const row = known.get(key)
      if (row) lasting.push(row)
      else if (this.#lasts(difference, at)) lasting.push(newRow(ids.uuid(), check, kind, difference, this.#seen.get(key)?.firstSeen ?? at, at))
    }
    const gone = open.filter((row) => !there.has(keyOf(row)) && !unseen.includes(row.host))
    if (lasting.length === 0 && gone.length === 0) return []
    return this.#database.transaction(async (tx) => {
      const rows: FindingRow[] = []
      for (const row of lasting) {
        if (known.has(keyOf(row))) rows.push(row)
        else {
          log.warn({ kind: row.kind, resource: row.resource, ...(row.host !== '' && { host: row.host }) }, row.message)
          rows.push(await openFinding(tx, row))
        }
      }
      await seenAgain(tx, rows.filter((row) => known.has(keyOf(row))).map(({ id }) => id), at)
      await endFindings(tx, gone.map(({ id }) => id), at)
      return rows
    })
  }

  /** What this check saw before and does not see any more. */
  #forget(check: Check, there: ReadonlyMap<string, Difference>, unseen: readonly string[]): void {
    for (const [key, { kind, host }] of this.#seen) {
      if (kind in check.kinds && !there.has(key) && !unseen.includes(host)) this.#seen.delete(key)
    }
  }

  /** Whether it was seen in an earlier round, and long enough ago. */
  #lasts(difference: Difference, firstSeen: string): boolean {
    const at = this.#options.capabilities.clock.monotonic()
    const key = keyOf(difference)
    const first = this.#seen.get(key)
    if (first) return this.#isOver(first, at, this.#round - 1)
    this.#options.capabilities.log.debug({ kind: difference.kind, resource: difference.resource, host: difference.host }, difference.message)
    this.#seen.set(key, { kind: difference.kind, host: difference.host ?? '', round: this.#round, at, firstSeen })
    return false
  }

  #isOver({ round, at }: Sighting, now: number, before: number): boolean {
    return round <= before && now - at >= this.#options.graceSeconds * 1000 - earlyMs
  }

  async #repairByItself(ctx: RequestContext, check: Check, findings: readonly FindingRow[]): Promise<void> {
    const due = findings.filter((row) => row.remedy === 'by-itself' && check.kinds[row.kind]?.repair)
      .sort((a, b) => a.tries - b.tries).slice(0, repairsPerRound)
    if (due.length === 0) return
    const again = new Map((await check.look(ctx)).differences.map((each) => [keyOf(each), each]))
    for (const row of due) {
      this.#stopping.signal.throwIfAborted()
      const still = again.get(keyOf(row))
      const kind = check.kinds[row.kind]
      if (still && kind) await this.#putRight(ctx, row, kind, still)
    }
  }

  async #putRight(ctx: RequestContext, row: FindingRow, kind: Kind, difference: Difference): Promise<Partial<FindingRow>> {
    const { capabilities: { clock, log } } = this.#options
    const tries = row.tries + 1
    let change: Partial<FindingRow>
    try {
      const done = await kind.repair?.(ctx, difference)
      change = { state: 'repaired', ended_at: clock.now().toISOString(), tries, done: done ?? '' }
      this.#seen.delete(keyOf(row))
      log.info({ kind: row.kind, resource: row.resource, ...(row.host !== '' && { host: row.host }) }, `repaired: ${done}`)
    } catch (error) {
      if (this.#stopping.signal.aborted) throw error
      change = { tries, done: `The repair failed: ${describe(error)}` }
      log.warn({ err: error, kind: row.kind, resource: row.resource }, 'a finding could not be repaired')
    }
    await this.#database.transaction((tx) => changeFinding(tx, row.id, change))
    return change
  }

  async #gone(row: FindingRow): Promise<Partial<FindingRow>> {
    const change = { state: 'gone' as const, ended_at: this.#options.capabilities.clock.now().toISOString() }
    await this.#database.transaction((tx) => changeFinding(tx, row.id, change))
    return change
  }
}

function newRow(id: string, check: Check, kind: Kind, difference: Difference, firstSeen: string, at: string): FindingRow {
  return {
    id, check_name: check.name, kind: difference.kind, resource: difference.resource, host: difference.host ?? '', message: difference.message,
    advice: kind.advice, remedy: kind.remedy, state: 'open', first_seen: firstSeen, last_seen: at, ended_at: null, tries: 0, done: '',
  }
}
