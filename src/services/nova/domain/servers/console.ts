// The serial console of a server, as its host keeps it.
import type { RequestContext } from '#core/context'
import { Conflict } from '#core/errors'
import type { Nova } from '../nova.ts'
import { serverFor } from './access.ts'

/** @throws Conflict for a server without a host */
export async function readConsole(nova: Nova, ctx: RequestContext, serverId: string, lines: number | undefined): Promise<string> {
  const { rows: { instance } } = await serverFor(nova, ctx, serverId, 'os_compute_api:os-console-output')
  if (instance.host === null || instance.launched_at === null) throw new Conflict(`Instance ${serverId} is not ready`)
  const { output } = await nova.compute.on(instance.host).consoleOutput(ctx, { serverId, ...(lines !== undefined && { lines }) })
  // As upstream: what no terminal shows is left out.
  const shown = output.replaceAll(/[^\t\n\r\x20-\uffff]/g, '')
  // As upstream, too: what stands behind the last line break counts as a line, mostly an empty one (nova/compute/manager.py, _tail_log).
  return lines === undefined ? shown : lines === 0 ? '' : shown.split('\n').slice(-lines).join('\n')
}
