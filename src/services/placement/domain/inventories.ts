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

function checkCapacity(provider: string, name: string, wanted: WantedInventory, { mayReserveAll }: InventoryRules, verb: 'create' | 'update'): void {
  const capacity = capacityOf({ ...wanted, updatedAt: '' })
  if (mayReserveAll ? capacity >= 0 : capacity > 0) return
  const what = `Invalid inventory for '${name}' on resource provider '${provider}'. The reserved value is greater than ${mayReserveAll ? '' : 'or equal to '}total.`
  throw new BadRequest(`Unable to ${verb} inventory for resource provider ${provider}: ${what}`)
}

/** @throws InventoryInUse when something is held of a class that would go */
export function refuseInUse(change: Change, uuid: string, wanted: ReadonlyMap<string, WantedInventory>, where: string): void {
  const { used } = change.draft(uuid)
  const inUse = change.view.classes.filter((name) => !wanted.has(name) && (used.get(name) ?? 0) > 0)
  if (inUse.length > 0) throw new InventoryInUse(`${where}Inventory for '${inUse.join(', ')}' on resource provider '${uuid}' in use.`)
}

function checkGeneration(provider: Provider | { generation: number }, generation: number): void {
  if (provider.generation !== generation) throw new ConcurrentUpdate('resource provider generation conflict')
}

/** @param generation the one that the client saw; undefined to take whichever it is */
export function replaceInventories(placement: Placement, ctx: RequestContext, uuid: string, wanted: ReadonlyMap<string, WantedInventory>, generation: number | undefined, rules: InventoryRules): Promise<Provider> {
  return changeProviders(placement, ctx, async (change) => {
    const draft = change.draft(uuid)
    if (generation !== undefined) checkGeneration(draft, generation)
    for (const [name, inventory] of wanted) checkCapacity(uuid, name, inventory, rules, 'update')
    for (const name of wanted.keys()) if (!change.view.hasClass(name)) throw noSuchClass(name, `Unknown resource class in inventory for resource provider ${uuid}: `)
    refuseInUse(change, uuid, wanted, generation === undefined ? '' : 'update conflict: ')
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
    checkCapacity(uuid, name, wanted, rules, 'create')
    if (!change.view.hasClass(name)) throw noSuchClass(name, `Unable to create inventory for resource provider ${uuid}: `)
    if (draft.inventories.has(name)) throw new ConcurrentUpdate(`Update conflict: the provider has an inventory of ${name} already.`)
    await setInventories(change, uuid, new Map([...draft.inventories, [name, wanted]]))
    return draft
  })
}

export function updateInventory(placement: Placement, ctx: RequestContext, uuid: string, name: string, wanted: WantedInventory, generation: number, rules: InventoryRules): Promise<Provider> {
  return changeProviders(placement, ctx, async (change) => {
    const draft = change.draft(uuid)
    checkGeneration(draft, generation)
    checkCapacity(uuid, name, wanted, rules, 'update')
    if (!change.view.hasClass(name)) throw new NotFound(`No such resource class ${name.slice(0, 255)}.`)
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
    if (!draft.inventories.has(name)) {
      const what = `No inventory of class ${name.slice(0, 255)} found for delete`
      throw new NotFound(`${what}: ${change.view.hasClass(name) ? what : `No such resource class ${name.slice(0, 255)}.`}`)
    }
    await setInventories(change, uuid, new Map([...draft.inventories].filter(([each]) => each !== name)))
  })
}
