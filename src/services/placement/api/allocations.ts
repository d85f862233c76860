// Answers about allocations and usages; the bodies of all versions become one shape here.
import { BadRequest } from '#core/errors'
import type { Handlers, PolicyCheck } from '#core/http'
import type { Static, Version } from '#core/spec'
import type { allocationRoutes, usageRoutes } from '../contract/allocations.ts'
import type { NewInventories } from '../contract/shapes.ts'
import { type Claim, deleteAllocations, listProviderAllocations, replaceAllocations, reshape, showAllocations } from '../domain/allocations.ts'
import type { Placement } from '../domain/change.ts'
import { usagesByConsumerType, usagesOf } from '../domain/usages.ts'
import { notPerformed } from '../model/errors.ts'
import { fresh, latest } from './headers.ts'
import { wantedInventory } from './inventories.ts'
import { normalUuid } from './providers.ts'

interface AnyClaim {
  readonly allocations:
    | readonly { resource_provider: { uuid: string }; resources: Record<string, number> }[]
    | Readonly<Record<string, { resources: Record<string, number> }>>
  readonly project_id?: string
  readonly user_id?: string
  readonly consumer_generation?: number | null
  readonly consumer_type?: string
}

/** Who holds what was claimed before 1.8, when nobody said (upstream's defaults of incomplete_consumer_…). */
const incomplete = '00000000-0000-0000-0000-000000000000'

function readClaim(consumer: string, body: AnyClaim, version: Version): Claim {
  const { allocations } = body
  return {
    consumer,
    holds: Array.isArray(allocations)
      ? allocations.map((each: { resource_provider: { uuid: string }; resources: Record<string, number> }) => [normalUuid(each.resource_provider.uuid), each.resources])
      : Object.entries(allocations as Readonly<Record<string, { resources: Record<string, number> }>>).map(([uuid, { resources }]) => [uuid, resources]),
    projectId: body.project_id ?? incomplete, userId: body.user_id ?? incomplete,
    generation: version.atLeast('1.28') ? (body.consumer_generation ?? null) : undefined,
    type: body.consumer_type,
  }
}

const readClaims = (body: Readonly<Record<string, AnyClaim>>, version: Version) => Object.entries(body).map(([consumer, claim]) => readClaim(consumer, claim, version))

export const allocationHandlers = (placement: Placement): Handlers<typeof allocationRoutes> => ({
  async showAllocations({ params, version }) {
    const { consumer, rows, providers } = await showAllocations(placement, params.consumer_uuid)
    const allocations: Record<string, { generation: number; resources: Record<string, number> }> = {}
    for (const row of rows) {
      const held = (allocations[row.provider_uuid] ??= { generation: providers.get(row.provider_uuid)?.generation ?? 0, resources: {} })
      held.resources[row.resource_class] = row.used
    }
    return {
      status: 200, headers: fresh(version, latest(rows.map((row) => row.created_at), placement.clock.now())),
      body: {
        allocations,
        ...(consumer && version.atLeast('1.12') && { project_id: consumer.project_id, user_id: consumer.user_id }),
        ...(consumer && version.atLeast('1.28') && { consumer_generation: consumer.generation }),
        ...(consumer && version.atLeast('1.38') && { consumer_type: consumer.consumer_type ?? 'unknown' }),
      },
    }
  },
  async replaceAllocations({ ctx, params, body, version }) {
    if (!/^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i.test(params.consumer_uuid)) throw new BadRequest(`Malformed consumer_uuid: ${params.consumer_uuid.slice(0, 80)}`)
    const consumer = normalUuid(params.consumer_uuid)
    await replaceAllocations(placement, ctx, [readClaim(consumer, body, version)], `Unable to allocate inventory for consumer ${consumer}: `)
    return { status: 204 }
  },
  async replaceManyAllocations({ ctx, body, version }) {
    await replaceAllocations(placement, ctx, readClaims(body, version), 'Unable to allocate inventory ')
    return { status: 204 }
  },
  async deleteAllocations({ ctx, params }) {
    await deleteAllocations(placement, ctx, params.consumer_uuid)
    return { status: 204 }
  },
  async listProviderAllocations({ params, version }) {
    const { provider, rows } = await listProviderAllocations(placement, params.uuid)
    const allocations: Record<string, { resources: Record<string, number>; consumer_generation?: number }> = {}
    for (const row of rows) {
      const held = (allocations[row.consumer_uuid] ??= { resources: {}, ...(version.atLeast('1.28') && { consumer_generation: row.generation }) })
      held.resources[row.resource_class] = row.used
    }
    return {
      status: 200, headers: fresh(version, latest(rows.map((row) => row.created_at), placement.clock.now())),
      body: { allocations, resource_provider_generation: provider.generation },
    }
  },
  async reshape({ ctx, body, version }) {
    const inventories = Object.entries(body.inventories as Record<string, Static<typeof NewInventories>>).map(([provider, each]) => ({
      provider, generation: each.resource_provider_generation,
      wanted: new Map(Object.entries(each.inventories).map(([name, inventory]) => [name, wantedInventory(inventory)])),
    }))
    await reshape(placement, ctx, { inventories, claims: readClaims(body.allocations, version) })
    return { status: 204 }
  },
})

export const usageHandlers = (placement: Placement, policy: PolicyCheck): Handlers<typeof usageRoutes> => ({
  async showUsages({ ctx, query, version }) {
    const asked = query as Readonly<Record<string, readonly string[] | undefined>>
    const [projectId = '', userId, consumerType] = ['project_id', 'user_id', 'consumer_type'].map((key) => asked[key]?.at(-1))
    if (!policy.allows('placement:usages', ctx.identity, { project_id: projectId })) throw notPerformed('placement:usages')
    const of = { projectId, userId, consumerType }
    const headers = fresh(version, placement.clock.now())
    if (!version.atLeast('1.38')) return { status: 200, headers, body: { usages: await usagesOf(placement, of) } }
    return { status: 200, headers, body: { usages: await usagesByConsumerType(placement, of) } }
  },
})
