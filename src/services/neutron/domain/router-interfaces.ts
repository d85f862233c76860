// Interfaces of a router: a subnet joined to it, by a port of the router's making or one that the user made.
import type { RequestContext } from '#core/context'
import { Uuid } from '#core/spec'
import { checkBody } from '#core/validation'
import { networkRow, type Tx, updateRow } from '../db/networks.ts'
import { type PortRecord, portsOfDevice, setPort } from '../db/ports.ts'
import { subnetRecord, subnetRow, subnetsOfNetwork } from '../db/subnets.ts'
import type { RouterRow, SubnetRow } from '../db/tables.ts'
import { formatPrefix, overlaps, parsePrefix } from '../model/addresses.ts'
import { badRequest, PortInUse, RouterInterfaceNotFound, RouterInterfaceNotFoundForSubnet, SubnetMismatch } from '../model/errors.ts'
import { attributeChecks, authorize } from './access.ts'
import { isWired, unbound } from './binding.ts'
import { type Neutron, timeText } from './neutron.ts'
import { insertNewPort } from './ports/create.ts'
import { removePort } from './ports/delete.ts'
import { findPort } from './ports/list.ts'
import { claimQuota } from './quotas.ts'
import { refuseInUse } from './router-interface-use.ts'
import { reachOf } from './router-routes.ts'
import { findRouter, interfaceOwner } from './routers.ts'
import { findSubnet } from './subnets.ts'
import { beginRouterSync } from './sync-router.ts'
import { portTarget, routerTarget } from './targets.ts'
import { beginUnwire } from './wire-port.ts'

export interface WantedInterface {
  readonly subnet_id?: string
  readonly port_id?: string
}

export interface InterfaceView {
  readonly router: RouterRow
  readonly port: PortRecord
  readonly subnetIds: readonly string[]
}

export async function addInterface(neutron: Neutron, ctx: RequestContext, routerId: string, wanted: WantedInterface): Promise<InterfaceView> {
  return neutron.database.transaction(async (tx) => {
    const { row: router } = await findRouter(neutron, ctx, tx, routerId)
    authorize(neutron, ctx, 'add_router_interface', routerTarget(router))
    const { port_id: portId, subnet_id: subnetId } = checkWanted(wanted)
    if (portId !== undefined && subnetId !== undefined) throw badRequest('router', 'Cannot specify both subnet-id and port-id')
    const port = portId !== undefined ? await takePort(neutron, tx, ctx, router, portId) : await makePort(neutron, tx, ctx, router, subnetId ?? '')
    await updateRow(tx, 'routers', router.id, {}, timeText(neutron))
    await beginRouterSync(neutron, tx, ctx, router.id, router.project_id, [port.row.network_id])
    return { router, port, subnetIds: port.addresses.map((address) => address.subnet_id) }
  })
}

/** @throws BadRequest where neither is named, or what is named is no id */
function checkWanted(wanted: WantedInterface): WantedInterface {
  const ids = [wanted.port_id, wanted.subnet_id].filter((id) => id !== undefined)
  if (ids.length === 0) throw badRequest('router', 'Either subnet_id or port_id must be specified')
  for (const id of ids) if (checkBody(Uuid, id) !== undefined) throw badRequest('router', `'${id}' is not a valid UUID`)
  return wanted
}

async function makePort(neutron: Neutron, tx: Tx, ctx: RequestContext, router: RouterRow, subnetId: string): Promise<PortRecord> {
  const { row: subnet } = await findSubnet(neutron, ctx, tx, subnetId)
  if (subnet.gateway_ip === null) throw badRequest('router', 'Subnet for router interface must have a gateway IP')
  await refuseOverlap(tx, router.id, [subnet])
  const network = await networkRow(tx, subnet.network_id)
  if (!network) throw badRequest('router', `Subnet ${subnetId} has no network`)
  // It takes the address that all others of the subnet send to: on a network of somebody else's that is not for everybody who sees it.
  const addresses = [{ subnet_id: subnet.id, ip_address: subnet.gateway_ip }]
  authorize(neutron, ctx, 'create_port', portTarget({ project_id: router.project_id, device_owner: interfaceOwner }, network), attributeChecks('create_port', { fixed_ips: addresses }, ['fixed_ips']))
  await claimQuota(neutron, tx, router.project_id, 'port')
  const port = await insertNewPort(neutron, tx, ctx, { network, subnets: await subnetsOfNetwork(tx, network.id) }, router.project_id, {
    name: '', device_owner: interfaceOwner, device_id: router.id, fixed_ips: addresses,
  })
  await setPort(tx, port.row.id, { status: 'ACTIVE' })
  return port
}

async function takePort(neutron: Neutron, tx: Tx, ctx: RequestContext, router: RouterRow, portId: string): Promise<PortRecord> {
  const { record } = await findPort(neutron, ctx, tx, portId)
  // The port's owner gives it away: a port of another project, seen because the network is one's own, is none to take (CVE-2014-0056).
  if (record.row.project_id !== ctx.identity.projectId) authorize(neutron, ctx, 'context_is_admin', {})
  if (record.row.device_id !== '') throw new PortInUse(`Unable to complete operation on port ${portId} for network ${record.row.network_id}. Port already has an attached device ${record.row.device_id}.`)
  if (record.addresses.length === 0) throw badRequest('router', 'Router port must have at least one fixed IP')
  const subnets: SubnetRow[] = []
  for (const { subnet_id: id } of record.addresses) {
    const subnet = await subnetRow(tx, id)
    if (subnet) subnets.push(subnet)
  }
  if (subnets.filter((subnet) => subnet.ip_version === 4).length > 1) throw badRequest('router', 'Cannot have multiple IPv4 subnets on router port')
  await refuseOverlap(tx, router.id, subnets)
  // It was a guest's, and has a wire where that was.
  if (isWired(record.row)) await beginUnwire(neutron, tx, ctx, record.row, record.row.host_id)
  // Its port security and its groups stay: nobody filters it while it is the router's, and it comes back with them.
  await updateRow(tx, 'ports', portId, { ...unbound, device_id: router.id, device_owner: interfaceOwner, status: 'ACTIVE' }, timeText(neutron))
  return { ...record, row: { ...record.row, ...unbound, device_id: router.id, device_owner: interfaceOwner } }
}

async function refuseOverlap(tx: Tx, routerId: string, subnets: readonly SubnetRow[]): Promise<void> {
  const { prefixes } = await reachOf(tx, routerId)
  for (const subnet of subnets) {
    if (prefixes.some((each) => each.subnetId === subnet.id)) throw badRequest('router', `Router already has a port on subnet ${subnet.id}`)
    const prefix = parsePrefix(subnet.cidr)
    const other = prefix && prefixes.find((each) => overlaps(each, prefix))
    if (other) throw badRequest('router', `Cidr ${subnet.cidr} of subnet ${subnet.id} overlaps with cidr ${formatPrefix(other)} of subnet ${other.subnetId}`)
  }
}

/** @throws RouterInterfaceNotFound, InterfaceUsedByFloatingIp, InterfaceUsedByRoute */
export async function removeInterface(neutron: Neutron, ctx: RequestContext, routerId: string, wanted: WantedInterface): Promise<InterfaceView> {
  return neutron.database.transaction(async (tx) => {
    const { row: router } = await findRouter(neutron, ctx, tx, routerId)
    authorize(neutron, ctx, 'remove_router_interface', routerTarget(router))
    const { port_id: portId, subnet_id: subnetId } = checkWanted(wanted)
    if (subnetId !== undefined && !(await subnetRecord(tx, subnetId))) await findSubnet(neutron, ctx, tx, subnetId)
    const ports = await portsOfDevice(tx, routerId, [interfaceOwner])
    const port = ports.find((each) => (portId !== undefined ? each.row.id === portId : each.addresses.some((address) => address.subnet_id === subnetId)))
    if (!port) {
      if (portId !== undefined) throw new RouterInterfaceNotFound(`Router ${routerId} does not have an interface with id ${portId}`)
      throw new RouterInterfaceNotFoundForSubnet(`Router ${routerId} has no interface on subnet ${subnetId}`)
    }
    const subnetIds = port.addresses.map((address) => address.subnet_id)
    if (portId !== undefined && subnetId !== undefined && !subnetIds.includes(subnetId)) throw new SubnetMismatch(`Subnet on port ${portId} does not match the requested subnet ${subnetId}.`)
    await refuseInUse(tx, router, subnetIds)
    await removePort(neutron, tx, ctx, port.row)
    await updateRow(tx, 'routers', router.id, {}, timeText(neutron))
    await beginRouterSync(neutron, tx, ctx, router.id, router.project_id, [port.row.network_id])
    return { router, port, subnetIds }
  })
}
