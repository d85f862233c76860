// Opens nova's databases: the API's, cell0 for servers that could not be placed, and the one cell that has hosts.
import { auditMigration } from '#core/audit'
import { type Database, eventMigration } from '#core/db'
import { operationChanges, operationMigration } from '#core/operations'
import type { Runtime } from '#core/service'
import type { ApiTables } from './api-tables.ts'
import type { CellTables } from './cell-tables.ts'
import { cellChanges } from './changes.ts'
import { apiStart } from './migrations/api-001-start.ts'
import { apiServerGroups } from './migrations/api-002-server-groups.ts'
import { cellStart } from './migrations/cell-001-start.ts'
import { cellInjectedFiles } from './migrations/cell-002-injected-files.ts'
import { cellFateOfVolumes } from './migrations/cell-003-fate-of-volumes.ts'

export const cellNames = ['cell0', 'cell1'] as const
export type CellName = (typeof cellNames)[number]

export interface Databases {
  readonly api: Database<ApiTables>
  readonly cells: Readonly<Record<CellName, Database<CellTables>>>
}

export async function openDatabases(runtime: Pick<Runtime, 'database'>): Promise<Databases> {
  const cellMigrations = [operationMigration, cellStart, eventMigration, cellInjectedFiles, cellFateOfVolumes]
  return {
    api: await runtime.database<ApiTables>('nova_api', [operationMigration, apiStart, apiServerGroups, auditMigration, eventMigration], operationChanges),
    cells: {
      cell0: await runtime.database<CellTables>('nova_cell0', cellMigrations, cellChanges),
      cell1: await runtime.database<CellTables>('nova_cell1', cellMigrations, cellChanges),
    },
  }
}
