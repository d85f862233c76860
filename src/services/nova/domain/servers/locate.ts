// Finds a server wherever it is: still only planned, in a cell, or among those that could not be scheduled.
import { findMapping, findPlan } from '../../db/build-requests.ts'
import { findInstance, type ServerRows, withParts } from '../../db/instances.ts'
import { cellNames, type CellName } from '../../db/open.ts'
import type { InstanceMappingRow } from '../../db/api-tables.ts'
import { notFound } from '../../model/errors.ts'
import type { Nova } from '../nova.ts'

export interface Located {
  readonly rows: ServerRows
  /** Absent while it is only planned. */
  readonly cell?: CellName
  readonly mapping: InstanceMappingRow
}

export function isCell(name: string | null): name is CellName {
  return (cellNames as readonly (string | null)[]).includes(name)
}

/** Of open operations: a build is still open in the moment after its server has become ACTIVE, or has failed. */
export const isBuild = ({ kind }: { readonly kind: string }): boolean => kind === 'server.build'

/** @throws InstanceNotFound */
export async function locate(nova: Pick<Nova, 'api' | 'cells'>, serverId: string): Promise<Located> {
  // A plan that becomes a row while we look is looked for again.
  for (let attempt = 0; attempt < 3; attempt++) {
    const mapping = await findMapping(nova.api.read, serverId)
    if (!mapping) break
    if (isCell(mapping.cell)) {
      const { read } = nova.cells[mapping.cell]
      const instance = await findInstance(read, serverId)
      const [rows] = instance ? await withParts(read, [instance]) : []
      if (!rows) break
      return { rows, cell: mapping.cell, mapping }
    }
    const plan = await findPlan(nova.api.read, serverId)
    if (plan) {
      const instance = mapping.queued_for_delete === 1 ? { ...plan.instance, task_state: 'deleting' } : plan.instance
      return { rows: { instance, blockDevices: plan.blockDevices, ports: [], tags: plan.tags }, mapping }
    }
  }
  throw notFound(serverId)
}
