// Which of the ports that name a server are its own. Anybody may write a server's id on a port of his.
import type { RequestContext } from '#core/context'
import type { RequestedNetwork, ServerPort } from '../../model/server.ts'
import { portsOfServer, type PortView } from '../../neighbours/network.ts'
import type { Nova } from '../nova.ts'

interface Owner {
  readonly serverId: string
  /** Unknown for a server that never came to a cell. */
  readonly projectId: string | undefined
  readonly known: Iterable<Pick<ServerPort, 'portId'>>
  readonly requested: readonly RequestedNetwork[]
}

/** Ports of its project, and those of others that nova took for it; never one of the network itself, which cannot be deleted. */
export async function ownPortsOf(nova: Nova, ctx: RequestContext, { serverId, projectId, known, requested }: Owner): Promise<PortView[]> {
  const taken = new Set([...known, ...requested].map(({ portId }) => portId))
  return (await portsOfServer(nova.runtime, ctx, serverId)).filter((port) => !port.deviceOwner.startsWith('network:') && (projectId === undefined || port.projectId === projectId || taken.has(port.id)))
}
