// All that is known of a server of the cell: for its host, and for itself when it asks.
import { filesOf } from '../../db/injected-files.ts'
import { findInstance, withParts } from '../../db/instances.ts'
import { notFound } from '../../model/errors.ts'
import type { ServerDescription } from '../../model/server.ts'
import type { Nova } from '../nova.ts'
import { describeServer } from './describe.ts'
import { portsBeingLost } from './port-deleted.ts'

/** @throws InstanceNotFound */
export async function describeForHost(nova: Pick<Nova, 'cells'>, serverId: string): Promise<ServerDescription> {
  const { read } = nova.cells.cell1
  const instance = await findInstance(read, serverId)
  const [rows] = instance ? await withParts(read, [instance]) : []
  if (!rows) throw notFound(serverId)
  const files = await filesOf(read, serverId)
  const lost = await portsBeingLost(read, serverId)
  const server = describeServer(rows)
  return { ...server, ports: server.ports.filter(({ portId }) => !lost.has(portId)), ...(files.length > 0 && { files }) }
}
