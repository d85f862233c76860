// Inventories: how much of each resource class a provider has to give, and in which portions.
import { defineRoutes } from '#core/spec'
import { Inventories, Inventory, NamedInventory, NewInventories, UpdatedInventory } from './shapes.ts'

export const inventoryRoutes = defineRoutes('placement', {
  listInventories: {
    method: 'GET', path: '/resource_providers/:uuid/inventories', summary: 'List the inventories of a provider.', policy: 'placement:resource_providers:inventories:list',
    reply: { 200: Inventories }, faults: [403, 404],
  },
  createInventory: {
    method: 'POST', path: '/resource_providers/:uuid/inventories', summary: 'Add an inventory.', policy: 'placement:resource_providers:inventories:create',
    body: NamedInventory, reply: { 201: Inventory }, faults: [400, 403, 404, 409],
  },
  replaceInventories: {
    method: 'PUT', path: '/resource_providers/:uuid/inventories', summary: 'Set all inventories of a provider.', policy: 'placement:resource_providers:inventories:update',
    body: NewInventories, reply: { 200: Inventories }, faults: [400, 403, 404, 409],
  },
  deleteInventories: {
    // There since 1.5; an older version answers 405, as the path has other methods (placement/handlers/inventory.py).
    method: 'DELETE', path: '/resource_providers/:uuid/inventories', summary: 'Delete all inventories of a provider.', policy: 'placement:resource_providers:inventories:delete',
    reply: { 204: null }, faults: [403, 404, 405, 409],
  },
  showInventory: {
    method: 'GET', path: '/resource_providers/:uuid/inventories/:resource_class', summary: 'Show an inventory.', policy: 'placement:resource_providers:inventories:show',
    reply: { 200: Inventory }, faults: [403, 404],
  },
  updateInventory: {
    method: 'PUT', path: '/resource_providers/:uuid/inventories/:resource_class', summary: 'Change an inventory.', policy: 'placement:resource_providers:inventories:update',
    body: UpdatedInventory, reply: { 200: Inventory }, faults: [400, 403, 404, 409],
  },
  deleteInventory: {
    method: 'DELETE', path: '/resource_providers/:uuid/inventories/:resource_class', summary: 'Delete an inventory that nobody uses.', policy: 'placement:resource_providers:inventories:delete',
    reply: { 204: null }, faults: [403, 404, 409],
  },
})
