// Answers about resource classes and traits.
import { BadRequest } from '#core/errors'
import type { Handlers } from '#core/http'
import { findProblem } from '#core/validation'
import { NewResourceClass, type resourceClassRoutes, type traitRoutes } from '../contract/names.ts'
import type { Placement } from '../domain/change.ts'
import { createClass, deleteClass, deleteTrait, ensureName, listClasses, listTraits, renameResourceClass, replaceTraits, requireClass, requireTrait, type TraitQuery } from '../domain/names.ts'
import { showProvider } from '../domain/providers.ts'
import type { Provider } from '../model/providers.ts'
import { fresh, pathOf } from './headers.ts'
import { misfit } from './requests.ts'

const customName = /^CUSTOM_[A-Z0-9_]{1,248}$/

const viewClass = (name: string, baseUrl: string) => ({ name, links: [{ rel: 'self', href: `${pathOf(baseUrl)}/resource_classes/${name}` }] })

export const resourceClassHandlers = (placement: Placement): Handlers<typeof resourceClassRoutes> => ({
  async listResourceClasses({ version, baseUrl }) {
    const names = await listClasses(placement)
    return { status: 200, headers: fresh(version, placement.clock.now()), body: { resource_classes: names.map((name) => viewClass(name, baseUrl)) } }
  },
  async createResourceClass({ ctx, body, baseUrl }) {
    await createClass(placement, ctx, body.name)
    return { status: 201, headers: { location: `${baseUrl}/resource_classes/${body.name}` } }
  },
  async showResourceClass({ params, version, baseUrl }) {
    await requireClass(placement, params.name)
    return { status: 200, headers: fresh(version, placement.clock.now()), body: viewClass(params.name, baseUrl) }
  },
  async renameResourceClass({ ctx, params, body, baseUrl }) {
    await renameResourceClass(placement, ctx, params.name, body.name)
    return { status: 200, body: viewClass(body.name, baseUrl) }
  },
  async ensureResourceClass({ ctx, params, baseUrl }) {
    const problem = findProblem(NewResourceClass, params)
    if (problem) throw misfit(problem, 'body', NewResourceClass)
    const made = await ensureName(placement, ctx, 'resource_classes', params.name)
    return { status: made ? 201 : 204, headers: { location: `${baseUrl}/resource_classes/${params.name}` } }
  },
  async deleteResourceClass({ ctx, params }) {
    await deleteClass(placement, ctx, params.name)
    return { status: 204 }
  },
})

function readTraitQuery(query: { name?: readonly string[]; associated?: readonly string[] }): TraitQuery {
  const [name, associated] = [query.name?.at(-1), query.associated?.at(-1)]
  let names: ReadonlySet<string> | undefined
  let prefix: string | undefined
  if (name !== undefined) {
    const [, operator, value = ''] = /^([^:]*):(.*)$/s.exec(name) ?? []
    if (operator === undefined) throw new BadRequest(`Badly formatted name parameter. Expected name query string parameter in form: ?name=[in|startswith]:[name1,name2|prefix]. Got: "${name.slice(0, 200)}"`)
    if (operator === 'in') names = new Set(value.split(','))
    else if (operator === 'startswith') prefix = value
  }
  const wanted = associated?.toLowerCase()
  if (wanted !== undefined && wanted !== 'true' && wanted !== 'false') throw new BadRequest('The query parameter "associated" only accepts "true" or "false"')
  return { names, prefix, associated: wanted === undefined ? undefined : wanted === 'true' }
}

const viewTraits = ({ traits, generation }: Provider) => ({ traits: [...traits], resource_provider_generation: generation })

export const traitHandlers = (placement: Placement): Handlers<typeof traitRoutes> => ({
  async listTraits({ query, version }) {
    return { status: 200, headers: fresh(version, placement.clock.now()), body: { traits: await listTraits(placement, readTraitQuery(query)) } }
  },
  async showTrait({ params, version }) {
    await requireTrait(placement, params.name)
    return { status: 204, headers: fresh(version, placement.clock.now()) }
  },
  async ensureTrait({ ctx, params, version, baseUrl }) {
    if (!customName.test(params.name)) {
      throw new BadRequest('The trait is invalid. A valid trait must be no longer than 255 characters, start with the prefix "CUSTOM_" and use following characters: "A"-"Z", "0"-"9" and "_"')
    }
    const made = await ensureName(placement, ctx, 'traits', params.name)
    return { status: made ? 201 : 204, headers: { location: `${baseUrl}/traits/${params.name}`, ...fresh(version, placement.clock.now()) } }
  },
  async deleteTrait({ ctx, params }) {
    await deleteTrait(placement, ctx, params.name)
    return { status: 204 }
  },
  async listProviderTraits({ params, version }) {
    return { status: 200, headers: fresh(version, placement.clock.now()), body: viewTraits(await showProvider(placement, params.uuid)) }
  },
  async replaceProviderTraits({ ctx, params, body, version }) {
    const provider = await replaceTraits(placement, ctx, params.uuid, body.traits, body.resource_provider_generation)
    return { status: 200, headers: fresh(version, placement.clock.now()), body: viewTraits(provider) }
  },
  async deleteProviderTraits({ ctx, params }) {
    await replaceTraits(placement, ctx, params.uuid, [], undefined)
    return { status: 204 }
  },
})
