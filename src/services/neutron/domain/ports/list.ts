// Finding ports: what the caller can see of them.
import type { RequestContext } from '#core/context'
import type { ListRequest } from '../../db/list.ts'
import { networkRow, type Tx } from '../../db/networks.ts'
import { listPorts as listRecords, type PortRecord, portRecord, portsOf } from '../../db/ports.ts'
import type { NetworkRow } from '../../db/tables.ts'
import { PortNotFound } from '../../model/errors.ts'
import { allows, seesAll } from '../access.ts'
import type { Neutron } from '../neutron.ts'
import { portTarget } from '../targets.ts'

export async function listPorts(neutron: Neutron, ctx: RequestContext, request: ListRequest): Promise<PortRecord[]> {
  return listRecords(neutron.database.read, request, seesAll(neutron, ctx) ? undefined : portsOf(ctx.identity.projectId))
}

/** @throws PortNotFound also for one that the caller cannot see */
export async function findPort(neutron: Neutron, ctx: RequestContext, db: Tx, id: string): Promise<{ record: PortRecord; network: NetworkRow }> {
  const record = await portRecord(db, id)
  const network = record && (await networkRow(db, record.row.network_id))
  if (!record || !network || !allows(neutron, ctx, 'get_port', portTarget(record.row, network))) throw new PortNotFound(`Port ${id} could not be found.`)
  return { record, network }
}
