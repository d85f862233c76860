// What nova asks of placement: candidates, claims by server, and the provider of a host.
import { allocationRoutes, candidateRoutes, inventoryRoutes, providerRoutes } from '#contract/placement'
import { client } from '#core/client'
import type { RequestContext } from '#core/context'
import { AppError } from '#core/errors'
import { asService, type Runtime } from '#core/service'
import { unlessAbsent } from './absent.ts'

type Access = Pick<Runtime, 'credentials' | 'services'>
type Asker = Pick<RequestContext, 'requestId' | 'traceId' | 'signal'>

const version = '1.36'

async function asker(runtime: Access, ctx: Asker) {
  return { ...(await asService(runtime, ctx)), version }
}

export interface Candidates {
  /** Resource amounts by provider, one entry per way to place the server. */
  readonly requests: readonly Readonly<Record<string, { readonly resources: Readonly<Record<string, number>> }>>[]
  readonly room: ReadonlyMap<string, Readonly<Record<string, number>>>
}

export async function findCandidates(runtime: Access, ctx: Asker, resources: Readonly<Record<string, number>>, required: readonly string[], provider?: string): Promise<Candidates> {
  const { body } = await client(candidateRoutes, runtime.services.placement, await asker(runtime, ctx)).listAllocationCandidates({
    query: {
      resources: Object.entries(resources).map(([name, amount]) => `${name}:${amount}`).join(','), limit: '1000',
      ...(required.length > 0 && { required: required.join(',') }), ...(provider !== undefined && { in_tree: provider }),
    },
  })
  const requests = body.allocation_requests as readonly { allocations: Candidates['requests'][number] }[]
  const room = new Map<string, Record<string, number>>()
  for (const [id, summary] of Object.entries(body.provider_summaries)) {
    room.set(id, Object.fromEntries(Object.entries(summary.resources).map(([name, { capacity, used }]) => [name, capacity - used])))
  }
  return { requests: requests.map(({ allocations }) => allocations), room }
}

/** @returns false when the room was taken meanwhile, the server holds something already, or what was claimed with the key was given back */
export async function claim(runtime: Access, ctx: Asker, server: { serverId: string; projectId: string; userId: string; claimKey?: string }, allocations: Candidates['requests'][number]): Promise<boolean> {
  try {
    const caller = { ...(await asker(runtime, ctx)), ...(server.claimKey !== undefined && { idempotencyKey: server.claimKey }) }
    await client(allocationRoutes, runtime.services.placement, caller).replaceAllocations({
      params: { consumer_uuid: server.serverId },
      body: { allocations, project_id: server.projectId, user_id: server.userId, consumer_generation: null },
    })
    return true
  } catch (error) {
    if (error instanceof AppError && error.status === 409) return false
    throw error
  }
}

/** Let a server hold this and nothing else. @throws ConcurrentUpdate, or that there is no room */
export async function hold(runtime: Access, ctx: Asker, server: { serverId: string; projectId: string; userId: string }, allocations: Candidates['requests'][number]): Promise<void> {
  const asked = client(allocationRoutes, runtime.services.placement, await asker(runtime, ctx))
  const { body: held } = await asked.showAllocations({ params: { consumer_uuid: server.serverId } })
  await asked.replaceAllocations({
    params: { consumer_uuid: server.serverId },
    body: { allocations, project_id: server.projectId, user_id: server.userId, consumer_generation: held.consumer_generation ?? null },
  })
}

/** The providers of which a server holds something. */
export async function heldBy(runtime: Access, ctx: Asker, serverId: string): Promise<readonly string[]> {
  const { body } = await client(allocationRoutes, runtime.services.placement, await asker(runtime, ctx)).showAllocations({ params: { consumer_uuid: serverId } })
  return Object.keys(body.allocations)
}

/** Free all that a server holds; also succeeds when it holds nothing. A claim with the key that is still on its way will have no effect. */
export async function release(runtime: Access, ctx: Asker, serverId: string, claimKey?: string): Promise<void> {
  const caller = { ...(await asker(runtime, ctx)), ...(claimKey !== undefined && { idempotencyKey: claimKey }) }
  await unlessAbsent(client(allocationRoutes, runtime.services.placement, caller).deleteAllocations({ params: { consumer_uuid: serverId } }))
}

/** All providers, those of other services too, by id. */
export async function providerNames(runtime: Access, ctx: Asker): Promise<ReadonlyMap<string, string>> {
  const { body } = await client(providerRoutes, runtime.services.placement, await asker(runtime, ctx)).listProviders({ query: {} })
  return new Map(body.resource_providers.map(({ uuid, name }) => [uuid, name]))
}

/** Who holds what of a provider; nothing of one that placement does not know. */
export async function heldOf(runtime: Access, ctx: Asker, providerId: string): Promise<ReadonlyMap<string, Readonly<Record<string, number>>>> {
  const answered = await unlessAbsent(client(allocationRoutes, runtime.services.placement, await asker(runtime, ctx)).listProviderAllocations({ params: { uuid: providerId } }))
  return new Map(Object.entries(answered?.body.allocations ?? {}).map(([consumer, { resources }]) => [consumer, resources]))
}

export interface HostInventory {
  readonly resource: string
  readonly total: number
  readonly reserved: number
  readonly ratio: number
}

/** Make placement know a host and what it has to give. */
export async function reportProvider(runtime: Access, ctx: Asker, provider: { id: string; name: string }, inventory: readonly HostInventory[]): Promise<void> {
  const caller = await asker(runtime, ctx)
  const providers = client(providerRoutes, runtime.services.placement, caller)
  const known = await unlessAbsent(providers.showProvider({ params: { uuid: provider.id } }))
  if (!known) await providers.createProvider({ body: { name: provider.name, uuid: provider.id } })
  const inventories = client(inventoryRoutes, runtime.services.placement, caller)
  const { body } = await inventories.listInventories({ params: { uuid: provider.id } })
  const wanted = Object.fromEntries(inventory.map(({ resource, total, reserved, ratio }) =>
    [resource, { total, reserved, min_unit: 1, max_unit: total, step_size: 1, allocation_ratio: ratio }]))
  if (sameInventories(body.inventories, wanted)) return
  await inventories.replaceInventories({ params: { uuid: provider.id }, body: { resource_provider_generation: body.resource_provider_generation, inventories: wanted } })
}

type Amounts = Readonly<Record<string, Readonly<Record<string, number | undefined>>>>

function sameInventories(has: Amounts, wanted: Amounts): boolean {
  const names = Object.keys(wanted)
  return Object.keys(has).length === names.length && names.every((name) => Object.entries(wanted[name] ?? {}).every(([key, value]) => has[name]?.[key] === value))
}
