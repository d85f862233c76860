// What builds and deletions write into the cell: their journal is in the API database, so the cell keeps their epoch.
import { fence, type OperationRun } from '#core/operations'
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
