// What builds and deletions write into the cell: their journal is in the API database, so the cell keeps their epoch.
import { fence, type OperationRun } from '#core/operations'
import { findPlan, type NewInstance, type ServerPlan, settleInCell } from '../../db/build-requests.ts'
import { updateInstance } from '../../db/instances.ts'
import type { Nova } from '../nova.ts'
import type { CellTx } from './task.ts'

/** @throws LeaseLost when a later lease of the operation has written there */
export async function writeInCell<T>(nova: Nova, run: OperationRun, work: (tx: CellTx) => Promise<T>): Promise<T> {
  return nova.cells.cell1.transaction(async (tx) => {
    await fence(tx, run, nova.runtime)
    return work(tx)
  })
}

/** Before a step is undone: what it still had to write comes too late from now on. */
export async function closeCell(nova: Nova, run: OperationRun): Promise<void> {
  await writeInCell(nova, run, async () => undefined)
}

/** What the owner of a server may change while it has only a plan. */
const changeable = ['display_name', 'display_description', 'hostname', 'access_ip_v4', 'access_ip_v6', 'auto_disk_config', 'locked', 'locked_reason', 'updated_at'] as const

function changesSince(entered: NewInstance | undefined, planned: NewInstance): Partial<NewInstance> | undefined {
  const changed = changeable.filter((name) => entered?.[name] !== planned[name])
  return changed.length === 0 ? undefined : Object.fromEntries(changed.map((name) => [name, planned[name]]))
}

/**
 * The server has its rows in a cell and no plan any more. What was changed of the plan after it was entered there comes after it.
 *
 * @param entered the plan that this attempt has entered; none when an earlier one did, and nobody knows which
 */
export async function leavePlan(nova: Nova, run: OperationRun<{ readonly serverId: string }>, cell: 'cell0' | 'cell1', entered: ServerPlan | undefined): Promise<void> {
  const { serverId } = run.input
  for (let known = entered?.instance; ;) {
    const late = await nova.api.transaction(async (tx) => {
      const plan = await findPlan(tx, serverId)
      const changes = plan && changesSince(known, plan.instance)
      if (!changes) await settleInCell(tx, serverId, cell)
      return changes && { changes, instance: plan.instance }
    })
    if (!late) return
    await nova.cells[cell].transaction(async (tx) => {
      if (cell === 'cell1') await fence(tx, run, nova.runtime)
      await updateInstance(tx, serverId, late.changes)
    })
    known = late.instance
  }
}
