// What is done with the interfaces of a server is done one after the other, and after its build.
import type { OperationRun } from '#core/operations'
import { findInstance } from '../../db/instances.ts'
import type { Nova } from '../nova.ts'
import { isBuild } from './locate.ts'
import type { TaskRun } from './task.ts'

const isOfInterfaces = ({ kind }: { readonly kind: string }): boolean => kind.endsWith('-interface')

/** Until what was begun before has ended, or the server is deleted. */
export async function afterEarlierWork(nova: Nova, run: OperationRun<TaskRun>): Promise<void> {
  const { serverId } = run.input
  for (let pause = 50; ; pause = Math.min(pause * 1.5, 1000)) {
    nova.stopping.signal.throwIfAborted()
    const instance = await findInstance(nova.cells.cell1.read, serverId)
    if (!instance || instance.task_state === 'deleting') return
    const open = await nova.operations.cell.open(serverId)
    const earlier = open.slice(0, open.findIndex(({ id }) => id === run.id))
    if (!earlier.some(isOfInterfaces) && !(await nova.operations.api.open(serverId)).some(isBuild)) return
    await run.aside(nova.runtime.clock.sleep(pause, run.signal))
  }
}
