// Inventories of a provider: set as a whole or one by one, never below what is held of a class that would go.
import type { RequestContext } from '#core/context'
import { BadRequest, NotFound } from '#core/errors'
import { writeInventories } from '../db/providers.ts'
import { ConcurrentUpdate, InventoryInUse, noSuchClass } from '../model/errors.ts'
import { capacityOf, type Inventory, type Provider } from '../model/providers.ts'
import { type Change, changeProviders, type Placement } from './change.ts'

export type WantedInventory = Omit<Inventory, 'updatedAt'>

export interface InventoryRules {
  /** From 1.26 on all of it may be reserved. */
  readonly mayReserveAll: boolean
}

export function checkInventory(change: Change, provider: string, name: string, wanted: WantedInventory, { mayReserveAll }: InventoryRules): void {
  if (!change.view.hasClass(name)) throw noSuchClass(name)
  const capacity = capacityOf({ ...wanted, updatedAt: '' })
  if (mayReserveAll ? capacity < 0 : capacity <= 0) {
    throw new BadRequest(`Unable to update inventory: Invalid inventory for '${name}' on resource provider '${provider}'. The reserved value is greater than ${mayReserveAll ? '' : 'or equal to '}total.`)
  }
}

function checkGeneration(provider: Provider | { generation: number }, generation: number): void {
  if (provider.generation !== generation) throw new ConcurrentUpdate('resource provider generation conflict')
}

/** @param generation the one that the client saw; undefined to take whichever it is */
export function replaceInventories(placement: Placement, ctx: RequestContext, uuid: string, wanted: ReadonlyMap<string, WantedInventory>, generation: number | undefined, rules: InventoryRules): Promise<Provider> {
  return changeProviders(placement, ctx, async (change) => {
    const draft = change.draft(uuid)
    if (generation !== undefined) checkGeneration(draft, generation)
    for (const [name, inventory] of wanted) checkInventory(change, uuid, name, inventory, rules)
    const inUse = [...draft.inventories.keys()].filter((name) => !wanted.has(name) && (draft.used.get(name) ?? 0) > 0)
    if (inUse.length > 0) throw new InventoryInUse(`update conflict: Inventory for '${inUse.join(', ')}' on resource provider '${uuid}' in use.`)
    await setInventories(change, uuid, wanted)
    return draft
  })
}

/** Write the whole set and raise the generation; the caller has checked it. */
export async function setInventories(change: Change, uuid: string, wanted: ReadonlyMap<string, WantedInventory>): Promise<void> {
  const draft = change.draft(uuid)
  draft.inventories = new Map([...wanted].map(([name, inventory]) => [name, { ...inventory, updatedAt: change.now }]))
  await writeInventories(change.tx, uuid, draft.inventories)
  change.raise(uuid)
}

export function createInventory(placement: Placement, ctx: RequestContext, uuid: string, name: string, wanted: WantedInventory, rules: InventoryRules): Promise<Provider> {
  return changeProviders(placement, ctx, async (change) => {
    const draft = change.draft(uuid)
    checkInventory(change, uuid, name, wanted, rules)
    if (draft.inventories.has(name)) throw new ConcurrentUpdate(`Update conflict: the provider has an inventory of ${name} already.`)
    await setInventories(change, uuid, new Map([...draft.inventories, [name, wanted]]))
    return draft
  })
}

export function updateInventory(placement: Placement, ctx: RequestContext, uuid: string, name: string, wanted: WantedInventory, generation: number, rules: InventoryRules): Promise<Provider> {
  return changeProviders(placement, ctx, async (change) => {
    const draft = change.draft(uuid)
    checkGeneration(draft, generation)
    checkInventory(change, uuid, name, wanted, rules)
    if (!draft.inventories.has(name)) throw new BadRequest(`No inventory record with resource class for resource provider ${uuid}: No inventory of class ${name} found.`)
    await setInventories(change, uuid, new Map([...draft.inventories, [name, wanted]]))
    return draft
  })
}

export function deleteInventory(placement: Placement, ctx: RequestContext, uuid: string, name: string): Promise<void> {
  return changeProviders(placement, ctx, async (change) => {
    const draft = change.draft(uuid)
    // A class in use answers with the code of a concurrent update here (placement/handlers/inventory.py, delete_inventory).
    if ((draft.used.get(name) ?? 0) > 0) throw new ConcurrentUpdate(`Unable to delete inventory of class ${name}: Inventory for '${name}' on resource provider '${uuid}' in use.`)
    if (!draft.inventories.has(name)) throw new NotFound(`No inventory of class ${name} found for delete.`)
    await setInventories(change, uuid, new Map([...draft.inventories].filter(([each]) => each !== name)))
  })
}
