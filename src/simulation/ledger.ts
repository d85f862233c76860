// What the people of a simulation were told: each acknowledged create, change and delete. At the end it must be true.
import { Changes } from './changes.ts'
import type { Noun } from './nouns.ts'
import type { Project } from './template.ts'

export interface Entry {
  readonly noun: Noun
  readonly id: string
  readonly project: Project
  /** Whether somebody asked for it to go: nobody did, they did not hear what came of it, or they were told that it goes. */
  removal: 'none' | 'perhaps' | 'acknowledged'
  /** What it belongs to and may go with: a subnet's network, both groups of a rule. */
  readonly parents: readonly string[]
  /** How many servers one request made, of which only this one was named. */
  together?: number
}

/** Somebody was let in. */
export interface Session {
  readonly user: string
  readonly project: string
  readonly token: string
}

export class Ledger {
  readonly changes = new Changes()
  /** What was accepted and is done behind the answer, by the ids of its operations. */
  readonly accepted = new Set<string>()
  readonly sessions: Session[] = []
  readonly #entries = new Map<string, Entry>()
  /** How many ask for something to go and have no answer yet. */
  readonly #asking = new Map<string, number>()

  add(noun: Noun, id: string, project: Project, ...parents: readonly string[]): Entry {
    // Whoever made it heard of it after it may have gone along with what it belongs to.
    const gone = parents.some((parent) => (this.#entries.get(parent)?.removal ?? 'none') !== 'none')
    const entry: Entry = { noun, id, project, removal: gone ? 'perhaps' : 'none', parents }
    this.#entries.set(id, entry)
    return entry
  }

  find(id: string): Entry | undefined {
    return this.#entries.get(id)
  }

  all(): readonly Entry[] {
    return [...this.#entries.values()]
  }

  /** What a project knows of, as far as nobody asked for it to go. */
  known(noun: Noun, project: Project): readonly Entry[] {
    return this.all().filter((entry) => entry.noun === noun && entry.project === project && entry.removal === 'none')
  }

  /** Somebody asks for it to go, and will get an answer. */
  asks(id: string): void {
    this.#asking.set(id, (this.#asking.get(id) ?? 0) + 1)
  }

  /** Whether somebody beside the one who asks for it to go did so too: it may be gone before either of them hears of it. */
  othersAsked({ id, parents, removal }: Entry): boolean {
    const asking = [id, ...parents].reduce((sum, each) => sum + (this.#asking.get(each) ?? 0), 0)
    return removal !== 'none' || asking > 1
  }

  /** Who asked for it to go got this answer; what belongs to it goes along. @param repeated what was refused may be done when it comes a second time */
  removed(id: string, status: number, repeated = false): void {
    this.#asking.set(id, (this.#asking.get(id) ?? 1) - 1)
    const outcome = status >= 200 && status < 300 ? 'acknowledged' : status === 0 || status >= 500 || status === 404 || repeated ? 'perhaps' : undefined
    if (outcome === undefined) return
    for (const entry of this.#entries.values()) {
      if (entry.id !== id && !entry.parents.includes(id)) continue
      if (entry.removal !== 'acknowledged') entry.removal = outcome
    }
  }
}
