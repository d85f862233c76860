// Handlers and views of flavors.
import { BadRequest } from '#core/errors'
import { type Handlers, readPage } from '#core/http'
import type { Version } from '#core/spec'
import type { RequestContext } from '#core/context'
import { type FlavorBody, flavorSortKeys, type flavorRoutes, type NewFlavorWire } from '../contract/flavors.ts'
import type { FlavorFilter } from '../db/flavors.ts'
import { createFlavor, findFlavors, removeFlavor, showFlavor, updateFlavor, viewerOf } from '../domain/flavors.ts'
import type { Nova } from '../domain/nova.ts'
import type { Flavor, NewFlavor } from '../model/flavor.ts'
import { type Asked, linksOf, nextLinks } from './links.ts'
import { readBoolean, toBoolean, toNumber, wholeNumber } from './values.ts'

type ListInput = Asked & { readonly ctx: RequestContext; readonly query: Readonly<Record<string, unknown>> }

export const flavorHandlers = (nova: Nova): Handlers<typeof flavorRoutes> => {
  async function list({ ctx, query, ...asked }: ListInput, collection: string) {
    const page = readPage(query, {
      sortable: flavorSortKeys, defaultSort: [{ key: 'flavorid', direction: 'asc' }], maxLimit: nova.settings.max_limit,
    })
    const flavors = await findFlavors(nova, ctx, flavorFilter(query, viewerOf(ctx).admin), page)
    const next = nextLinks(asked, collection, page.limit, flavors.map(({ id }) => id))
    return { flavors, more: next ? { flavors_links: next } : {} }
  }

  /** Extra specs are shown from 2.61, to those who may see them. */
  const view = (flavor: Flavor, ctx: RequestContext, version: Version, asked: Asked) => {
    const { identity } = ctx
    const specs = version.atLeast('2.61') && nova.policy.allows('os_compute_api:os-flavor-extra-specs:index', identity, { project_id: identity.projectId })
    return viewFlavor(flavor, version, asked, specs)
  }

  return {
    async listFlavors(input) {
      const { flavors, more } = await list(input, 'flavors')
      return { status: 200, body: { flavors: flavors.map((flavor) => viewBrief(flavor, input.version, input)), ...more } }
    },
    async listFlavorsInDetail(input) {
      const { flavors, more } = await list(input, 'flavors/detail')
      return { status: 200, body: { flavors: flavors.map((flavor) => view(flavor, input.ctx, input.version, input)), ...more } }
    },
    async showFlavor({ ctx, params, version, ...asked }) {
      return { status: 200, body: { flavor: view(await showFlavor(nova, ctx, params.id), ctx, version, asked) } }
    },
    async createFlavor({ ctx, body, version, ...asked }) {
      return { status: 200, body: { flavor: view(await createFlavor(nova, ctx, newFlavor(body.flavor)), ctx, version, asked) } }
    },
    async updateFlavor({ ctx, params, body, version, ...asked }) {
      return { status: 200, body: { flavor: view(await updateFlavor(nova, ctx, params.id, body.flavor.description), ctx, version, asked) } }
    },
    async deleteFlavor({ params }) {
      await removeFlavor(nova, params.id)
      return { status: 202 }
    },
  }
}

function newFlavor(asked: NewFlavorWire): Omit<NewFlavor, 'id'> & { id?: string } {
  const { id } = asked
  return {
    ...(id !== undefined && id !== null && { id: String(id) }),
    name: asked.name, memoryMiB: toNumber(asked.ram), vcpus: toNumber(asked.vcpus), rootGiB: toNumber(asked.disk),
    ephemeralGiB: toNumber(asked['OS-FLV-EXT-DATA:ephemeral'] ?? 0), swapMiB: toNumber(asked.swap ?? 0), rxtxFactor: toNumber(asked.rxtx_factor ?? 1),
    isPublic: toBoolean(asked['os-flavor-access:is_public'] ?? true), description: asked.description ?? null,
  }
}

/** Only admins choose which kind they see; others see what they may use. */
function flavorFilter(query: Readonly<Record<string, unknown>>, admin: boolean): FlavorFilter {
  const text = (name: string) => (query[name] as readonly string[] | undefined)?.at(-1)
  const memory = wholeNumber(text('minRam'), 'minRam')
  const root = wholeNumber(text('minDisk'), 'minDisk')
  const least = { ...(memory !== undefined && { leastMemoryMiB: memory }), ...(root !== undefined && { leastRootGiB: root }) }
  if (!admin) return { isPublic: true, enabledOnly: true, ...least }
  const kind = text('is_public')
  if (kind === undefined) return { isPublic: true, enabledOnly: false, ...least }
  if (kind.toLowerCase() === 'none') return { enabledOnly: false, ...least }
  const isPublic = readBoolean(kind)
  if (isPublic === undefined) throw new BadRequest(`Invalid is_public filter [${kind.slice(0, 80)}]`)
  return { isPublic, enabledOnly: false, ...least }
}

function viewBrief({ id, name, description }: Flavor, version: Version, asked: Asked) {
  return { id, name, links: linksOf(asked, 'flavors', id), ...(version.atLeast('2.55') && { description }) }
}

function viewFlavor(flavor: Flavor, version: Version, asked: Asked, withSpecs: boolean): FlavorBody {
  return {
    ...viewBrief(flavor, version, asked),
    ram: flavor.memoryMiB, vcpus: flavor.vcpus, disk: flavor.rootGiB, swap: flavor.swapMiB === 0 && !version.atLeast('2.75') ? '' : flavor.swapMiB,
    'OS-FLV-EXT-DATA:ephemeral': flavor.ephemeralGiB, 'OS-FLV-DISABLED:disabled': flavor.disabled, 'os-flavor-access:is_public': flavor.isPublic,
    rxtx_factor: flavor.rxtxFactor, ...(withSpecs && { extra_specs: { ...flavor.extraSpecs } }),
  }
}
