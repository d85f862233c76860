// All that is known of a server of the cell: for its host, and for itself when it asks.
import { filesOf } from '../../db/injected-files.ts'
import { findInstance, withParts } from '../../db/instances.ts'
import { openOperationsOf } from '../../db/operations.ts'
import { notFound } from '../../model/errors.ts'
import type { ServerDescription } from '../../model/server.ts'
import type { Nova } from '../nova.ts'
import { describeServer } from './describe.ts'
import { detachInterfaceOperation } from './interfaces.ts'
import { portsBeingLost } from './port-deleted.ts'
import { detachVolumeOperation } from './volumes.ts'

/** @throws InstanceNotFound */
export async function describeForHost(nova: Pick<Nova, 'cells'>, serverId: string): Promise<ServerDescription> {
  const { read } = nova.cells.cell1
  // Asked before the rows: what ends in between is not among them any more.
  const [lost, open] = [await portsBeingLost(read, serverId), await openOperationsOf(read, serverId)]
  const leaving = devicesLeaving(open)
  const instance = await findInstance(read, serverId)
  const [rows] = instance ? await withParts(read, [instance]) : []
  if (!rows) throw notFound(serverId)
  const files = await filesOf(read, serverId)
  const server = describeServer(rows)
  return { ...server, ports: server.ports.filter(({ portId }) => !lost.has(portId)), ...(files.length > 0 && { files }), ...(leaving.length > 0 && { leaving }), ...(open.length > 0 && { atWork: true }) }
}

/** What comes back, since its removal failed, is plugged in again by the undo of that. */
function devicesLeaving(open: Awaited<ReturnType<typeof openOperationsOf>>): string[] {
  const kinds: readonly string[] = [detachVolumeOperation.kind, detachInterfaceOperation.kind]
  return open.filter(({ kind, status }) => kinds.includes(kind) && status !== 'undoing').flatMap(({ input }) => {
    const { volumeId, portId } = JSON.parse(input) as { volumeId?: string; portId?: string }
    return volumeId ?? portId ?? []
  })
}
