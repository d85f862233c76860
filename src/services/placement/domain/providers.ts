// Providers: made, renamed, moved in their tree, deleted, and listed by what they have.
import type { RequestContext } from '#core/context'
import { isUniqueViolation } from '#core/db'
import { BadRequest, NotFound } from '#core/errors'
import { deleteProvider as deleteRows, insertProvider, writeAggregates } from '../db/providers.ts'
import { ConcurrentUpdate, DuplicateName, noProvider, noSuchTraits, ProviderHasChildren, ProviderInUse } from '../model/errors.ts'
import { canGive, type Provider } from '../model/providers.ts'
import { type Change, changeProviders, type Placement } from './change.ts'
import { hasTraits, inAggregates, type AggregateFilter, type TraitFilter, traitsOf } from './filters.ts'

export interface NewProvider {
  readonly name: string
  readonly uuid: string
  readonly parent: string | undefined
}

export function createProvider(placement: Placement, ctx: RequestContext, wanted: NewProvider): Promise<Provider> {
  return changeProviders(placement, ctx, async (change) => {
    const refuse = (why: string) => new BadRequest(`Unable to create resource provider "${wanted.name}", ${wanted.uuid}: Object action create failed because: ${why}`)
    if (wanted.name === '') throw refuse('name is required')
    if (wanted.parent === wanted.uuid) throw refuse('parent provider UUID cannot be same as UUID. Please set parent provider UUID to None if there is no parent.')
    const parent = wanted.parent === undefined ? undefined : change.find(wanted.parent)
    if (wanted.parent !== undefined && !parent) throw refuse('parent provider UUID does not exist.')
    const provider: Provider = {
      uuid: wanted.uuid, name: wanted.name, generation: 0, parent: parent?.uuid, root: parent?.root ?? wanted.uuid,
      createdAt: change.now, updatedAt: change.now, inventories: new Map(), used: new Map(), traits: new Set(), aggregates: new Set(),
    }
    try {
      await insertProvider(change.tx, provider, change.revision)
    } catch (error) {
      throw asDuplicate(error, wanted)
    }
    change.added(provider)
    return provider
  })
}

function asDuplicate(error: unknown, { name, uuid }: { name: string; uuid?: string }): unknown {
  if (isUniqueViolation(error, 'resource_providers.name')) return new DuplicateName(`Conflicting resource provider name: ${name} already exists.`)
  if (isUniqueViolation(error)) return new DuplicateName(`Conflicting resource provider uuid: ${uuid} already exists.`)
  return error
}

/** `parent` is left as it is when undefined; null makes a root. */
export function updateProvider(placement: Placement, ctx: RequestContext, uuid: string, wanted: { name: string; parent?: string | null }, mayReparent: boolean): Promise<Provider> {
  return changeProviders(placement, ctx, async (change) => {
    const draft = change.draft(uuid)
    draft.updatedAt = change.now
    const other = [...placement.view.providers.values()].find((each) => each.name === wanted.name && each.uuid !== uuid)
    if (other) throw new DuplicateName(`Conflicting resource provider ${wanted.name} already exists.`)
    draft.name = wanted.name
    if (wanted.parent !== undefined && (wanted.parent ?? undefined) !== draft.parent) move(change, uuid, wanted.parent ?? undefined, mayReparent)
    return draft
  })
}

function move(change: Change, uuid: string, parentId: string | undefined, mayReparent: boolean): void {
  const draft = change.draft(uuid)
  const refuse = (why: string, action = 'update') => new BadRequest(`Unable to save resource provider ${uuid}: Object action ${action} failed because: ${why}`)
  const parent = parentId === undefined ? undefined : change.find(parentId)
  if (parentId !== undefined && !parent) throw refuse('parent provider UUID does not exist.', 'create')
  if (draft.parent !== undefined && !mayReparent) throw refuse(`${parent ? 're' : 'un'}-parenting a provider is not currently allowed.`)
  const subtree = subtreeOf(change, uuid)
  if (parent && subtree.has(parent.uuid)) throw refuse('creating loop in the provider tree is not allowed.')
  const root = parent?.root ?? uuid
  draft.parent = parent?.uuid
  for (const below of subtree) change.draft(below).root = root
}

/** The provider and all below it. */
function subtreeOf(change: Change, uuid: string): Set<string> {
  const found = new Set([uuid])
  const tree = change.view.trees.get(change.find(uuid)?.root ?? uuid) ?? []
  for (let grown = true; grown; ) {
    grown = false
    for (const each of tree) {
      if (each.parent !== undefined && found.has(each.parent) && !found.has(each.uuid)) {
        found.add(each.uuid)
        grown = true
      }
    }
  }
  return found
}

export function deleteProvider(placement: Placement, ctx: RequestContext, uuid: string): Promise<void> {
  return changeProviders(placement, ctx, async (change) => {
    const provider = change.find(uuid)
    if (!provider) throw new NotFound(`No resource provider with uuid ${uuid.slice(0, 80)} found for delete`)
    const tree = placement.view.trees.get(provider.root) ?? []
    if (tree.some((each) => each.parent === uuid)) throw new ProviderHasChildren(`Unable to delete parent resource provider ${uuid}: It has child resource providers.`)
    if ([...provider.used.values()].some((used) => used > 0)) throw new ProviderInUse(`Unable to delete resource provider ${uuid}: Resource provider has allocations.`)
    await deleteRows(change.tx, uuid)
    change.removed(uuid)
  })
}

/** @throws NotFound */
export async function showProvider(placement: Placement, uuid: string): Promise<Provider> {
  const provider = (await placement.view.current()).providers.get(uuid)
  if (!provider) throw noProvider(uuid)
  return provider
}

export interface ProviderFilters extends AggregateFilter, TraitFilter {
  readonly name: string | undefined
  readonly uuid: string | undefined
  readonly inTree: string | undefined
  readonly resources: ReadonlyMap<string, number>
}

export async function listProviders(placement: Placement, filters: ProviderFilters): Promise<Provider[]> {
  const view = await placement.view.current()
  for (const name of filters.resources.keys()) {
    if (!view.hasClass(name)) throw new BadRequest(`Invalid resource class in resources parameter: No such resource class ${name}.`)
  }
  const unknown = traitsOf(filters).filter((name) => !view.hasTrait(name))
  if (unknown.length > 0) throw noSuchTraits(unknown, 'Invalid trait(s) in "required" parameter: ')
  const root = filters.inTree === undefined ? undefined : view.providers.get(filters.inTree)?.root
  if (filters.inTree !== undefined && root === undefined) return []
  return [...view.providers.values()].filter((provider) =>
    (filters.name === undefined || provider.name === filters.name)
    && (filters.uuid === undefined || provider.uuid === filters.uuid)
    && (root === undefined || provider.root === root)
    && [...filters.resources].every(([name, amount]) => canGive(provider, name, amount))
    && inAggregates(provider, filters) && hasTraits(provider, filters))
}

/** @param generation the one that the client saw, from 1.19 on; without it the change does not count as one */
export function replaceAggregates(placement: Placement, ctx: RequestContext, uuid: string, aggregates: readonly string[], generation: number | undefined): Promise<Provider> {
  return changeProviders(placement, ctx, async (change) => {
    const draft = change.draft(uuid)
    if (generation !== undefined) {
      if (draft.generation !== generation) throw new ConcurrentUpdate("Resource provider's generation already changed. Please update the generation and try again.")
      change.raise(uuid)
    }
    draft.aggregates = new Set(aggregates)
    await writeAggregates(change.tx, uuid, draft.aggregates)
    return draft
  })
}
