// When a build began what its events tell of, as its journal has it: the choice of a host, or what the chosen host did.
import type { OperationRun } from '#core/operations'
import type { EventNote } from '../../db/actions.ts'
import type { Nova } from '../nova.ts'

/** Of the last try; nothing when that was not begun. */
export async function begunAt(nova: Nova, run: OperationRun, step: 'schedule' | 'claim'): Promise<Pick<EventNote, 'startedAt'>> {
  const begun = (await nova.operations.api.journal(run.id)).findLast((entry) => entry.step === step && entry.phase === 'run')
  return begun ? { startedAt: begun.started_at } : {}
}
