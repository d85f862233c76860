// What goes wrong in a history: at each point where a role asks something of the world, whether it lives on, and is served.
import { AppError } from '#core/errors'
import type { Fate, Incarnation, Point } from './incarnation.ts'
import { type LinkTrouble, noTrouble } from './links.ts'
import type { Blow, Plan } from './plan.ts'
import type { Dice } from './random.ts'

export interface Struck {
  kill(role: string, backAfterMs: number): void
  killAll(backAfterMs: number): void
  holdUp(role: string, forMs: number, replaced: boolean): void
}

interface Armed {
  readonly blow: Blow & { readonly kind: 'kill' | 'kill-one' | 'kill-all' | 'hold-one' }
  left: number
}

export class Chaos implements Fate {
  readonly #plan: Plan
  readonly #dice: Dice
  /** Chances of their own: what else befalls a seed does not depend on them. */
  readonly #repeats: Dice
  readonly #armed: Armed[] = []
  readonly #refusals: { readonly point: Point; left: number; readonly code: string }[] = []
  #struck: Struck | undefined
  #on = true
  /** For a while nothing goes wrong. */
  suspended = false
  /** Counts every point that was passed while things could go wrong. */
  passed = 0

  constructor(plan: Plan, dice: Dice, repeats: Dice) {
    this.#plan = plan
    this.#dice = dice
    this.#repeats = repeats
  }

  strikes(struck: Struck): void {
    this.#struck = struck
  }

  arm(blow: Armed['blow']): void {
    this.#armed.push({ blow, left: blow.points })
  }

  /** An engine refuses this effect so often. */
  refuse(effect: string, times: number, code: string): void {
    this.#refusals.push({ point: `before ${effect}`, left: times, code })
  }

  /** From here on nothing goes wrong any more. */
  calm(): void {
    this.#on = false
    this.#armed.length = 0
    this.#refusals.length = 0
  }

  get links(): LinkTrouble {
    return this.#on && !this.suspended ? this.#plan.trouble.links : noTrouble
  }

  at(incarnation: Incarnation, point: Point): Error | undefined {
    if (!this.#on || this.suspended) return undefined
    // A death before a statement of a transaction leaves what one before its begin leaves.
    if (point === 'read' || point === 'query') return undefined
    this.passed++
    for (const armed of this.#armed) {
      if (armed.blow.kind === 'kill' && armed.blow.role !== incarnation.role) continue
      if (--armed.left > 0) continue
      this.#armed.splice(this.#armed.indexOf(armed), 1)
      incarnation.world.note(`${incarnation.name} reaches its end at: ${point}`)
      if (armed.blow.kind === 'hold-one') this.#struck?.holdUp(incarnation.role, armed.blow.forMs, true)
      else if (armed.blow.kind !== 'kill-all') this.#struck?.kill(incarnation.role, armed.blow.backAfterMs)
      else this.#struck?.killAll(armed.blow.backAfterMs)
      return undefined
    }
    const refusal = this.#refusals.find((each) => each.point === point && each.left > 0)
    if (refusal) {
      refusal.left--
      return this.#failure(incarnation, point, new AppError(500, refusal.code, 'The engine refuses.'))
    }
    const { trouble } = this.#plan
    if (point === 'commit' && this.#dice.happens(trouble.commitFails)) return this.#failure(incarnation, point, new Error('database or disk is full'))
    if (point.startsWith('before ') && this.#dice.happens(trouble.engineFails)) return this.#failure(incarnation, point, new AppError(500, 'engine.failed', 'The engine failed.'))
    if (point.startsWith('after ') && this.#dice.happens(trouble.engineLosesAnswer)) return this.#failure(incarnation, point, new AppError(504, 'engine.silent', 'The engine did not answer.'))
    return undefined
  }

  delayMs(point: Point): number {
    if (!this.#on || this.suspended || !point.startsWith('before ') || !this.#dice.happens(this.#plan.trouble.engineSlow)) return 0
    return this.#dice.fraction() ** 2 * 15_000
  }

  again(): boolean {
    return this.#on && !this.suspended && this.#repeats.happens(this.#plan.trouble.engineRepeats)
  }

  #failure(incarnation: Incarnation, point: Point, error: Error): Error {
    incarnation.world.note(`${incarnation.name} is refused: ${point}`)
    return error
  }
}
