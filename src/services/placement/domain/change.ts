// A change to providers: one transaction that drafts new versions of them, writes these, and hands them to the view.
import type { Capabilities, RequestContext } from '#core/context'
import { afterCommit, type Database, type Db, lockClaim } from '#core/db'
import { updateProvider } from '../db/providers.ts'
import { markTopology } from '../db/revisions.ts'
import type { PlacementTables } from '../db/tables.ts'
import { ConcurrentUpdate, noProvider } from '../model/errors.ts'
import type { Provider } from '../model/providers.ts'
import type { Names, ProviderView } from './view.ts'

/** What placement's stories work with. */
export interface Placement extends Capabilities {
  readonly database: Database<PlacementTables>
  readonly view: ProviderView
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** A provider's next version. Replace its collections, never change them; only `used` is its own. */
export type Draft = Omit<Mutable<Provider>, 'used'> & { used: Map<string, number> }

export class Change {
  readonly tx: Db<PlacementTables>
  readonly revision: number
  readonly now: string
  readonly view: ProviderView
  readonly #drafts = new Map<string, { readonly before: Provider; readonly draft: Draft }>()
  readonly #raised = new Set<string>()
  readonly #added: Provider[] = []
  readonly #removed: string[] = []
  #names: Names | undefined
  #topology = false
  #rereadAll = false

  constructor(tx: Db<PlacementTables>, view: ProviderView, revision: number, now: string) {
    this.tx = tx
    this.view = view
    this.revision = revision
    this.now = now
  }

  /** The provider as this change leaves it so far. */
  find(uuid: string): Provider | undefined {
    return this.#drafts.get(uuid)?.draft ?? this.view.providers.get(uuid)
  }

  /** @throws NotFound */
  draft(uuid: string): Draft {
    const known = this.#drafts.get(uuid)
    if (known) return known.draft
    const before = this.view.providers.get(uuid)
    if (!before) throw noProvider(uuid)
    const draft: Draft = { ...before, used: new Map(before.used) }
    this.#drafts.set(uuid, { before, draft })
    return draft
  }

  /** Raise the generation, once in a step of the change however often it is asked. */
  raise(uuid: string): void {
    const draft = this.draft(uuid)
    if (!this.#raised.has(uuid)) draft.generation++
    this.#raised.add(uuid)
    draft.updatedAt = this.now
  }

  /** Most changes are one step. */
  nextStep(): void {
    this.#raised.clear()
  }

  added(provider: Provider): void {
    this.#added.push(provider)
  }

  removed(uuid: string): void {
    this.#removed.push(uuid)
    this.#drafts.delete(uuid)
    this.#topology = true
  }

  renamed(names: Names, rereadAll = false): void {
    this.#names = names
    this.#rereadAll = rereadAll
    if (rereadAll) this.#topology = true
  }

  /** Write the drafts. @throws ConcurrentUpdate when a provider's generation is not the one that was read */
  async write(): Promise<void> {
    for (const { before, draft } of this.#drafts.values()) {
      if (!(await updateProvider(this.tx, before, draft, this.revision))) {
        throw new ConcurrentUpdate('The resource provider changed meanwhile; read it again and retry.', { provider: before.uuid })
      }
    }
    if (this.#topology) await markTopology(this.tx, this.revision)
  }

  settle(): void {
    if (this.#rereadAll) return this.view.forget()
    const providers = [...this.#added, ...[...this.#drafts.values()].map(({ draft }) => draft as Provider)]
    this.view.settle(this.revision, { providers, removed: this.#removed, ...(this.#names && { names: this.#names }) })
  }
}

/** Do `work` as one change: all of it, or nothing. */
export function changeProviders<R>({ database, view, clock }: Placement, ctx: RequestContext, work: (change: Change) => Promise<R>): Promise<R> {
  return database.transaction(async (tx) => {
    await lockClaim(tx, 'changes')
    const change = new Change(tx, view, await view.claim(tx), clock.now().toISOString())
    const result = await work(change)
    await change.write()
    afterCommit(tx, () => change.settle())
    return result
  }, { signal: ctx.signal })
}
