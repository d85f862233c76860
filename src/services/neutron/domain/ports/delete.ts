// Deleting ports: the row goes at once, the wire by an operation that outlives it.
import type { RequestContext } from '#core/context'
import { allocationsOfPort } from '../../db/allocations.ts'
import { deleteTags, type Tx } from '../../db/networks.ts'
import { deletePortRow, securityGroupIdsOf } from '../../db/ports.ts'
import { clearFloatingIpsOf, isOfRouterOrFloatingIp } from '../../db/routers.ts'
import type { PortRow } from '../../db/tables.ts'
import { ServicePortInUse } from '../../model/errors.ts'
import { authorize } from '../access.ts'
import { announcePort } from '../announce.ts'
import type { Neutron } from '../neutron.ts'
import { timeText } from '../neutron.ts'
import { checkRevision } from '../revisions.ts'
import { membersChanged } from '../sync-groups.ts'
import { beginRouterSync } from '../sync-router.ts'
import { beginUnwire } from '../wire-port.ts'
import { usedAddresses } from './create.ts'
import { findPort } from './list.ts'
import { portTarget } from '../targets.ts'

/** Ports that neutron makes for itself and takes away with their network. */
export const autoDeletedOwners = ['network:dhcp', 'network:floatingip_agent_gateway', 'network:router_centralized_snat'] as const
/** Ports that only the story that made them may delete, while what they belong to is there. */
const guardedOwners = new Set(['network:router_interface', 'network:router_gateway', 'network:floatingip', 'network:ha_router_replicated_interface'])

/** @throws ServicePortInUse for a port of a router or a floating address */
export async function deletePort(neutron: Neutron, ctx: RequestContext, id: string, ifRevision?: number): Promise<void> {
  await neutron.database.transaction(async (tx) => {
    const { record, network } = await findPort(neutron, ctx, tx, id)
    authorize(neutron, ctx, 'delete_port', portTarget(record.row, network))
    checkRevision(record.row, ifRevision)
    if (guardedOwners.has(record.row.device_owner) && (await isOfRouterOrFloatingIp(tx, record.row))) {
      throw new ServicePortInUse(`Port ${id} cannot be deleted directly via the port API: has device owner ${record.row.device_owner}.`)
    }
    await removePort(neutron, tx, ctx, record.row)
  })
}

/** Rights being settled: the rows, and the operations that take wire and memberships away. */
export async function removePort(neutron: Neutron, tx: Tx, ctx: RequestContext, row: PortRow): Promise<void> {
  const groupIds = await securityGroupIdsOf(tx, row.id)
  const addresses = groupIds.length > 0 ? usedAddresses({ row, addresses: await allocationsOfPort(tx, row.id) }) : []
  for (const routerId of await clearFloatingIpsOf(tx, row.id, timeText(neutron))) await beginRouterSync(neutron, tx, ctx, routerId, row.project_id)
  await deletePortRow(tx, row.id)
  await deleteTags(tx, [row.id])
  if (row.host_id !== '' && !row.device_owner.startsWith('network:')) await beginUnwire(neutron, tx, ctx, row, row.host_id)
  await announcePort(neutron, tx, ctx, row, 'network-vif-deleted')
  if (groupIds.length > 0) await membersChanged(neutron, tx, ctx, groupIds, row.project_id, addresses)
}
