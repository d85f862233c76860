// Deleted servers are kept for a while for admins and changes-since; then they leave by themselves, a few at a time.
import { purgeDeleted } from '../db/instances.ts'
import { cellNames } from '../db/open.ts'
import type { Nova } from '../domain/nova.ts'

const everyMs = 3_600_000
const dayMs = 86_400_000

export function keepPurging(nova: Nova): { stop(): void } {
  const { clock, log } = nova.runtime
  let stopped = false
  let timer = { cancel() {} }
  const turn = async () => {
    try {
      const before = new Date(clock.now().getTime() - nova.settings.keep_deleted_days * dayMs).toISOString()
      for (const cell of cellNames) while (!stopped && (await nova.cells[cell].transaction((tx) => purgeDeleted(tx, before))) > 0);
    } catch (error) {
      if (!stopped) log.warn({ err: error }, 'deleted servers could not be removed; trying again in an hour')
    }
    if (!stopped) timer = clock.after(everyMs, () => void turn())
  }
  timer = clock.after(everyMs, () => void turn())
  return {
    stop() {
      stopped = true
      timer.cancel()
    },
  }
}
