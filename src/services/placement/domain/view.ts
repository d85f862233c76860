// All providers in memory, kept in step with the rows: each change is counted in one row, and a view that has not seen
// the last one reads what it missed before it is used. The rows are the truth.
import { type Database, type Db, lockClaim } from '#core/db'
import { customNames } from '../db/names.ts'
import { providersSince } from '../db/providers.ts'
import { claimRevision, readRevision } from '../db/revisions.ts'
import type { PlacementTables } from '../db/tables.ts'
import type { Provider } from '../model/providers.ts'
import { isStandardClass, isStandardTrait, sharesViaAggregate, standardResourceClasses } from '../model/standard-names.ts'

const nothingSeen = -1

export class ProviderView {
  readonly #database: Database<PlacementTables>
  readonly #providers = new Map<string, Provider>()
  #revision = nothingSeen
  #customClasses: ReadonlyMap<string, string> = new Map()
  #customTraits: ReadonlyMap<string, string> = new Map()
  #trees: Map<string, Provider[]> | undefined
  #sharing: readonly Provider[] | undefined

  constructor(database: Database<PlacementTables>) {
    this.#database = database
  }

  get revision(): number {
    return this.#revision
  }

  /** Bring the view up to the rows, for a request that only reads. */
  async current(): Promise<this> {
    const { revision } = await readRevision(this.#database.read)
    if (revision === this.#revision) return this
    await this.#database.transaction(async (tx) => {
      // One at a time, also where several transactions are open: each would put its own rows into the one view.
      await lockClaim(tx, 'changes')
      await this.#reload(tx)
    })
    return this
  }

  /**
   * Count the change that this transaction is about to make. From here to its end the view is exact.
   *
   * @returns the number of the change
   */
  async claim(tx: Db<PlacementTables>): Promise<number> {
    if (this.#revision === nothingSeen || !(await claimRevision(tx, this.#revision))) {
      await this.#reload(tx)
      if (!(await claimRevision(tx, this.#revision))) throw new Error('the count of changes moved inside a transaction')
    }
    return this.#revision + 1
  }

  /** Take over what a committed transaction has changed. */
  settle(revision: number, change: { readonly providers: readonly Provider[]; readonly removed: readonly string[]; readonly names?: Names }): void {
    if (this.#revision !== revision - 1) {
      this.#revision = nothingSeen
      return
    }
    this.#revision = revision
    for (const uuid of change.removed) this.#providers.delete(uuid)
    for (const provider of change.providers) this.#put(provider)
    if (change.removed.length > 0) this.#forgetDerived()
    if (change.names) {
      this.#customClasses = change.names.classes
      this.#customTraits = change.names.traits
    }
  }

  /** Read everything anew when next used. */
  forget(): void {
    this.#revision = nothingSeen
  }

  get providers(): ReadonlyMap<string, Provider> {
    return this.#providers
  }

  get names(): Names {
    return { classes: this.#customClasses, traits: this.#customTraits }
  }

  /** Providers by the root of their tree. */
  get trees(): ReadonlyMap<string, readonly Provider[]> {
    return (this.#trees ??= Map.groupBy(this.#providers.values(), (provider) => provider.root))
  }

  get hasNested(): boolean {
    return this.trees.size !== this.#providers.size
  }

  /** Providers that share through their aggregates. */
  get sharing(): readonly Provider[] {
    return (this.#sharing ??= [...this.#providers.values()].filter((provider) => provider.traits.has(sharesViaAggregate)))
  }

  /** Of all classes the names, the standard ones first. */
  get classes(): readonly string[] {
    return [...standardResourceClasses, ...this.#customClasses.keys()]
  }

  hasClass(name: string): boolean {
    return isStandardClass(name) || this.#customClasses.has(name)
  }

  hasTrait(name: string): boolean {
    return isStandardTrait(name) || this.#customTraits.has(name)
  }

  async #reload(tx: Db<PlacementTables>): Promise<void> {
    const { revision, topologyRevision } = await readRevision(tx)
    if (revision === this.#revision) return
    const whole = this.#revision < topologyRevision
    const providers = await providersSince(tx, whole ? nothingSeen : this.#revision)
    if (whole) this.#providers.clear()
    for (const provider of providers) this.#providers.set(provider.uuid, provider)
    this.#forgetDerived()
    this.#customClasses = await customNames(tx, 'resource_classes')
    this.#customTraits = await customNames(tx, 'traits')
    this.#revision = revision
  }

  #put(provider: Provider): void {
    const before = this.#providers.get(provider.uuid)
    this.#providers.set(provider.uuid, provider)
    if (before?.traits !== provider.traits) this.#sharing = undefined
    if (before?.root !== provider.root) this.#trees = undefined
    else if (this.#trees) {
      const tree = this.#trees.get(provider.root)
      const at = tree?.findIndex((each) => each.uuid === provider.uuid) ?? -1
      if (tree && at >= 0) tree[at] = provider
      else this.#trees = undefined
    }
    if (this.#sharing?.includes(before as Provider)) this.#sharing = undefined
  }

  #forgetDerived(): void {
    this.#trees = undefined
    this.#sharing = undefined
  }
}

/** Custom names with the time of their making. */
export interface Names {
  readonly classes: ReadonlyMap<string, string>
  readonly traits: ReadonlyMap<string, string>
}
