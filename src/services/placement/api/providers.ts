// Answers about providers, their usages and aggregates.
import type { Handlers } from '#core/http'
import type { Version } from '#core/spec'
import type { Placement } from '../domain/change.ts'
import { createProvider, deleteProvider, listProviders, replaceAggregates, showProvider, updateProvider } from '../domain/providers.ts'
import type { providerRoutes } from '../contract/providers.ts'
import type { Provider } from '../model/providers.ts'
import { fresh, latest, pathOf } from './headers.ts'
import { readAggregates, readResources, readTraits } from './query.ts'

const linked: readonly (readonly [since: string, rel: string])[] = [['1.0', 'inventories'], ['1.0', 'usages'], ['1.1', 'aggregates'], ['1.6', 'traits'], ['1.11', 'allocations']]

function viewProvider(provider: Provider, version: Version, baseUrl: string) {
  const href = `${pathOf(baseUrl)}/resource_providers/${provider.uuid}`
  const links = linked.filter(([since]) => version.atLeast(since)).map(([, rel]) => ({ rel, href: `${href}/${rel}` }))
  return {
    uuid: provider.uuid, name: provider.name, generation: provider.generation, links: [{ rel: 'self', href }, ...links],
    ...(version.atLeast('1.14') && { parent_provider_uuid: provider.parent ?? null, root_provider_uuid: provider.root }),
  }
}

/** With dashes and in small letters, as ids are stored. */
export function normalUuid(text: string): string {
  const digits = text.replaceAll('-', '').toLowerCase()
  return [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)].join('-')
}

function viewAggregates({ aggregates, generation }: Provider, version: Version) {
  return { aggregates: [...aggregates], ...(version.atLeast('1.19') && { resource_provider_generation: generation }) }
}

export const providerHandlers = (placement: Placement): Handlers<typeof providerRoutes> => ({
  async listProviders({ query, version, baseUrl }) {
    const asked = query as Readonly<Record<string, readonly string[] | undefined>>
    const [name, uuid, inTree, resources] = ['name', 'uuid', 'in_tree', 'resources'].map((key) => asked[key]?.at(-1))
    const providers = await listProviders(placement, {
      name, uuid: uuid === undefined ? undefined : normalUuid(uuid), inTree: inTree === undefined ? undefined : normalUuid(inTree), resources: readResources(resources),
      ...readAggregates(asked['member_of'], version), ...readTraits(asked['required'], version),
    })
    const headers = fresh(version, latest(providers.map((each) => each.updatedAt), placement.clock.now()))
    return { status: 200, headers, body: { resource_providers: providers.map((each) => viewProvider(each, version, baseUrl)) } }
  },
  async createProvider({ ctx, body, version, baseUrl }) {
    const wanted = body as { name: string; uuid?: string; parent_provider_uuid?: string | null }
    const provider = await createProvider(placement, ctx, {
      name: wanted.name, uuid: wanted.uuid === undefined ? placement.ids.uuid() : normalUuid(wanted.uuid),
      parent: wanted.parent_provider_uuid === undefined || wanted.parent_provider_uuid === null ? undefined : normalUuid(wanted.parent_provider_uuid),
    })
    const headers = { location: `${baseUrl}/resource_providers/${provider.uuid}` }
    if (!version.atLeast('1.20')) return { status: 201, headers }
    return { status: 200, headers: { ...headers, ...fresh(version, provider.updatedAt) }, body: viewProvider(provider, version, baseUrl) }
  },
  async showProvider({ params, version, baseUrl }) {
    const provider = await showProvider(placement, params.uuid)
    return { status: 200, headers: fresh(version, provider.updatedAt), body: viewProvider(provider, version, baseUrl) }
  },
  async updateProvider({ ctx, params, body, version, baseUrl }) {
    const wanted = body as { name: string; parent_provider_uuid?: string | null }
    const parent = wanted.parent_provider_uuid
    const provider = await updateProvider(placement, ctx, params.uuid, {
      name: wanted.name, ...(parent !== undefined && { parent: parent === null ? null : normalUuid(parent) }),
    }, version.atLeast('1.37'))
    return { status: 200, headers: fresh(version, provider.updatedAt), body: viewProvider(provider, version, baseUrl) }
  },
  async deleteProvider({ ctx, params }) {
    await deleteProvider(placement, ctx, params.uuid)
    return { status: 204 }
  },
  async showProviderUsages({ params, version }) {
    const provider = await showProvider(placement, params.uuid)
    const usages = Object.fromEntries([...provider.inventories.keys()].map((name) => [name, provider.used.get(name) ?? 0]))
    return { status: 200, headers: fresh(version, placement.clock.now()), body: { resource_provider_generation: provider.generation, usages } }
  },
  async listProviderAggregates({ params, version }) {
    const provider = await showProvider(placement, params.uuid)
    return { status: 200, headers: fresh(version, placement.clock.now()), body: viewAggregates(provider, version) }
  },
  async replaceProviderAggregates({ ctx, params, body, version }) {
    const provider = Array.isArray(body)
      ? await replaceAggregates(placement, ctx, params.uuid, body, undefined)
      : await replaceAggregates(placement, ctx, params.uuid, body.aggregates, body.resource_provider_generation)
    return { status: 200, headers: fresh(version, placement.clock.now()), body: viewAggregates(provider, version) }
  },
})
