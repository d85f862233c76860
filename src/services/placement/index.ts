// Placement: which providers have which resources, and who holds how much of them.
import type { Capabilities } from '#core/context'
import type { Database } from '#core/db'
import { createApi, placementFaults, serve } from '#core/http'
import { compilePolicy } from '#core/policy'
import { defineService, type Role, type Runtime } from '#core/service'
import { allocationHandlers, usageHandlers } from './api/allocations.ts'
import { candidateHandlers } from './api/candidates.ts'
import { inventoryHandlers } from './api/inventories.ts'
import { resourceClassHandlers, traitHandlers } from './api/names.ts'
import { placementRules } from './api/policy.ts'
import { providerHandlers } from './api/providers.ts'
import { admit, placementInput, requireProvider } from './api/requests.ts'
import { rootHandlers } from './api/root.ts'
import { allocationRoutes, candidateRoutes, inventoryRoutes, placementVersions, providerRoutes, resourceClassRoutes, rootRoutes, traitRoutes, usageRoutes } from './contract/index.ts'
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
    service: 'placement', prefix: '', faults: placementFaults, policy, refusal: notPerformed, authenticate: runtime.authenticate,
    framework: 'routes', admit, beforeBody: (route, params) => requireProvider(placement, route, params), input: placementInput,
    versions: { list: placementVersions, type: 'placement', parser: 'microversion_parse' }, capabilities: runtime, authUrl: runtime.authUrl, checkReplies: runtime.checkReplies,
    routes: [
      serve(rootRoutes, rootHandlers(placement)),
      serve(providerRoutes, providerHandlers(placement)), serve(inventoryRoutes, inventoryHandlers(placement)),
      serve(resourceClassRoutes, resourceClassHandlers(placement)), serve(traitRoutes, traitHandlers(placement)),
      serve(allocationRoutes, allocationHandlers(placement)), serve(usageRoutes, usageHandlers(placement, policy)),
      serve(candidateRoutes, candidateHandlers(placement)),
    ],
  })
  return { transport, stop() {} }
}

export const placement = defineService({ name: 'placement', roles: { api: startApi } })
