// What the parts of the compute role share on one host.
import type { RequestContext } from '#core/context'
import type { RpcClient } from '#core/rpc'
import type { Runtime } from '#core/service'
import type { conductorRpc } from '../contract/conductor-rpc.ts'
import type { NovaSettings } from '../config.ts'
import type { HypervisorDriver } from '../drivers/index.ts'
import type { ServerDescription } from '../model/server.ts'
import type { Commands } from './commands.ts'
import type { HostJournal } from './journal.ts'
import type { PortWaits } from './port-waits.ts'

export interface ComputeHost {
  readonly runtime: Runtime
  readonly settings: NovaSettings
  readonly driver: HypervisorDriver
  readonly conductor: RpcClient<typeof conductorRpc>
  readonly commands: Commands
  readonly journal: HostJournal
  readonly portWaits: PortWaits
  /** What is known of the servers that are being worked on, by operation. */
  readonly known: Map<string, ServerDescription>
}

/**
 * The server as the conductor describes it; asked for once per operation, and again where what is known lacks what an earlier
 * step made: another incarnation of this host may have been told to make it.
 */
export async function serverOf(host: ComputeHost, ctx: RequestContext, operationId: string, serverId: string, has: (server: ServerDescription) => boolean = () => true): Promise<ServerDescription> {
  const known = host.known.get(operationId)
  if (known && has(known)) return known
  const server = (await host.conductor.any().describeServer(ctx, { serverId })) as ServerDescription
  host.known.set(operationId, server)
  return server
}

/** A port that was deleted is neither waited for nor plugged in; what is known of its server without it is asked for again. */
export function forgetPort({ known, portWaits }: ComputeHost, serverId: string, portId: string): void {
  portWaits.gone(serverId, portId)
  for (const [operationId, server] of known) if (server.serverId === serverId) known.set(operationId, { ...server, ports: server.ports.filter((port) => port.portId !== portId) })
}

/** The namespace of the guests' taps, where there are real ones. */
export function guestNamespace({ runtime }: ComputeHost): { readonly netns?: string } {
  return runtime.driver === 'real' ? { netns: runtime.fabric } : {}
}
