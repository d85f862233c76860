// Rows of providers with their inventories, traits and aggregates.
import type { Db } from '#core/db'
import type { Inventory, Provider } from '../model/providers.ts'
import type { PlacementTables } from './tables.ts'

type Tables = Db<PlacementTables>

/** All providers that changed after a revision, whole. Reads several tables, so it needs a transaction. */
export async function providersSince(tx: Tables, revision: number): Promise<Provider[]> {
  const rows = await tx.selectFrom('resource_providers').selectAll().where('revision', '>', revision).orderBy('created_at').orderBy('uuid').execute()
  if (rows.length === 0) return []
  const changed = tx.selectFrom('resource_providers').select('uuid').where('revision', '>', revision)
  const inventories = await tx.selectFrom('inventories').selectAll().where('provider_uuid', 'in', changed).execute()
  const traits = await tx.selectFrom('provider_traits').selectAll().where('provider_uuid', 'in', changed).execute()
  const aggregates = await tx.selectFrom('provider_aggregates').selectAll().where('provider_uuid', 'in', changed).execute()
  const used = await tx.selectFrom('allocations').select(['provider_uuid', 'resource_class']).select((each) => each.fn.sum<number>('used').as('sum'))
    .where('provider_uuid', 'in', changed).groupBy(['provider_uuid', 'resource_class']).execute()
  const inventoriesOf = Map.groupBy(inventories, (row) => row.provider_uuid)
  const traitsOf = Map.groupBy(traits, (row) => row.provider_uuid)
  const aggregatesOf = Map.groupBy(aggregates, (row) => row.provider_uuid)
  const usedOf = Map.groupBy(used, (row) => row.provider_uuid)
  return rows.map((row) => ({
    uuid: row.uuid, name: row.name, generation: row.generation, parent: row.parent_uuid ?? undefined, root: row.root_uuid,
    createdAt: row.created_at, updatedAt: row.updated_at,
    inventories: new Map((inventoriesOf.get(row.uuid) ?? []).map((each) => [each.resource_class, {
      total: each.total, reserved: each.reserved, minUnit: each.min_unit, maxUnit: each.max_unit, stepSize: each.step_size,
      allocationRatio: each.allocation_ratio, updatedAt: each.updated_at,
    }])),
    used: new Map((usedOf.get(row.uuid) ?? []).map((each) => [each.resource_class, Number(each.sum)])),
    traits: new Set((traitsOf.get(row.uuid) ?? []).map((each) => each.trait)),
    aggregates: new Set((aggregatesOf.get(row.uuid) ?? []).map((each) => each.aggregate_uuid)),
  }))
}

export async function insertProvider(tx: Tables, provider: Provider, revision: number): Promise<void> {
  await tx.insertInto('resource_providers').values({
    uuid: provider.uuid, name: provider.name, generation: provider.generation, parent_uuid: provider.parent ?? null, root_uuid: provider.root,
    revision, created_at: provider.createdAt, updated_at: provider.updatedAt,
  }).execute()
}

/**
 * Write a changed provider over the one that was read.
 *
 * @returns false when its generation is no longer the one that was read
 */
export async function updateProvider(tx: Tables, before: Provider, after: Provider, revision: number): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('resource_providers')
    .set({
      generation: after.generation, revision,
      ...(after.name !== before.name && { name: after.name }),
      ...(after.parent !== before.parent && { parent_uuid: after.parent ?? null }),
      ...(after.root !== before.root && { root_uuid: after.root }),
      ...(after.updatedAt !== before.updatedAt && { updated_at: after.updatedAt }),
    })
    .where('uuid', '=', before.uuid).where('generation', '=', before.generation).executeTakeFirstOrThrow()
  return numUpdatedRows === 1n
}

/** Its inventories, traits and aggregates go with it. */
export async function deleteProvider(tx: Tables, uuid: string): Promise<void> {
  await tx.deleteFrom('inventories').where('provider_uuid', '=', uuid).execute()
  await tx.deleteFrom('provider_traits').where('provider_uuid', '=', uuid).execute()
  await tx.deleteFrom('provider_aggregates').where('provider_uuid', '=', uuid).execute()
  await tx.deleteFrom('resource_providers').where('uuid', '=', uuid).execute()
}

const insertAtOnce = 100

export async function writeInventories(tx: Tables, uuid: string, inventories: ReadonlyMap<string, Inventory>): Promise<void> {
  await tx.deleteFrom('inventories').where('provider_uuid', '=', uuid).execute()
  const rows = [...inventories].map(([resourceClass, inventory]) => ({
    provider_uuid: uuid, resource_class: resourceClass, total: inventory.total, reserved: inventory.reserved, min_unit: inventory.minUnit,
    max_unit: inventory.maxUnit, step_size: inventory.stepSize, allocation_ratio: inventory.allocationRatio, updated_at: inventory.updatedAt,
  }))
  for (let at = 0; at < rows.length; at += insertAtOnce) await tx.insertInto('inventories').values(rows.slice(at, at + insertAtOnce)).execute()
}

export async function writeTraits(tx: Tables, uuid: string, traits: ReadonlySet<string>): Promise<void> {
  await tx.deleteFrom('provider_traits').where('provider_uuid', '=', uuid).execute()
  const rows = [...traits].map((trait) => ({ provider_uuid: uuid, trait }))
  for (let at = 0; at < rows.length; at += insertAtOnce) await tx.insertInto('provider_traits').values(rows.slice(at, at + insertAtOnce)).execute()
}

export async function writeAggregates(tx: Tables, uuid: string, aggregates: ReadonlySet<string>): Promise<void> {
  await tx.deleteFrom('provider_aggregates').where('provider_uuid', '=', uuid).execute()
  const rows = [...aggregates].map((aggregate) => ({ provider_uuid: uuid, aggregate_uuid: aggregate }))
  for (let at = 0; at < rows.length; at += insertAtOnce) await tx.insertInto('provider_aggregates').values(rows.slice(at, at + insertAtOnce)).execute()
}
