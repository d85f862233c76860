// Time and order of a simulation: what is to happen lies in one queue, and nothing happens but by its turn there.
import { createHash } from 'node:crypto'
import { Dice } from './random.ts'

export interface Happening {
  /** Virtual milliseconds since 1970. */
  readonly at: number
  readonly priority: number
  readonly sequence: number
  readonly label: string
  readonly run: () => void
  cancelled: boolean
}

const firstMoment = Date.UTC(2026, 0, 1)
const keptLines = 200_000

export class World {
  readonly seed: string
  #now = firstMoment
  #sequence = 0
  readonly #queue: Happening[] = []
  readonly #order: Dice
  readonly #digest = createHash('sha256')
  readonly #outside: (() => Promise<void>)[] = []
  readonly #lines: string[] = []
  /** What wall clocks show beyond the time that passed: moved by a fault. */
  skewMilliseconds = 0
  happened = 0

  constructor(seed: string) {
    this.seed = seed
    this.#order = new Dice(`${seed} order`)
  }

  /** Virtual milliseconds, which only grow. */
  get now(): number {
    return this.#now
  }

  /** A stream of chance of its own. */
  dice(name: string): Dice {
    return new Dice(`${this.seed} ${name}`)
  }

  /** What is due at the same moment happens in an order that the seed decides. */
  schedule(milliseconds: number, label: string, run: () => void): Happening {
    const happening: Happening = {
      at: this.#now + Math.max(0, milliseconds), priority: this.#order.fraction(), sequence: this.#sequence++, label, run, cancelled: false,
    }
    push(this.#queue, happening)
    return happening
  }

  /** Part of the history: two runs of a seed note the same. */
  note(line: string): void {
    const text = `${((this.#now - firstMoment) / 1000).toFixed(4)} ${line}`
    this.#digest.update(text).update('\n')
    this.#lines.push(text)
    if (this.#lines.length > keptLines) this.#lines.splice(0, keptLines / 2)
  }

  get history(): readonly string[] {
    return this.#lines
  }

  hash(): string {
    return this.#digest.copy().digest('hex')
  }

  /** Nothing else happens until `work` is over; what follows from it happens in its turn. */
  outside<T>(work: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#outside.push(() => work.then((value) => void this.schedule(0, 'outside', () => resolve(value)), (error: unknown) => void this.schedule(0, 'outside', () => reject(error))))
    })
  }

  /**
   * Let things happen until `done` says so, or the time given has passed.
   *
   * @returns whether it was done
   */
  async run(done: () => boolean, milliseconds: number): Promise<boolean> {
    const end = this.#now + milliseconds
    await this.#settle()
    while (!done()) {
      const next = pop(this.#queue)
      if (!next) return false
      if (next.cancelled) continue
      if (next.at > end) {
        push(this.#queue, next)
        this.#now = end
        return done()
      }
      this.#now = Math.max(this.#now, next.at)
      this.happened++
      next.run()
      await this.#settle()
    }
    return true
  }

  /** Every promise that can settle has settled, and each that they led to. */
  async #settle(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve))
    while (this.#outside.length > 0) {
      await this.#outside.shift()?.()
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
  }
}

const isBefore = (a: Happening, b: Happening): boolean => a.at !== b.at ? a.at < b.at : a.priority !== b.priority ? a.priority < b.priority : a.sequence < b.sequence

/** A binary heap, the next to happen at its top. */
function push(heap: Happening[], item: Happening): void {
  let at = heap.push(item) - 1
  while (at > 0) {
    const above = (at - 1) >> 1
    const parent = heap[above] as Happening
    if (!isBefore(item, parent)) break
    heap[at] = parent
    at = above
  }
  heap[at] = item
}

function pop(heap: Happening[]): Happening | undefined {
  const top = heap[0]
  const last = heap.pop()
  if (top === undefined || last === undefined || heap.length === 0) return top
  let at = 0
  for (;;) {
    let below = 2 * at + 1
    if (below >= heap.length) break
    if (below + 1 < heap.length && isBefore(heap[below + 1] as Happening, heap[below] as Happening)) below++
    if (!isBefore(heap[below] as Happening, last)) break
    heap[at] = heap[below] as Happening
    at = below
  }
  heap[at] = last
  return top
}
