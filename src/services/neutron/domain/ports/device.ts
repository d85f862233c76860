// The device that a port says it belongs to. Routers find their interfaces by it, so nobody may name one that is another's.
import type { RequestContext } from '#core/context'
import type { Tx } from '../../db/networks.ts'
import { routerRow } from '../../db/routers.ts'
import type { PortRow } from '../../db/tables.ts'
import { DeviceIdNotOwned } from '../../model/errors.ts'
import { seesAll } from '../access.ts'
import type { Neutron } from '../neutron.ts'

/** @throws DeviceIdNotOwned as upstream (neutron/db/db_base_plugin_v2.py, _enforce_device_owner_not_router_intf_or_device_id) */
export async function checkDevice(neutron: Neutron, tx: Tx, ctx: RequestContext, { device_owner: owner, device_id: id, project_id: projectId }: Pick<PortRow, 'device_owner' | 'device_id' | 'project_id'>): Promise<void> {
  if (!owner.startsWith('network:') || id === '' || seesAll(neutron, ctx)) return
  const router = await routerRow(tx, id)
  if (router && router.project_id !== projectId) throw new DeviceIdNotOwned(`The following device_id ${id} is not owned by your tenant or matches another tenants router.`)
}
