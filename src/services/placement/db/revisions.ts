// The count of changes: one row, raised by each writing transaction before it does anything else.
import type { Db } from '#core/db'
import type { PlacementTables } from './tables.ts'

export interface Revision {
  readonly revision: number
  /** The last change after which a view has to be read as a whole: a provider or class went or was renamed. */
  readonly topologyRevision: number
}

export async function readRevision(db: Db<PlacementTables>): Promise<Revision> {
  const row = await db.selectFrom('changes').select(['revision', 'topology_revision']).where('id', '=', 1).executeTakeFirstOrThrow()
  return { revision: row.revision, topologyRevision: row.topology_revision }
}

/** @returns false when somebody else has changed something since `seen`: then nothing was written */
export async function claimRevision(tx: Db<PlacementTables>, seen: number): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('changes').set({ revision: seen + 1 }).where('id', '=', 1).where('revision', '=', seen).executeTakeFirstOrThrow()
  return numUpdatedRows === 1n
}

export async function markTopology(tx: Db<PlacementTables>, revision: number): Promise<void> {
  await tx.updateTable('changes').set({ topology_revision: revision }).where('id', '=', 1).execute()
}
