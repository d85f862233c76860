// Allocation candidates: for each group of a request the parts that could serve it, then all ways to join the parts
// that have one tree in common.
import { BadRequest } from '#core/errors'
import { noSuchTraits } from '../model/errors.ts'
import { canGive, capacityOf, type Provider } from '../model/providers.ts'
import { sharesViaAggregate } from '../model/standard-names.ts'
import { type AggregateFilter, hasTraits, inAggregates, inAggregatesWithRoot, type TraitFilter, traitsOf } from './filters.ts'
import type { ProviderView } from './view.ts'

export interface Group extends TraitFilter, AggregateFilter {
  /** Empty for the group whose resources may come from several providers of a tree. */
  readonly suffix: string
  readonly resources: ReadonlyMap<string, number>
  readonly inTree: string | undefined
}

export interface CandidateRequest {
  readonly groups: readonly Group[]
  readonly limit: number | undefined
  readonly isolate: boolean
  /** Traits of the tree's root. */
  readonly root: TraitFilter
  readonly sameSubtrees: readonly ReadonlySet<string>[]
  /** Before 1.29 one candidate takes nothing from two providers of one tree. */
  readonly nestedAware: boolean
}

export interface Taking {
  readonly provider: Provider
  readonly resourceClass: string
  readonly amount: number
}

export interface Candidate {
  readonly takings: readonly Taking[]
  /** Which providers serve which group. */
  readonly mappings: ReadonlyMap<string, ReadonlySet<string>>
}

export interface Candidates {
  readonly candidates: readonly Candidate[]
  /** All providers of the trees that the candidates take from. */
  readonly providers: readonly Provider[]
}

interface Part {
  readonly suffix: string
  readonly takings: readonly Taking[]
  readonly providers: ReadonlySet<string>
}

/** A request that multiplies beyond this is cut off there: nobody can use so many candidates. */
const mostCandidates = 10_000
/** How many combinations are looked at in all before the search gives up finding more. */
const mostCombinations = 200_000
const none: Candidates = { candidates: [], providers: [] }

/** @throws BadRequest for an unknown class or trait */
export function findCandidates(view: ProviderView, request: CandidateRequest): Candidates {
  checkNames(view, request)
  const partsByAnchor = new Map<string, Map<string, Part[]>>()
  for (const group of request.groups) {
    let found = false
    for (const [anchor, part] of partsOf(view, group)) {
      const root = view.providers.get(anchor)
      if (!root || !hasTraits(root, request.root)) continue
      found = true
      const bySuffix = partsByAnchor.get(anchor) ?? new Map<string, Part[]>()
      partsByAnchor.set(anchor, bySuffix)
      const parts = bySuffix.get(group.suffix)
      if (parts) parts.push(part)
      else bySuffix.set(group.suffix, [part])
    }
    if (!found) return none
  }
  return join(view, request, partsByAnchor)
}

function checkNames(view: ProviderView, { groups, root }: CandidateRequest): void {
  for (const { resources } of groups) {
    for (const name of resources.keys()) if (!view.hasClass(name)) throw new BadRequest(`Invalid resource class in resources parameter: No such resource class ${name}.`)
  }
  const unknown = new Set([...groups, root].flatMap(traitsOf).filter((name) => !view.hasTrait(name)))
  if (unknown.size > 0) throw noSuchTraits([...unknown])
}

function* partsOf(view: ProviderView, group: Group): Generator<[anchor: string, part: Part]> {
  const tree = group.inTree === undefined ? undefined : view.providers.get(group.inTree)?.root
  if (group.inTree !== undefined && tree === undefined) return
  if (group.suffix !== '' || (!view.hasNested && view.sharing.length === 0)) yield* partsOfOne(view, group, tree)
  else yield* partsOfTrees(view, group, tree)
}

/** One provider gives everything. */
function* partsOfOne(view: ProviderView, group: Group, tree: string | undefined): Generator<[string, Part]> {
  const pool = tree === undefined ? view.providers.values() : (view.trees.get(tree) ?? [])
  for (const provider of pool) {
    if (!hasTraits(provider, group) || !inAggregates(provider, group) || !givesAll(provider, group.resources)) continue
    const takings = [...group.resources].map(([resourceClass, amount]) => ({ provider, resourceClass, amount }))
    const part: Part = { suffix: group.suffix, takings, providers: new Set([provider.uuid]) }
    yield [provider.root, part]
    if (!provider.traits.has(sharesViaAggregate)) continue
    for (const anchor of anchorsOf(view, provider)) if (anchor !== provider.root) yield [anchor, part]
  }
}

function givesAll(provider: Provider, resources: ReadonlyMap<string, number>): boolean {
  for (const [resourceClass, amount] of resources) if (!canGive(provider, resourceClass, amount)) return false
  return true
}

/** Roots of the trees that have an aggregate in common with a sharing provider. */
function anchorsOf(view: ProviderView, sharing: Provider): Set<string> {
  const anchors = new Set<string>()
  if (sharing.aggregates.size === 0) return anchors
  for (const provider of view.providers.values()) {
    if (!provider.aggregates.isDisjointFrom(sharing.aggregates)) anchors.add(provider.root)
  }
  return anchors
}

/** Each class may come from another provider of the tree, or from one that shares with it. */
function* partsOfTrees(view: ProviderView, group: Group, tree: string | undefined): Generator<[string, Part]> {
  const sharedWith = new Map<string, Set<Provider>>()
  if (tree === undefined) {
    for (const provider of view.sharing) {
      for (const anchor of anchorsOf(view, provider)) {
        const known = sharedWith.get(anchor)
        if (known) known.add(provider)
        else sharedWith.set(anchor, new Set([provider]))
      }
    }
  }
  const trees = tree === undefined ? view.trees : new Map([[tree, view.trees.get(tree) ?? []]])
  for (const [anchor, members] of trees) {
    const pool = new Set<Provider>([...members, ...(sharedWith.get(anchor) ?? [])])
    const choices = [...group.resources].map(([resourceClass, amount]) =>
      [...pool].filter((provider) => canGive(provider, resourceClass, amount) && isMember(view, provider, group))
        .map((provider): Taking => ({ provider, resourceClass, amount })))
    if (choices.some((each) => each.length === 0)) continue
    for (const takings of combinations(choices, mostCombinations)) {
      if (!haveTraits(takings, group)) continue
      yield [anchor, { suffix: group.suffix, takings, providers: new Set(takings.map(({ provider }) => provider.uuid)) }]
    }
  }
}

/** One that shares is a member by its own tree, not by the one that it shares with. */
function isMember(view: ProviderView, provider: Provider, group: Group): boolean {
  return inAggregatesWithRoot(provider, view.providers.get(provider.root) ?? provider, group)
}

/** Together they have the required traits; none has a forbidden one. */
function haveTraits(takings: readonly Taking[], { requiredTraits, forbiddenTraits }: TraitFilter): boolean {
  if (forbiddenTraits.size > 0 && takings.some(({ provider }) => !forbiddenTraits.isDisjointFrom(provider.traits))) return false
  return requiredTraits.every((any) => takings.some(({ provider }) => !any.isDisjointFrom(provider.traits)))
}

/** All ways to pick one of each list, at most so many. */
function* combinations<T>(lists: readonly (readonly T[])[], most: number): Generator<T[]> {
  const at = lists.map(() => 0)
  for (let count = 0; count < most; count++) {
    yield lists.map((list, index) => list[at[index] ?? 0] as T)
    let index = lists.length - 1
    for (; index >= 0; index--) {
      at[index] = (at[index] ?? 0) + 1
      if ((at[index] ?? 0) < (lists[index]?.length ?? 0)) break
      at[index] = 0
    }
    if (index < 0) return
  }
}

function join(view: ProviderView, request: CandidateRequest, partsByAnchor: ReadonlyMap<string, ReadonlyMap<string, readonly Part[]>>): Candidates {
  const limit = Math.min(request.limit ?? mostCandidates, mostCandidates)
  const candidates: Candidate[] = []
  const seen = new Set<string>()
  const shared = view.sharing.length > 0
  let left = mostCombinations
  search: for (const bySuffix of partsByAnchor.values()) {
    if (bySuffix.size < request.groups.length) continue
    for (const parts of combinations([...bySuffix.values()], left)) {
      left--
      const candidate = consolidate(view, request, parts)
      if (!candidate) continue
      // Only what is shared can turn up under two roots, and only granular groups can make one candidate twice.
      if (shared || parts.length > 1) {
        const key = keyOf(candidate)
        if (seen.has(key)) continue
        seen.add(key)
      }
      candidates.push(candidate)
      if (candidates.length >= limit) break search
    }
    if (left <= 0) break
  }
  return { candidates, providers: summarized(view, request, candidates) }
}

function consolidate(view: ProviderView, request: CandidateRequest, parts: readonly Part[]): Candidate | undefined {
  if (request.isolate && !areIsolated(parts)) return undefined
  if (!request.sameSubtrees.every((suffixes) => inOneSubtree(view, parts, suffixes))) return undefined
  const takings = parts.length === 1 ? (parts[0]?.takings ?? []) : added(parts)
  if (!takings) return undefined
  if (!request.nestedAware && takesTwiceFromATree(takings)) return undefined
  return { takings, mappings: new Map(parts.map((part) => [part.suffix, part.providers])) }
}

function areIsolated(parts: readonly Part[]): boolean {
  const granular = parts.filter((part) => part.suffix !== '')
  return new Set(granular.flatMap((part) => [...part.providers])).size === granular.length
}

/** One of the providers is above all the others, or there is only one. */
function inOneSubtree(view: ProviderView, parts: readonly Part[], suffixes: ReadonlySet<string>): boolean {
  const uuids = new Set(parts.filter((part) => suffixes.has(part.suffix)).flatMap((part) => [...part.providers]))
  if (uuids.size <= 1) return true
  return [...uuids].some((top) => [...uuids].every((uuid) => isAtOrBelow(view, uuid, top)))
}

function isAtOrBelow(view: ProviderView, uuid: string, top: string): boolean {
  for (let here: string | undefined = uuid; here !== undefined; here = view.providers.get(here)?.parent) if (here === top) return true
  return false
}

/** The parts' takings, those of one class and provider added up; undefined where the sum is too much for it. */
function added(parts: readonly Part[]): readonly Taking[] | undefined {
  const sums = new Map<string, Taking>()
  for (const { takings } of parts) {
    for (const taking of takings) {
      const key = `${taking.provider.uuid} ${taking.resourceClass}`
      const sum = sums.get(key)
      sums.set(key, sum ? { ...sum, amount: sum.amount + taking.amount } : taking)
    }
  }
  for (const { provider, resourceClass, amount } of sums.values()) {
    const inventory = provider.inventories.get(resourceClass)
    if (!inventory || amount > inventory.maxUnit || (provider.used.get(resourceClass) ?? 0) + amount > capacityOf(inventory)) return undefined
  }
  return [...sums.values()]
}

function takesTwiceFromATree(takings: readonly Taking[]): boolean {
  const providers = new Set(takings.map(({ provider }) => provider))
  return new Set([...providers].map((provider) => provider.root)).size < providers.size
}

function keyOf({ takings, mappings }: Candidate): string {
  const what = takings.map(({ provider, resourceClass, amount }) => `${provider.uuid} ${resourceClass} ${amount}`).sort()
  return JSON.stringify([what, [...mappings].map(([suffix, providers]) => [suffix, [...providers].sort()])])
}

function summarized(view: ProviderView, request: CandidateRequest, candidates: readonly Candidate[]): Provider[] {
  if (!request.nestedAware) return [...new Set(candidates.flatMap(({ takings }) => takings.map(({ provider }) => provider)))]
  const roots = new Set<string>()
  for (const { takings } of candidates) for (const { provider } of takings) roots.add(provider.root)
  return [...roots].flatMap((root) => [...(view.trees.get(root) ?? [])])
}
