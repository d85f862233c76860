// The ports of a server with the state that neutron has for them now, which nova's own rows learn later or not at all.
import type { RequestContext } from '#core/context'
import { NotFound } from '#core/errors'
import { toPort } from '../../db/ports.ts'
import type { RequestedNetwork } from '../../model/server.ts'
import type { PortView } from '../../neighbours/network.ts'
import type { Nova } from '../nova.ts'
import { serverFor } from './access.ts'
import { ownPortsOf } from './own-ports.ts'

export interface ServerInterface {
  readonly port: PortView
  readonly tag: string | undefined
}

export async function listInterfaces(nova: Nova, ctx: RequestContext, serverId: string, action: 'list' | 'show' = 'list'): Promise<ServerInterface[]> {
  const { rows: { instance, ports } } = await serverFor(nova, ctx, serverId, `os_compute_api:os-attach-interfaces:${action}`)
  const known = ports.map(toPort)
  const requested = JSON.parse(instance.requested_networks) as RequestedNetwork[]
  const own = await ownPortsOf(nova, ctx, { serverId, projectId: instance.project_id, known, requested })
  return own.map((port) => ({ port, tag: known.find(({ portId }) => portId === port.id)?.tag }))
}

export async function showInterface(nova: Nova, ctx: RequestContext, serverId: string, portId: string): Promise<ServerInterface> {
  const found = (await listInterfaces(nova, ctx, serverId, 'show')).find(({ port }) => port.id === portId)
  if (!found) throw new NotFound(`Instance ${serverId} does not have a port with id ${portId}`)
  return found
}
