// Gives back the ports of a server: those that nova made are deleted, those that were given are let go.
import type { OperationRun } from '#core/operations'
import { findAnyInstance } from '../../db/instances.ts'
import { portsOf, replacePorts } from '../../db/ports.ts'
import type { RequestedNetwork } from '../../model/server.ts'
import { deletePort, unbindPort } from '../../neighbours/network.ts'
import { type Nova, now } from '../nova.ts'
import { writeInCell } from './cell-writes.ts'
import { ownPortsOf } from './own-ports.ts'

/** Neutron is asked what the server has: also a port whose answer never came is found. Idempotent. */
export async function releasePorts(nova: Nova, run: OperationRun<{ readonly serverId: string }>): Promise<void> {
  const { ctx, input: { serverId } } = run
  const { read } = nova.cells.cell1
  const instance = await findAnyInstance(read, serverId)
  const requested = instance ? (JSON.parse(instance.requested_networks) as RequestedNetwork[]) : []
  const known = await portsOf(read, serverId)
  const given = new Set([...requested.flatMap(({ portId }) => portId ?? []), ...known.filter(({ preserve }) => preserve).map(({ portId }) => portId)])
  const found = await ownPortsOf(nova, ctx, { serverId, projectId: instance?.project_id, known, requested })
  await Promise.all(found.map(({ id }) => (given.has(id) ? unbindPort(nova.runtime, ctx, id, serverId) : deletePort(nova.runtime, ctx, id))))
  if (known.length > 0) await writeInCell(nova, run, (tx) => replacePorts(tx, serverId, [], now(nova)))
}
