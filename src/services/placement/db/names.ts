// Rows of custom resource classes and traits.
import type { Db } from '#core/db'
import type { PlacementTables } from './tables.ts'

export type NameTable = 'resource_classes' | 'traits'

/** Names with the time of their making, in order of making. */
export async function customNames(db: Db<PlacementTables>, table: NameTable): Promise<Map<string, string>> {
  const rows = await db.selectFrom(table).selectAll().orderBy('created_at').orderBy('name').execute()
  return new Map(rows.map((row) => [row.name, row.created_at]))
}

export async function insertName(tx: Db<PlacementTables>, table: NameTable, name: string, at: string): Promise<void> {
  await tx.insertInto(table).values({ name, created_at: at }).execute()
}

export async function deleteName(tx: Db<PlacementTables>, table: NameTable, name: string): Promise<void> {
  await tx.deleteFrom(table).where('name', '=', name).execute()
}

export async function renameClass(tx: Db<PlacementTables>, from: string, to: string): Promise<void> {
  await tx.updateTable('resource_classes').set({ name: to }).where('name', '=', from).execute()
  await tx.updateTable('inventories').set({ resource_class: to }).where('resource_class', '=', from).execute()
  await tx.updateTable('allocations').set({ resource_class: to }).where('resource_class', '=', from).execute()
}
