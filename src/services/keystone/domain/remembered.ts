// What keystone remembers between requests: verdicts on tokens, roles, the catalog. All of it is void at the first change.
import type { Identity } from '#core/context'
import type { TokenModel } from '../model/tokens.ts'

export interface KnownToken {
  readonly model: TokenModel
  readonly identity: Identity
  /** The token's description as text, made when first asked for. */
  plain?: string
  withCatalog?: string
}

const keptTokens = 10_000

export class Remembered {
  #generation = 0
  readonly #tokens = new Map<string, KnownToken>()
  readonly #values = new Map<string, Promise<unknown>>()

  /** Grows with every change: what was read at an older generation is not to be kept. */
  get generation(): number {
    return this.#generation
  }

  forget(): void {
    this.#generation++
    this.#tokens.clear()
    this.#values.clear()
  }

  token(id: string): KnownToken | undefined {
    return this.#tokens.get(id)
  }

  /** Keep a verdict unless something changed since it was begun. */
  keep(id: string, token: KnownToken, generation: number): void {
    if (generation !== this.#generation) return
    const oldest = this.#tokens.size >= keptTokens ? this.#tokens.keys().next().value : undefined
    if (oldest !== undefined) this.#tokens.delete(oldest)
    this.#tokens.set(id, token)
  }

  /** Make a value once per generation. */
  once<T>(name: string, make: () => Promise<T>): Promise<T> {
    const known = this.#values.get(name)
    if (known) return known as Promise<T>
    const made = make()
    this.#values.set(name, made)
    made.catch(() => {
      if (this.#values.get(name) === made) this.#values.delete(name)
    })
    return made
  }
}
