// One life of a role. What it may use of the world belongs to it: once it is killed, nothing that it waits for ever comes.
import type { Clock, Timer } from '#core/context'
import type { Dice } from './random.ts'
import type { World } from './world.ts'

/** Where a role may die, or be refused something: before it asks something of the world, and before it hears what came of it. */
export type Point = string

export interface Fate {
  /** What becomes of a role at a point: it may be killed in the call, or given an error. */
  at(incarnation: Incarnation, point: Point): Error | undefined
  /** How long it takes, where it takes long. */
  delayMs?(point: Point): number
  /** Whether an effect happens a second time. */
  again?(effect: string): boolean
}

const never = <T>(): Promise<T> => new Promise<T>(() => undefined)

export class Incarnation {
  readonly role: string
  readonly name: string
  readonly world: World
  readonly dice: Dice
  readonly clock: Clock
  readonly #fate: Fate
  readonly #closed = new AbortController()
  readonly #endings = new Set<() => void>()
  #held: (() => void)[] | undefined

  constructor(world: World, role: string, number: number, fate: Fate) {
    this.world = world
    this.role = role
    this.name = `${role}#${number}`
    this.dice = world.dice(this.name)
    this.#fate = fate
    this.clock = this.#ownClock()
  }

  get isAlive(): boolean {
    return !this.#closed.signal.aborted
  }

  /** Aborted at the end of this life. */
  get closed(): AbortSignal {
    return this.#closed.signal
  }

  /** Settles when the role may go on; never when it died here. @throws what the fate has for it */
  async pass(point: Point): Promise<void> {
    if (!this.isAlive) return never()
    const error = this.#fate.at(this, point)
    if (!this.isAlive) return never()
    // A role that is held up in a transaction would hold up all others: it ends the transaction first.
    if (this.#held && point !== 'query' && point !== 'commit') await new Promise<void>((resolve) => this.#held?.push(resolve) ?? resolve())
    const delayMs = this.#fate.delayMs?.(point) ?? 0
    if (delayMs > 0) await this.clock.sleep(delayMs)
    if (!this.isAlive) return never()
    if (error) throw error
  }

  /** Whether an effect that was asked for once happens a second time. */
  again(effect: string): boolean {
    const again = this.isAlive && this.#fate.again?.(effect) === true
    if (again) this.world.note(`${this.name} has its effect twice: ${effect}`)
    return again
  }

  /** The outcome of `work`, as long as somebody lives to hear of it. */
  guard<T>(work: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      work.then((value) => this.receive(() => resolve(value)), (error: unknown) => this.receive(() => reject(error)))
    })
  }

  /** Do something at the end of this life. @returns takes it back */
  atEnd(run: () => void): () => void {
    this.#endings.add(run)
    return () => this.#endings.delete(run)
  }

  kill(): void {
    if (!this.isAlive) return
    this.world.note(`${this.name} is killed`)
    this.#held = undefined
    this.#closed.abort(new Error(`${this.name} was killed`))
    for (const run of this.#endings) run()
    this.#endings.clear()
  }

  /** Nothing reaches it for a while; then everything at once. */
  pause(milliseconds: number): void {
    if (!this.isAlive || this.#held) return
    this.world.note(`${this.name} is held up for ${Math.round(milliseconds)} ms`)
    this.#held = []
    this.world.schedule(milliseconds, `${this.name} wakes`, () => this.wake())
  }

  wake(): void {
    const held = this.#held ?? []
    this.#held = undefined
    if (held.length > 0) this.world.note(`${this.name} wakes`)
    for (const run of held) if (this.isAlive) run()
  }

  /** Something comes from outside: at once, when it wakes, or never. */
  receive(run: () => void): void {
    if (!this.isAlive) return
    if (this.#held) this.#held.push(run)
    else run()
  }

  #ownClock(): Clock {
    const { world } = this
    const after = (milliseconds: number, label: string, run: () => void): Timer => {
      if (!this.isAlive) return { cancel() {} }
      const happening = world.schedule(milliseconds, label, () => {
        forget()
        this.receive(run)
      })
      const forget = this.atEnd(() => void (happening.cancelled = true))
      return {
        cancel: () => {
          happening.cancelled = true
          forget()
        },
      }
    }
    return {
      now: () => new Date(world.now + world.skewMilliseconds),
      monotonic: () => world.now,
      after: (milliseconds, run) => after(milliseconds, 'timer', run),
      sleep: (milliseconds, signal) => new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const stop = () => {
          timer.cancel()
          reject(signal?.reason)
        }
        const timer = after(milliseconds, 'sleep', () => {
          signal?.removeEventListener('abort', stop)
          resolve()
        })
        signal?.addEventListener('abort', stop, { once: true })
      }),
      turn: () => new Promise((resolve) => void after(0, 'turn', resolve)),
    }
  }
}
