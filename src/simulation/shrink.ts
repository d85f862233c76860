// Makes the plan of a history that went wrong shorter, as long as the same still goes wrong.
import type { Plan } from './plan.ts'

export interface ShrinkOptions {
  /** What goes wrong when the plan is played; nothing when all is well. */
  readonly play: (plan: Plan) => Promise<readonly string[]>
  /** How many shorter plans are tried at most. */
  readonly tries: number
  readonly progress?: (plan: Plan, tried: number) => void
}

/** What is wrong, without what differs each time. */
export function kindOf(violation: string): string {
  return violation.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'ID').replaceAll(/\d+/g, 'N')
}

export async function shrink(plan: Plan, violations: readonly string[], { play, tries, progress }: ShrinkOptions): Promise<Plan> {
  const wanted = new Set(violations.map(kindOf))
  let left = tries
  let best = plan
  const better = async (candidate: Plan): Promise<boolean> => {
    if (left-- <= 0) return false
    const found = await play(candidate)
    if (!found.some((violation) => wanted.has(kindOf(violation)))) return false
    best = candidate
    progress?.(best, tries - left)
    return true
  }
  for (let smaller = true; smaller && left > 0; ) {
    smaller = false
    for (const candidate of shorter(best)) {
      if (await better(candidate)) {
        smaller = true
        break
      }
      if (left <= 0) break
    }
  }
  return best
}

/** The larger cuts first. */
function* shorter(plan: Plan): Generator<Plan> {
  for (const actor of plan.actors) if (plan.actors.length > 1) yield { ...plan, actors: plan.actors.filter((each) => each !== actor) }
  const { links, ...rest } = plan.trouble
  for (const [name, value] of Object.entries(links)) if (value > 0) yield { ...plan, trouble: { ...plan.trouble, links: { ...links, [name]: 0 } } }
  for (const [name, value] of Object.entries(rest)) if (value > 0) yield { ...plan, trouble: { ...plan.trouble, [name]: 0 } }
  for (const blow of plan.blows) yield { ...plan, blows: plan.blows.filter((each) => each !== blow) }
  for (const part of [2, 4, 100]) {
    for (const actor of plan.actors) {
      const size = Math.max(1, Math.floor(actor.intents.length / part))
      for (let at = 0; at < actor.intents.length; at += size) {
        const intents = actor.intents.filter((_each, index) => index < at || index >= at + size)
        yield { ...plan, actors: plan.actors.map((each) => (each === actor ? { ...actor, intents } : each)) }
      }
    }
  }
}
