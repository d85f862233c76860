// Answers about inventories.
import { NotFound } from '#core/errors'
import type { Handlers } from '#core/http'
import type { Static, Version } from '#core/spec'
import type { inventoryRoutes } from '../contract/inventories.ts'
import type { NewInventory } from '../contract/shapes.ts'
import type { Placement } from '../domain/change.ts'
import { createInventory, deleteInventory, replaceInventories, updateInventory, type WantedInventory } from '../domain/inventories.ts'
import { showProvider } from '../domain/providers.ts'
import { MethodTooNew } from '../model/errors.ts'
import { type Inventory, largestUnit, type Provider } from '../model/providers.ts'
import { fresh, latest } from './headers.ts'

export function wantedInventory(body: Omit<Static<typeof NewInventory>, 'resource_provider_generation'>): WantedInventory {
  return {
    total: body.total, reserved: body.reserved ?? 0, minUnit: body.min_unit ?? 1, maxUnit: body.max_unit ?? largestUnit, stepSize: body.step_size ?? 1,
    allocationRatio: body.allocation_ratio ?? 1,
  }
}

export const inventoryRules = (version: Version) => ({ mayReserveAll: version.atLeast('1.26') })

function viewInventory(inventory: Inventory) {
  return {
    total: inventory.total, reserved: inventory.reserved, min_unit: inventory.minUnit, max_unit: inventory.maxUnit, step_size: inventory.stepSize,
    allocation_ratio: inventory.allocationRatio,
  }
}

export const inventoryHandlers = (placement: Placement): Handlers<typeof inventoryRoutes> => {
  const whole = (provider: Provider, version: Version) => ({
    status: 200 as const,
    headers: fresh(version, latest([...provider.inventories.values()].map((each) => each.updatedAt), placement.clock.now())),
    body: {
      resource_provider_generation: provider.generation,
      inventories: Object.fromEntries([...provider.inventories].map(([name, inventory]) => [name, viewInventory(inventory)])),
    },
  })
  const single = (provider: Provider, name: string, version: Version) => {
    const inventory = provider.inventories.get(name)
    if (!inventory) throw new NotFound(`No inventory of class ${name.slice(0, 255)} for ${provider.uuid}`)
    // A generation of 0 is not shown (placement/handlers/inventory.py, _serialize_inventory).
    return {
      headers: fresh(version, inventory.updatedAt),
      body: { ...viewInventory(inventory), ...(provider.generation > 0 && { resource_provider_generation: provider.generation }) },
    }
  }
  return {
    async listInventories({ params, version }) {
      return whole(await showProvider(placement, params.uuid), version)
    },
    async createInventory({ ctx, params, body, version, baseUrl }) {
      const provider = await createInventory(placement, ctx, params.uuid, body.resource_class, wantedInventory(body), inventoryRules(version))
      const answer = single(provider, body.resource_class, version)
      const location = `${baseUrl}/resource_providers/${provider.uuid}/inventories/${body.resource_class}`
      return { status: 201, headers: { ...answer.headers, location }, body: answer.body }
    },
    async replaceInventories({ ctx, params, body, version }) {
      const wanted = new Map(Object.entries(body.inventories).map(([name, each]) => [name, wantedInventory(each)]))
      return whole(await replaceInventories(placement, ctx, params.uuid, wanted, body.resource_provider_generation, inventoryRules(version)), version)
    },
    async deleteInventories({ ctx, params, version }) {
      if (!version.atLeast('1.5')) throw new MethodTooNew('The method DELETE is not allowed for this resource.', { allow: ['GET', 'POST', 'PUT'] })
      await replaceInventories(placement, ctx, params.uuid, new Map(), undefined, inventoryRules(version))
      return { status: 204 }
    },
    async showInventory({ params, version }) {
      return { status: 200, ...single(await showProvider(placement, params.uuid), params.resource_class, version) }
    },
    async updateInventory({ ctx, params, body, version }) {
      const name = params.resource_class
      const provider = await updateInventory(placement, ctx, params.uuid, name, wantedInventory(body), body.resource_provider_generation, inventoryRules(version))
      return { status: 200, ...single(provider, name, version) }
    },
    async deleteInventory({ ctx, params }) {
      await deleteInventory(placement, ctx, params.uuid, params.resource_class)
      return { status: 204 }
    },
  }
}
