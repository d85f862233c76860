// Handlers of who may use a private flavor.
import type { Handlers } from '#core/http'
import type { flavorAccessRoutes } from '../contract/flavors.ts'
import { addAccess, flavorAccess, removeAccess } from '../domain/flavors.ts'
import type { Nova } from '../domain/nova.ts'

export const flavorAccessHandlers = (nova: Nova): Handlers<typeof flavorAccessRoutes> => ({
  async listFlavorAccess({ ctx, params }) {
    return { status: 200, body: viewAccess(params.id, await flavorAccess(nova, ctx, params.id)) }
  },
  async addTenantAccess({ ctx, params, body, version }) {
    return { status: 200, body: viewAccess(params.id, await addAccess(nova, ctx, params.id, body.addTenantAccess.tenant, version.atLeast('2.7'))) }
  },
  async removeTenantAccess({ ctx, params, body }) {
    return { status: 200, body: viewAccess(params.id, await removeAccess(nova, ctx, params.id, body.removeTenantAccess.tenant)) }
  },
})

function viewAccess(flavorId: string, projects: readonly string[]) {
  return { flavor_access: projects.map((projectId) => ({ flavor_id: flavorId, tenant_id: projectId })) }
}
