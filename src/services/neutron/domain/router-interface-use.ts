// What needs an interface of a router, so that it is not taken away.
import type { Tx } from '../db/networks.ts'
import type { PortRecord } from '../db/ports.ts'
import { floatingIpsThrough, routerRow } from '../db/routers.ts'
import { subnetRow } from '../db/subnets.ts'
import type { RouterRow } from '../db/tables.ts'
import { contains, parseIp, parsePrefix } from '../model/addresses.ts'
import { InterfaceUsedByFloatingIp, InterfaceUsedByRoute } from '../model/errors.ts'
import type { Route } from './router-routes.ts'
import { interfaceOwner } from './routers.ts'

/** @throws InterfaceUsedByFloatingIp, InterfaceUsedByRoute */
export async function refuseInUse(tx: Tx, router: RouterRow, subnetIds: readonly string[]): Promise<void> {
  if ((await floatingIpsThrough(tx, router.id, subnetIds)).length > 0) {
    throw new InterfaceUsedByFloatingIp(`Router interface for subnet ${subnetIds[0]} on router ${router.id} cannot be deleted, as it is required by one or more floating IPs.`)
  }
  const routes = JSON.parse(router.routes) as Route[]
  for (const id of subnetIds) {
    const prefix = parsePrefix((await subnetRow(tx, id))?.cidr ?? '')
    if (prefix && routes.some((route) => contains(prefix, parseIp(route.nexthop) ?? { version: 4, value: -1n }))) {
      throw new InterfaceUsedByRoute(`Router interface for subnet ${id} on router ${router.id} cannot be deleted, as it is required by one or more routes.`)
    }
  }
}

/**
 * A port that is taken from its router through the port itself is held to what taking the interface off is held to.
 *
 * @throws InterfaceUsedByFloatingIp, InterfaceUsedByRoute
 */
export async function refuseInterfaceInUse(tx: Tx, { row, addresses }: PortRecord): Promise<void> {
  const router = row.device_owner === interfaceOwner ? await routerRow(tx, row.device_id) : undefined
  if (router) await refuseInUse(tx, router, addresses.map((address) => address.subnet_id))
}
