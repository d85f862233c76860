// The vocabulary: custom resource classes and traits, and the traits of providers.
import type { RequestContext } from '#core/context'
import { BadRequest, Conflict, NotFound } from '#core/errors'
import { deleteName, insertName, renameClass } from '../db/names.ts'
import { writeTraits } from '../db/providers.ts'
import { ConcurrentUpdate } from '../model/errors.ts'
import type { Provider } from '../model/providers.ts'
import { isStandardClass, isStandardTrait, standardTraits } from '../model/standard-names.ts'
import { changeProviders, type Placement } from './change.ts'

/** Makes the class or trait unless it is there. @returns whether it was made */
export async function ensureName(placement: Placement, ctx: RequestContext, table: 'resource_classes' | 'traits', name: string): Promise<boolean> {
  const view = await placement.view.current()
  if ((table === 'traits' ? view.names.traits : view.names.classes).has(name)) return false
  return changeProviders(placement, ctx, async (change) => {
    const names = change.view.names
    if ((table === 'traits' ? names.traits : names.classes).has(name)) return false
    await insertName(change.tx, table, name, change.now)
    const grown = (known: ReadonlyMap<string, string>) => new Map([...known, [name, change.now]])
    change.renamed(table === 'traits' ? { ...names, traits: grown(names.traits) } : { ...names, classes: grown(names.classes) })
    return true
  })
}

export async function createClass(placement: Placement, ctx: RequestContext, name: string): Promise<void> {
  if (!(await ensureName(placement, ctx, 'resource_classes', name))) throw new Conflict(`Conflicting resource class already exists: ${name}`)
}

export async function listClasses(placement: Placement): Promise<readonly string[]> {
  return (await placement.view.current()).classes
}

/** @throws NotFound */
export async function requireClass(placement: Placement, name: string): Promise<void> {
  if (!(await placement.view.current()).hasClass(name)) throw new NotFound(`No such resource class ${name.slice(0, 255)}.`)
}

export async function renameResourceClass(placement: Placement, ctx: RequestContext, from: string, to: string): Promise<void> {
  await requireClass(placement, from)
  if (isStandardClass(from)) throw new BadRequest(`Cannot update standard resource class ${from}`)
  await changeProviders(placement, ctx, async (change) => {
    const { names } = change.view
    if (change.view.hasClass(to)) throw new Conflict(`Resource class already exists: ${to}`)
    await renameClass(change.tx, from, to)
    change.renamed(names, true)
  })
}

export async function deleteClass(placement: Placement, ctx: RequestContext, name: string): Promise<void> {
  await requireClass(placement, name)
  if (isStandardClass(name)) throw new BadRequest(`Error in delete resource class: Cannot delete standard resource class ${name}.`)
  await changeProviders(placement, ctx, async (change) => {
    const { names } = change.view
    for (const provider of change.view.providers.values()) {
      if (provider.inventories.has(name)) throw new Conflict(`Error in delete resource class: Cannot delete resource class ${name}. Class is in use in inventory.`)
    }
    await deleteName(change.tx, 'resource_classes', name)
    change.renamed({ ...names, classes: new Map([...names.classes].filter(([each]) => each !== name)) })
  })
}

export interface TraitQuery {
  readonly names: ReadonlySet<string> | undefined
  readonly prefix: string | undefined
  /** Whether some provider has it. */
  readonly associated: boolean | undefined
}

export async function listTraits(placement: Placement, query: TraitQuery): Promise<string[]> {
  const view = await placement.view.current()
  let held: Set<string> | undefined
  if (query.associated !== undefined) {
    held = new Set()
    for (const provider of view.providers.values()) for (const trait of provider.traits) held.add(trait)
  }
  return [...standardTraits, ...view.names.traits.keys()].filter((name) =>
    (query.names === undefined || query.names.has(name)) && (query.prefix === undefined || name.startsWith(query.prefix))
    && (held === undefined || held.has(name) === query.associated))
}

/** @throws NotFound */
export async function requireTrait(placement: Placement, name: string): Promise<void> {
  if (!(await placement.view.current()).hasTrait(name)) throw new NotFound(`No such trait(s): ${name.slice(0, 255)}.`)
}

export async function deleteTrait(placement: Placement, ctx: RequestContext, name: string): Promise<void> {
  await requireTrait(placement, name)
  if (isStandardTrait(name)) throw new BadRequest(`Cannot delete standard trait ${name}.`)
  await changeProviders(placement, ctx, async (change) => {
    const { names } = change.view
    for (const provider of change.view.providers.values()) {
      if (provider.traits.has(name)) throw new Conflict(`The trait ${name} is in use by a resource provider.`)
    }
    await deleteName(change.tx, 'traits', name)
    change.renamed({ ...names, traits: new Map([...names.traits].filter(([each]) => each !== name)) })
  })
}

/** @param generation the one that the client saw; undefined to take whichever it is */
export function replaceTraits(placement: Placement, ctx: RequestContext, uuid: string, traits: readonly string[], generation: number | undefined): Promise<Provider> {
  return changeProviders(placement, ctx, async (change) => {
    const draft = change.draft(uuid)
    if (generation !== undefined && draft.generation !== generation) {
      throw new ConcurrentUpdate("Resource provider's generation already changed. Please update the generation and try again.")
    }
    const unknown = traits.filter((name) => !change.view.hasTrait(name))
    if (unknown.length > 0) throw new BadRequest(`No such trait ${unknown.join(', ')}`)
    const wanted = new Set(traits)
    // Nothing changed, no new generation (placement/objects/resource_provider.py, _set_traits).
    if (wanted.symmetricDifference(draft.traits).size === 0) return draft
    draft.traits = wanted
    await writeTraits(change.tx, uuid, wanted)
    change.raise(uuid)
    return draft
  })
}
