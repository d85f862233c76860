// What lies between two parts: messages take their time, come late, come twice, or do not come.
import type { Dice } from './random.ts'
import type { World } from './world.ts'

/** How often things go wrong on the way, each from 0 to 1. */
export interface LinkTrouble {
  readonly late: number
  readonly lost: number
  readonly twice: number
  /** How often a proxy on the way answers in place of who was asked; of HTTP only. */
  readonly unavailable: number
}

export const noTrouble: LinkTrouble = { late: 0, lost: 0, twice: 0, unavailable: 0 }

export interface Passage {
  readonly delayMs: number
  readonly backMs: number
  readonly lost: 'request' | 'answer' | undefined
  /** How much later it comes a second time. */
  readonly againAfterMs: number | undefined
}

const usualMs = 2
const lateMs = 20_000

export class Links {
  readonly #world: World
  readonly #trouble: () => LinkTrouble
  readonly #dice = new Map<string, Dice>()

  constructor(world: World, trouble: () => LinkTrouble) {
    this.#world = world
    this.#trouble = trouble
  }

  /** What a proxy answers in place of who was asked: 503 before it asked them, 504 after it; nothing when it passes on the answer. */
  proxy(from: string, to: string): 503 | 504 | undefined {
    const dice = this.#diceOf(`${from} to ${to} by a proxy`)
    return dice.happens(this.#trouble().unavailable) ? dice.one([503, 504] as const) : undefined
  }

  #diceOf(key: string): Dice {
    let dice = this.#dice.get(key)
    if (!dice) this.#dice.set(key, (dice = this.#world.dice(key)))
    return dice
  }

  /** The fate of the next message between two parts. Each pair has chances of its own. */
  next(from: string, to: string): Passage {
    const dice = this.#diceOf(`${from} to ${to}`)
    const { late, lost, twice } = this.#trouble()
    const delay = () => (dice.happens(late) ? dice.fraction() ** 3 * lateMs : 0.05 + dice.fraction() * usualMs)
    const delayMs = delay()
    const backMs = delay()
    return {
      delayMs, backMs,
      lost: dice.happens(lost) ? (dice.happens(0.5) ? 'request' : 'answer') : undefined,
      againAfterMs: dice.happens(twice) ? delay() : undefined,
    }
  }
}
