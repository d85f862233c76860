// What people changed, and were told that it is so: at the end each thing is as the last of them was told.
import type { Noun } from './nouns.ts'

/** One property of a thing that somebody can give a value: the name of a server, the groups of a port. */
export interface Aspect {
  readonly noun: Noun
  readonly id: string
  /** Which of its properties, and of what else: `name`, `interface <subnet>`. */
  readonly of: string
}

interface Asked {
  readonly value: string
  readonly began: number
  /** When its answer came; absent while there is none. */
  ended?: number
  /** What became of it is not known, or it comes a second time: it may be done at any moment, also after what others were told. */
  stray: boolean
}

interface Answer {
  readonly status: number
  readonly repeated: boolean
}

export class Changes {
  readonly #aspects = new Map<string, { readonly aspect: Aspect; readonly asked: Asked[] }>()
  /** Counts what happens, as an order of before and after. */
  #moment = 0

  /** Somebody asks for a value. @returns to be called with the answer */
  ask(aspect: Aspect, value: string): (answer: Answer) => void {
    const key = `${aspect.id} ${aspect.of}`
    const known = this.#aspects.get(key) ?? { aspect, asked: [] }
    this.#aspects.set(key, known)
    const asked: Asked = { value, began: ++this.#moment, stray: true }
    known.asked.push(asked)
    return ({ status, repeated }) => {
      const done = status >= 200 && status < 300
      if (done) asked.ended = ++this.#moment
      asked.stray = repeated || status === 0 || status >= 500
      if (!done && !asked.stray) known.asked.splice(known.asked.indexOf(asked), 1)
    }
  }

  /** Of each aspect that somebody was told of: the values that it may have. Of those who asked side by side, either may be the last. */
  promised(): readonly { readonly aspect: Aspect; readonly values: ReadonlySet<string> }[] {
    return [...this.#aspects.values()].flatMap(({ aspect, asked }) => {
      const told = asked.filter(({ ended }) => ended !== undefined)
      const last = told.filter((each) => !told.some((other) => other.began > (each.ended ?? 0)))
      return last.length === 0 ? [] : [{ aspect, values: new Set([...last, ...asked.filter(({ stray }) => stray)].map(({ value }) => value)) }]
    })
  }
}
