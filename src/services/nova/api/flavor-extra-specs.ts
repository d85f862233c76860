// Handlers of flavors' extra specs.
import { BadRequest } from '#core/errors'
import type { Handlers } from '#core/http'
import type { flavorExtraSpecRoutes } from '../contract/flavor-extra-specs.ts'
import { addExtraSpecs, removeExtraSpec, showExtraSpec, showFlavor } from '../domain/flavors.ts'
import type { Nova } from '../domain/nova.ts'

export const flavorExtraSpecHandlers = (nova: Nova): Handlers<typeof flavorExtraSpecRoutes> => ({
  async listFlavorExtraSpecs({ ctx, params }) {
    return { status: 200, body: { extra_specs: { ...(await showFlavor(nova, ctx, params.id)).extraSpecs } } }
  },
  async createFlavorExtraSpecs({ ctx, params, body, version }) {
    await addExtraSpecs(nova, ctx, params.id, texts(body.extra_specs), version.atLeast('2.86'))
    return { status: 200, body }
  },
  async showFlavorExtraSpec({ ctx, params }) {
    return { status: 200, body: { [params.key]: await showExtraSpec(nova, ctx, params.id, params.key) } }
  },
  async updateFlavorExtraSpec({ ctx, params, body, version }) {
    if (!Object.hasOwn(body, params.key)) throw new BadRequest('Request body and URI mismatch')
    await addExtraSpecs(nova, ctx, params.id, texts(body), version.atLeast('2.86'))
    return { status: 200, body }
  },
  async deleteFlavorExtraSpec({ ctx, params }) {
    await removeExtraSpec(nova, ctx, params.id, params.key)
    return { status: 200 }
  },
})

/** Numbers are kept as text. */
function texts(specs: Readonly<Record<string, string | number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(specs).map(([key, value]) => [key, String(value)]))
}
