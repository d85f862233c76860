// Placement: which providers have which resources, and who holds how much of them.
import type { Capabilities } from '#core/context'
import type { Database } from '#core/db'
import { type ApiReply, type ApiRequest, createApi, placementFaults, serve } from '#core/http'
import { compilePolicy } from '#core/policy'
import { defineService, type Role, type Runtime } from '#core/service'
import { allocationHandlers, usageHandlers } from './api/allocations.ts'
import { candidateHandlers } from './api/candidates.ts'
import { inventoryHandlers } from './api/inventories.ts'
import { resourceClassHandlers, traitHandlers } from './api/names.ts'
import { placementRules } from './api/policy.ts'
import { providerHandlers } from './api/providers.ts'
import { allocationRoutes, candidateRoutes, inventoryRoutes, placementVersions, providerRoutes, resourceClassRoutes, traitRoutes, usageRoutes } from './contract/index.ts'
import { placementMigrations } from './db/migrations/index.ts'
import type { PlacementTables } from './db/tables.ts'
import type { Placement } from './domain/change.ts'
import { ProviderView } from './domain/view.ts'
import { notPerformed } from './model/errors.ts'

export function createPlacement(database: Database<PlacementTables>, { clock, random, ids, log }: Capabilities): Placement {
  return { database, view: new ProviderView(database), clock, random, ids, log }
}

async function startApi(runtime: Runtime): Promise<Role> {
  const placement = createPlacement(await runtime.database<PlacementTables>('placement', placementMigrations), runtime)
  const policy = compilePolicy(placementRules)
  const transport = createApi({
    service: 'placement', prefix: '', faults: placementFaults, policy, refusal: notPerformed, authenticate: runtime.authenticate, discovery,
    versions: { list: placementVersions, type: 'placement' }, capabilities: runtime, authUrl: runtime.authUrl, checkReplies: runtime.checkReplies,
    routes: [
      serve(providerRoutes, providerHandlers(placement)), serve(inventoryRoutes, inventoryHandlers(placement)),
      serve(resourceClassRoutes, resourceClassHandlers(placement)), serve(traitRoutes, traitHandlers(placement)),
      serve(allocationRoutes, allocationHandlers(placement)), serve(usageRoutes, usageHandlers(placement, policy)),
      serve(candidateRoutes, candidateHandlers(placement)),
    ],
  })
  return { transport, stop() {} }
}

const versions = JSON.stringify({
  versions: [{
    id: 'v1.0', max_version: placementVersions.maximum.text, min_version: placementVersions.minimum.text, status: 'CURRENT',
    // Relative: the client knows under which address it came.
    links: [{ rel: 'self', href: '' }],
  }],
})

function discovery(request: ApiRequest): ApiReply | undefined {
  if ((request.path !== '/' && request.path !== '') || request.method !== 'GET') return undefined
  return { status: 200, headers: { 'content-type': 'application/json' }, body: versions }
}

export const placement = defineService({ name: 'placement', roles: { api: startApi } })
