// What a provider must have and must not have, by traits and aggregates: pure questions.
import type { Provider } from '../model/providers.ts'

export interface TraitFilter {
  /** Of each set at least one. */
  readonly requiredTraits: readonly ReadonlySet<string>[]
  readonly forbiddenTraits: ReadonlySet<string>
}

export interface AggregateFilter {
  /** Of each set at least one. */
  readonly memberOf: readonly ReadonlySet<string>[]
  readonly forbiddenAggregates: ReadonlySet<string>
}

/** All that it names. */
export function traitsOf({ requiredTraits, forbiddenTraits }: TraitFilter): string[] {
  return [...requiredTraits.flatMap((any) => [...any]), ...forbiddenTraits]
}

const meets = (have: ReadonlySet<string>, wanted: readonly ReadonlySet<string>[]): boolean => wanted.every((any) => !any.isDisjointFrom(have))

export function hasTraits(provider: Pick<Provider, 'traits'>, { requiredTraits, forbiddenTraits }: TraitFilter): boolean {
  return meets(provider.traits, requiredTraits) && (forbiddenTraits.size === 0 || forbiddenTraits.isDisjointFrom(provider.traits))
}

export function inAggregates(provider: Pick<Provider, 'aggregates'>, { memberOf, forbiddenAggregates }: AggregateFilter): boolean {
  return meets(provider.aggregates, memberOf) && (forbiddenAggregates.size === 0 || forbiddenAggregates.isDisjointFrom(provider.aggregates))
}

/** An aggregate of the root spans its whole tree: one of both must be a member, none of both in a forbidden one. */
export function inAggregatesWithRoot(provider: Provider, root: Provider, { memberOf, forbiddenAggregates }: AggregateFilter): boolean {
  return (meets(provider.aggregates, memberOf) || meets(root.aggregates, memberOf))
    && (forbiddenAggregates.size === 0 || (forbiddenAggregates.isDisjointFrom(provider.aggregates) && forbiddenAggregates.isDisjointFrom(root.aggregates)))
}
