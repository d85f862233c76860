// Telling a compute host to do something for an operation: it waits for a host that is only starting, and makes a host
// stop before the operation goes on without it.
import { neverAborted, type RequestContext } from '#core/context'
import { AppError, Cancelled, DeadlineExceeded } from '#core/errors'
import type { OperationRun } from '#core/operations'
import { AnswerLost } from '#core/rpc'
import { findService } from '../db/hosts.ts'
import { HostUnfit } from '../model/errors.ts'
import type { Nova } from './nova.ts'

type Methods = ReturnType<Nova['compute']['on']>

export interface Command {
  readonly serverId: string
  readonly operation: { readonly id: string; readonly epoch: number }
}

/** A host that does not listen is waited for so long after this part began, whatever its last sign of life. */
const graceMs = 20_000
const longestPauseMs = 1000

/**
 * @param tell one remote command; it may be sent again when nobody listened, or the host stopped in it
 * @throws HostUnfit when the host is down
 */
export async function onHost<T>(nova: Nova, run: OperationRun, host: string, tell: (compute: Methods, ctx: RequestContext, command: Command) => Promise<T>): Promise<T> {
  const command: Command = { serverId: run.resourceId, operation: { id: run.id, epoch: run.epoch } }
  // The command itself is not cut off: it ends when the host has stopped, so that an undo never runs beside it.
  const ctx: RequestContext = { ...run.ctx, signal: neverAborted }
  const compute = nova.compute.on(host)
  const abandon = () => void compute.abandon(ctx, { operationId: run.id, epoch: run.epoch }).catch(() => undefined)
  run.signal.addEventListener('abort', abandon, { once: true })
  try {
    for (let pause = 20; ; pause = Math.min(pause * 2, longestPauseMs)) {
      run.signal.throwIfAborted()
      nova.stopping.signal.throwIfAborted()
      try {
        return await tell(compute, ctx, command)
      } catch (error) {
        if (error instanceof DeadlineExceeded) abandon()
        const mayBeAskedAgain = isSilent(error) || error instanceof AnswerLost || (error instanceof Cancelled && !run.signal.aborted)
        if (!mayBeAskedAgain) throw error
        if (!(await shouldAnswer(nova, host))) throw new HostUnfit('The compute service of its host is down.', { host, silent: true }, new Error(`the compute service on host ${host} is down`, { cause: error }))
      }
      await run.aside(nova.runtime.clock.sleep(pause, run.signal))
    }
  } finally {
    run.signal.removeEventListener('abort', abandon)
  }
}

/** For what a host that is down will find and clean up itself when it is back. */
export async function onHostIfUp(nova: Nova, run: OperationRun, host: string, tell: (compute: Methods, ctx: RequestContext, command: Command) => Promise<unknown>): Promise<boolean> {
  try {
    await onHost(nova, run, host, tell)
    return true
  } catch (error) {
    if (error instanceof AppError && error.details['silent'] === true) return false
    throw error
  }
}

function isSilent(error: unknown): boolean {
  return error instanceof AppError && error.code === 'service_unavailable' && error.details['topic'] === 'nova-compute'
}

async function shouldAnswer(nova: Nova, host: string): Promise<boolean> {
  const { clock } = nova.runtime
  if (clock.monotonic() - nova.startedAt < graceMs) return true
  const service = await findService(nova.cells.cell1.read, host, 'nova-compute')
  if (!service || service.forced_down === 1 || service.last_seen_up === null) return false
  return clock.now().getTime() - Date.parse(service.last_seen_up) < nova.settings.service_down_time * 1000
}
