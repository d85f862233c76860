// What a host is told of a server of its cell.
import { findInstance, withParts } from '../../db/instances.ts'
import { notFound } from '../../model/errors.ts'
import type { ServerDescription } from '../../model/server.ts'
import type { Nova } from '../nova.ts'
import { describeServer } from './describe.ts'

/** @throws InstanceNotFound */
export async function describeForHost(nova: Pick<Nova, 'cells'>, serverId: string): Promise<ServerDescription> {
  const { read } = nova.cells.cell1
  const instance = await findInstance(read, serverId)
  const [rows] = instance ? await withParts(read, [instance]) : []
  if (!rows) throw notFound(serverId)
  return describeServer(rows)
}
