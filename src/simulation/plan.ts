// What happens in a history, decided before it begins: who wants what, what goes wrong, and when. A part can be left out.
import { intents } from './intents/index.ts'
import { type LinkTrouble, noTrouble } from './links.ts'
import { Dice } from './random.ts'
import { type Project, projects } from './template.ts'

export interface ActorPlan {
  readonly name: string
  readonly project: Project
  readonly intents: readonly { readonly name: string; readonly seed: string; readonly pauseMs: number }[]
}

/** What befalls the cloud at a moment; `points` counts how many more questions to the world the victim gets to ask. */
export type Blow =
  /** Whoever passes the point is held up there, and another incarnation takes its place. */
  | { readonly kind: 'hold-one'; readonly atMs: number; readonly points: number; readonly forMs: number }
  /** Whoever passes the point dies. */
  | { readonly kind: 'kill-one'; readonly atMs: number; readonly points: number; readonly backAfterMs: number }
  | { readonly kind: 'kill'; readonly atMs: number; readonly role: string; readonly points: number; readonly backAfterMs: number }
  | { readonly kind: 'kill-all'; readonly atMs: number; readonly points: number; readonly backAfterMs: number }
  | { readonly kind: 'hold-up'; readonly atMs: number; readonly role: string; readonly forMs: number; readonly replaced: boolean }
  | { readonly kind: 'move-clock'; readonly atMs: number; readonly byMs: number }

export interface Trouble {
  readonly links: LinkTrouble
  /** How often an effect of an engine fails before it happened, and after it. */
  readonly engineFails: number
  readonly engineLosesAnswer: number
  /** How often an effect happens twice before it is answered. */
  readonly engineRepeats: number
  /** How often an effect takes long. */
  readonly engineSlow: number
  readonly commitFails: number
}

export interface Plan {
  readonly seed: string
  readonly actors: readonly ActorPlan[]
  readonly blows: readonly Blow[]
  readonly trouble: Trouble
  /** The auditors go their rounds; mostly they do not, since they would put right what should not go wrong. */
  readonly audits: boolean
  /** A fixed story instead of what people want by chance. */
  readonly scenario?: string
}

export const noWorries: Trouble = { links: noTrouble, engineFails: 0, engineLosesAnswer: 0, engineRepeats: 0, engineSlow: 0, commitFails: 0 }

/** How long people go on before everything is given time to come to rest. */
export const busyMs = 60_000

/** Each seed has troubles of its own: all at once would hide what a single one does. */
export function planOf(seed: string, roles: readonly string[]): Plan {
  const dice = new Dice(`${seed} plan`)
  const sometimes = (probability: number, most: number, of = dice) => (of.happens(probability) ? of.fraction() ** 2 * most : 0)
  // Troubles that came to be known later have chances of their own: what else befalls a seed stays as it was.
  const later = new Dice(`${seed} later troubles`)
  const trouble: Trouble = {
    links: { late: sometimes(0.5, 0.2), lost: sometimes(0.5, 0.1), twice: sometimes(0.5, 0.2), unavailable: sometimes(0.3, 0.1, later) },
    engineFails: sometimes(0.4, 0.15), engineLosesAnswer: sometimes(0.4, 0.1), engineSlow: sometimes(0.3, 0.2), engineRepeats: sometimes(0.3, 0.2, later), commitFails: sometimes(0.3, 0.05),
  }
  const actors = Array.from({ length: 1 + dice.integer(4) }, (_each, number): ActorPlan => ({
    name: `actor-${number}`, project: dice.one(projects),
    intents: Array.from({ length: 4 + dice.integer(14) }, (_one, at) => ({ name: chooseIntent(dice), seed: `${seed} ${number} ${at}`, pauseMs: dice.fraction() ** 3 * 5000 })),
  }))
  const blows = Array.from({ length: dice.integer(5) }, (): Blow => {
    const atMs = dice.fraction() * busyMs * 0.5
    const kind = dice.fraction()
    if (kind < 0.45) return { kind: 'kill', atMs, role: dice.one(roles), points: 1 + dice.integer(60), backAfterMs: dice.fraction() ** 2 * 40_000 }
    if (kind < 0.75) return { kind: 'kill-all', atMs, points: 1 + dice.integer(400), backAfterMs: dice.fraction() * 5000 }
    if (kind < 0.93) return { kind: 'hold-up', atMs, role: dice.one(roles), forMs: 1000 + dice.fraction() * 60_000, replaced: dice.happens(0.6) }
    return { kind: 'move-clock', atMs, byMs: (dice.fraction() - 0.3) * 120_000 }
  })
  return { seed, actors, blows, trouble, audits: dice.happens(0.25) }
}

function chooseIntent(dice: Dice): string {
  const all = Object.entries(intents)
  let left = dice.fraction() * all.reduce((sum, [, [weight]]) => sum + weight, 0)
  for (const [name, [weight]] of all) {
    left -= weight
    if (left < 0) return name
  }
  throw new Error('there is nothing to want')
}
