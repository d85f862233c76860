// A port that a server is to get may still be among the interfaces of another one, from which it was taken in neutron: that one loses it first.
import type { RequestContext } from '#core/context'
import { Conflict } from '#core/errors'
import type { OperationRun } from '#core/operations'
import { findInstance } from '../../db/instances.ts'
import { ownerOfPort } from '../../db/ports.ts'
import type { Nova } from '../nova.ts'
import { hasInNeutron, portDeleted } from './port-deleted.ts'
import type { TaskRun } from './task.ts'

const patienceMs = 60_000

/**
 * Until no other server has the port among its interfaces. One that neutron says is another server's is left to it: neutron refuses to
 * give it away. Idempotent.
 *
 * @throws Conflict when its former server does not let go of it, since its host is down for instance
 */
export async function leaveFormerServer(nova: Nova, run: OperationRun<TaskRun>, portId: string): Promise<void> {
  const { clock } = nova.runtime
  const deadline = clock.monotonic() + patienceMs
  for (let pause = 20; ; pause = Math.min(pause * 1.5, 1000)) {
    nova.stopping.signal.throwIfAborted()
    const owner = await ownerOfPort(nova.cells.cell1.read, portId)
    if (owner === undefined || owner === run.input.serverId || (await hasInNeutron(nova, run.ctx, owner, portId))) return
    await takeFrom(nova, run.ctx, owner, portId)
    if (clock.monotonic() >= deadline) throw new Conflict(`Port ${portId} is still in use.`)
    await run.aside(clock.sleep(pause, run.signal))
  }
}

async function takeFrom(nova: Nova, ctx: RequestContext, serverId: string, portId: string): Promise<void> {
  const instance = await findInstance(nova.cells.cell1.read, serverId)
  if (instance) await portDeleted(nova, ctx, { serverId, host: instance.host, portId })
}
