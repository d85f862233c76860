// Regular expressions that clients send as filters. All ways through one are followed side by side, character by character (Thompson, 1968): what
// it costs is known beforehand. The engine's own would try one way after the other, of which a short expression can have more than there are atoms.
import { BadRequest } from '#core/errors'
import { PatternError, readSteps, type Step } from './pattern-syntax.ts'

export class Pattern {
  readonly source: string
  readonly #steps: readonly Step[]

  /** @throws PatternError */
  constructor(text: string) {
    this.source = text
    this.#steps = readSteps(text)
  }

  /** The most steps that a test of this text can take. */
  costOf(text: string): number {
    return this.#steps.length * (text.length + 1)
  }

  /** Whether it matches anywhere in the text, as a database's `regexp`. */
  test(text: string): boolean {
    const characters = Array.from(text)
    const taken = new Int32Array(this.#steps.length).fill(-1)
    let ways = [0]
    for (let at = 0; at <= characters.length; at++) {
      const [character, onward] = [characters[at], [0]]
      for (let index = ways.pop(); index !== undefined; index = ways.pop()) {
        const step = this.#steps[index]
        if (!step) return true
        if (taken[index] === at) continue
        taken[index] = at
        if (step.kind === 'fork') ways.push(...step.to)
        else if (step.kind === 'place') {
          if (step.isHere(characters, at)) ways.push(index + 1)
        } else if (character !== undefined && step.among.has(character)) onward.push(index + 1)
      }
      ways = onward
    }
    return false
  }
}

/** @throws BadRequest */
export function readPattern(field: string, text: string): Pattern {
  const refuse = (why: string) => new BadRequest(`Invalid input for query parameters ${field}. Value: ${text.slice(0, 80)}. ${why}`)
  if (text.length > 255) throw refuse('The regular expression is too long.')
  try {
    return new Pattern(text)
  } catch (error) {
    if (error instanceof PatternError) throw refuse(`'${text.slice(0, 80)}' is not a regex that is taken: ${error.message}.`)
    throw error
  }
}

/** Steps that are followed before others get their turn: about a millisecond's. */
const stepsPerTurn = 20_000

export type Matches = (pattern: Pattern, text: string) => Promise<boolean>

/** A thousand servers' worth of a costly pattern must not keep the whole cloud waiting. */
export function matchInTurns(turn: () => Promise<void>): Matches {
  let steps = 0
  return async (pattern, text) => {
    steps += pattern.costOf(text)
    if (steps > stepsPerTurn) {
      steps = 0
      await turn()
    }
    return pattern.test(text)
  }
}
