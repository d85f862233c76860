// Making, describing and removing flavors, and opening private ones to projects.
import type { RequestContext } from '#core/context'
import { isUniqueViolation } from '#core/db'
import { BadRequest, Conflict, NotFound } from '#core/errors'
import type { Page } from '#core/http'
import {
  deleteExtraSpec, deleteFlavor, deleteFlavorProject, describeFlavor, type FlavorFilter, flavorProjects, insertFlavor, insertFlavorProject, listFlavors,
  readFlavor, setExtraSpecs, type Viewer,
} from '../db/flavors.ts'
import type { Flavor, NewFlavor } from '../model/flavor.ts'
import { checkExtraSpec } from './extra-spec-rules.ts'
import type { Nova } from './nova.ts'
import { requireProject } from './projects.ts'

export function viewerOf({ identity }: RequestContext): Viewer {
  return { admin: identity.roles.includes('admin'), ...(identity.projectId !== undefined && { projectId: identity.projectId }) }
}

const missing = (flavorId: string) => new NotFound(`Flavor ${flavorId} could not be found.`)

/** @throws NotFound also for a private flavor that the caller's project was not given */
export async function showFlavor(nova: Nova, ctx: RequestContext, flavorId: string): Promise<Flavor> {
  const flavor = await readFlavor(nova.api.read, flavorId, viewerOf(ctx))
  if (!flavor) throw missing(flavorId)
  return flavor
}

export async function findFlavors(nova: Nova, ctx: RequestContext, filter: FlavorFilter, page: Page): Promise<Flavor[]> {
  const found = await listFlavors(nova.api.read, viewerOf(ctx), filter, page)
  if (!found) throw new BadRequest(`marker [${page.marker}] not found`)
  return found
}

export async function createFlavor(nova: Nova, ctx: RequestContext, asked: Omit<NewFlavor, 'id'> & { readonly id?: string }): Promise<Flavor> {
  const flavor = { ...asked, id: asked.id ?? nova.runtime.ids.uuid() }
  try {
    await nova.api.transaction((tx) => insertFlavor(tx, flavor, nova.runtime.clock.now().toISOString()))
  } catch (error) {
    if (isUniqueViolation(error, 'name')) throw new Conflict(`Flavor with name ${flavor.name} already exists.`, {}, error)
    if (isUniqueViolation(error, 'flavorid')) throw new Conflict(`Flavor with ID ${flavor.id} already exists.`, {}, error)
    throw error
  }
  return showFlavor(nova, ctx, flavor.id)
}

export async function updateFlavor(nova: Nova, ctx: RequestContext, flavorId: string, description: string | null): Promise<Flavor> {
  await showFlavor(nova, ctx, flavorId)
  await nova.api.transaction((tx) => describeFlavor(tx, flavorId, description, nova.runtime.clock.now().toISOString()))
  return showFlavor(nova, ctx, flavorId)
}

export async function removeFlavor(nova: Nova, flavorId: string): Promise<void> {
  if (!(await nova.api.transaction((tx) => deleteFlavor(tx, flavorId)))) throw missing(flavorId)
}

/** @param checked refuse specs that no part of nova could mean (from 2.86) */
export async function addExtraSpecs(nova: Nova, ctx: RequestContext, flavorId: string, specs: Readonly<Record<string, string>>, checked: boolean): Promise<void> {
  for (const [key, value] of Object.entries(specs)) {
    if (value.length > 255) throw new BadRequest(`extra_specs value has ${value.length} characters, more than 255.`)
    const problem = checked ? checkExtraSpec(key, value) : undefined
    if (problem !== undefined) throw new BadRequest(problem)
  }
  const { rowId } = await showFlavor(nova, ctx, flavorId)
  await nova.api.transaction((tx) => setExtraSpecs(tx, rowId, specs))
}

const noSpec = (flavorId: string, key: string) => new NotFound(`Flavor ${flavorId} has no extra specs with key ${key}.`)

export async function showExtraSpec(nova: Nova, ctx: RequestContext, flavorId: string, key: string): Promise<string> {
  const { extraSpecs } = await showFlavor(nova, ctx, flavorId)
  const value = Object.hasOwn(extraSpecs, key) ? extraSpecs[key] : undefined
  if (value === undefined) throw noSpec(flavorId, key)
  return value
}

export async function removeExtraSpec(nova: Nova, ctx: RequestContext, flavorId: string, key: string): Promise<void> {
  const { rowId } = await showFlavor(nova, ctx, flavorId)
  if (!(await nova.api.transaction((tx) => deleteExtraSpec(tx, rowId, key)))) throw noSpec(flavorId, key)
}

export async function flavorAccess(nova: Nova, ctx: RequestContext, flavorId: string): Promise<string[]> {
  const flavor = await showFlavor(nova, ctx, flavorId)
  if (flavor.isPublic) throw new NotFound('Access list not available for public flavors.')
  return flavorProjects(nova.api.read, flavor.rowId)
}

/** @param refusePublic as from 2.7: a public flavor has no access list */
export async function addAccess(nova: Nova, ctx: RequestContext, flavorId: string, projectId: string, refusePublic: boolean): Promise<string[]> {
  await requireProject(nova, ctx, projectId)
  const flavor = await showFlavor(nova, ctx, flavorId)
  if (refusePublic && flavor.isPublic) throw new Conflict('Can not add access to a public flavor.')
  try {
    await nova.api.transaction((tx) => insertFlavorProject(tx, flavor.rowId, projectId))
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    throw new Conflict(`Flavor access already exists for flavor ${flavorId} and project ${projectId} combination.`, {}, error)
  }
  return flavorProjects(nova.api.read, flavor.rowId)
}

/** The project may be gone meanwhile. */
export async function removeAccess(nova: Nova, ctx: RequestContext, flavorId: string, projectId: string): Promise<string[]> {
  const flavor = await showFlavor(nova, ctx, flavorId)
  if (!(await nova.api.transaction((tx) => deleteFlavorProject(tx, flavor.rowId, projectId)))) {
    throw new NotFound(`Flavor access not found for ${flavorId} / ${projectId} combination.`)
  }
  return flavorProjects(nova.api.read, flavor.rowId)
}
