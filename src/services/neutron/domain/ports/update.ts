// Changing ports: names, addresses, groups, and binding to a host, which wires the port there.
import type { RequestContext } from '#core/context'
import type { Static } from '#core/spec'
import type { PortChange } from '../../contract/ports.ts'
import { allocationsOfPort, deleteAllocations } from '../../db/allocations.ts'
import { ConstraintViolation } from '#core/db'
import { once } from '#core/operations'
import { type Tx, updateRow } from '../../db/networks.ts'
import { deletePortSecurityGroups, insertPortSecurityGroups, type PortRecord, portRecord, savePairs } from '../../db/ports.ts'
import { floatingIpsOfPort, routerRow } from '../../db/routers.ts'
import { subnetsOfNetwork } from '../../db/subnets.ts'
import type { NetworkRow, PortRow } from '../../db/tables.ts'
import { badRequest, MacAddressInUse, PairsNeedPortSecurity, PortBound, PortHasSecurityGroup } from '../../model/errors.ts'
import { attributeChecks, authorize, bit, toFlag } from '../access.ts'
import { announcePort, serverOf } from '../announce.ts'
import { bindTo, isWired } from '../binding.ts'
import { allocate, claimAddresses, isAutoconfigured } from '../ipam.ts'
import { type Neutron, timeText } from '../neutron.ts'
import { checkRevision, type Change } from '../revisions.ts'
import { refuseInterfaceInUse } from '../router-interface-use.ts'
import { membersChanged } from '../sync-groups.ts'
import { beginNetworkSync, dhcpOwner } from '../sync-network.ts'
import { beginRouterSync } from '../sync-router.ts'
import { beginUnwire, beginWire } from '../wire-port.ts'
import { groupsFor, portAttributes, usedAddresses } from './create.ts'
import { checkDevice } from './device.ts'
import { findPort } from './list.ts'
import { type AddressPair, type DhcpOption, readDhcpOptions, readMac, readPairs } from './validate.ts'
import { portTarget } from '../targets.ts'

/** What the wire of a port depends on; a new name changes nothing there. */
const wiredColumns = ['host_id', 'vif_type', 'mac_address', 'admin_state_up', 'port_security_enabled', 'allowed_address_pairs', 'device_id', 'device_owner'] as const

type PortChangeBody = Static<typeof PortChange>

export async function updatePort(neutron: Neutron, ctx: RequestContext, id: string, { body, ifRevision }: Change<PortChangeBody>): Promise<PortRecord> {
  return neutron.database.transaction(async (tx) => {
    const { record, network } = await findPort(neutron, ctx, tx, id)
    const target = portTarget({ ...record.row, ...(typeof body.device_owner === 'string' && { device_owner: body.device_owner }) }, network)
    authorize(neutron, ctx, 'update_port', target, attributeChecks('update_port', body, portAttributes, { fixed_ips: null }))
    let changed = record
    // What a service asks for with a key is done once, and not at all after it was taken back.
    await once(tx, ctx, neutron, async () => {
      checkRevision(record.row, ifRevision)
      if (body.device_id !== undefined || body.device_owner !== undefined) {
        const { project_id, device_id, device_owner } = record.row
        const next = { project_id, device_id: body.device_id === undefined ? device_id : (body.device_id ?? ''), device_owner: body.device_owner === undefined ? device_owner : (body.device_owner ?? '') }
        await checkDevice(neutron, tx, ctx, next)
        if (next.device_id !== device_id || next.device_owner !== device_owner) await refuseInterfaceInUse(tx, record)
      }
      changed = await changePort(neutron, tx, ctx, record, network, body)
      return [id]
    })
    return changed
  })
}

/** The change itself, rights being settled. */
export async function changePort(neutron: Neutron, tx: Tx, ctx: RequestContext, record: PortRecord, network: NetworkRow, body: PortChangeBody): Promise<PortRecord> {
  const { row } = record
  if (body.fixed_ips !== undefined && body.fixed_ips !== null) await keepFloatingIps(tx, row.id, body.fixed_ips)
  const set = changedColumns(neutron, row, network, body)
  const after = { ...row, ...set }
  const groupIds = await changeGroups(neutron, tx, ctx, record, after, body)
  try {
    await updateRow(tx, 'ports', row.id, set, timeText(neutron))
  } catch (error) {
    if (error instanceof ConstraintViolation && error.kind === 'unique') throw new MacAddressInUse(`Unable to complete operation for network ${network.id}. The mac address ${after.mac_address} is in use.`)
    throw error
  }
  if (body.fixed_ips !== undefined && body.fixed_ips !== null) await changeAddresses(neutron, tx, record, after, body.fixed_ips)
  if (after.allowed_address_pairs !== row.allowed_address_pairs) await savePairs(tx, row.id, JSON.parse(after.allowed_address_pairs) as AddressPair[], row.allowed_address_pairs !== '[]')
  const changed = (await portRecord(tx, row.id)) ?? record
  await rewire(neutron, tx, ctx, row, changed.row, body.fixed_ips !== undefined || body.security_groups !== undefined || body.extra_dhcp_opts !== undefined)
  await tellRoutersAndDhcp(neutron, tx, ctx, record, changed)
  if (body.fixed_ips !== undefined && body.fixed_ips !== null) await announcePort(neutron, tx, ctx, changed.row, 'network-changed')
  // To its former server it is as good as deleted. Upstream's nova finds that out by itself, some minutes later (nova/compute/manager.py, _heal_instance_info_cache).
  if (serverOf(row) !== serverOf(changed.row)) await announcePort(neutron, tx, ctx, row, 'network-vif-deleted')
  const touched = new Set([...record.securityGroupIds, ...groupIds])
  if (touched.size > 0 && (body.security_groups !== undefined || body.fixed_ips !== undefined || body.allowed_address_pairs !== undefined || after.port_security_enabled !== row.port_security_enabled)) {
    await membersChanged(neutron, tx, ctx, [...touched], row.project_id, [...new Set([...usedAddresses(record), ...usedAddresses(changed)])])
  }
  return changed
}

/**
 * As upstream (neutron/db/l3_db.py, prevent_internal_ip_change_for_fip): what a floating address leads to must be named among the new addresses.
 *
 * @throws BadRequest
 */
async function keepFloatingIps(tx: Tx, portId: string, wanted: NonNullable<PortChangeBody['fixed_ips']>): Promise<void> {
  const named = new Set(wanted.map((each) => each.ip_address))
  if ((await floatingIpsOfPort(tx, portId)).every((row) => named.has(row.fixed_ip_address))) return
  throw badRequest('port', `Cannot update the fixed_ips of the port ${portId}, because its original fixed_ip has been associated to a floating ip`)
}

/** A router and a DHCP server get what their own port has now, and a router learns of a port that became its own or is so no more. */
async function tellRoutersAndDhcp(neutron: Neutron, tx: Tx, ctx: RequestContext, before: PortRecord, { row, addresses }: PortRecord): Promise<void> {
  const had = before.addresses.map((each) => each.ip_address)
  const given = row.device_id !== before.row.device_id || row.device_owner !== before.row.device_owner
  const same = had.length === addresses.length && addresses.every((each) => had.includes(each.ip_address)) && row.mac_address === before.row.mac_address && !given
  if (same) return
  for (const { device_owner: owner, device_id: routerId } of given ? [before.row, row] : [row]) {
    if (owner.startsWith('network:router') && (await routerRow(tx, routerId))) await beginRouterSync(neutron, tx, ctx, routerId, row.project_id, [row.network_id])
  }
  if (row.device_owner === dhcpOwner) await beginNetworkSync(neutron, tx, ctx, row.network_id, row.project_id)
}

/** A port that moved is unplugged where it was and plugged in where it is; one that stayed is plugged in as it now should be. */
async function rewire(neutron: Neutron, tx: Tx, ctx: RequestContext, before: PortRow, after: PortRow, otherwise: boolean): Promise<void> {
  const touched = wiredColumns.some((column) => before[column] !== after[column])
  // Also of one whose wiring failed: it may be there after all.
  const stays = isWired(after) && before.host_id === after.host_id
  if (before.host_id !== '' && !before.device_owner.startsWith('network:') && !stays) await beginUnwire(neutron, tx, ctx, before, before.host_id)
  if (isWired(after) && (touched || otherwise)) await beginWire(neutron, tx, ctx, after)
}

/** A port that was made for a device of the network has no port security: once it can be a guest's, it is filtered as its network's ports are. */
function keptSecurity(row: PortRow, network: NetworkRow, body: PortChangeBody): boolean {
  const released = row.device_owner.startsWith('network:') && body.device_owner !== undefined && !(body.device_owner ?? '').startsWith('network:')
  return row.port_security_enabled === 1 || (released && network.port_security_enabled === 1)
}

function changedColumns(neutron: Neutron, row: PortRow, network: NetworkRow, body: PortChangeBody): Partial<PortRow> {
  const secure = toFlag(body.port_security_enabled, keptSecurity(row, network, body))
  const mac = body.mac_address === undefined ? row.mac_address : readMac(body.mac_address)
  if (mac !== row.mac_address && row.host_id !== '' && row.vif_type !== 'unbound') {
    throw new PortBound(`Unable to complete operation on port ${row.id}, port is already bound, port type: ${row.vif_type}, old_mac ${row.mac_address}, new_mac ${mac}.`)
  }
  const pairs = body.allowed_address_pairs === undefined ? (JSON.parse(row.allowed_address_pairs) as AddressPair[]) : readPairs(body.allowed_address_pairs, mac)
  if (pairs.length > 0 && !secure) throw new PairsNeedPortSecurity('Port Security must be enabled in order to have allowed address pairs on a port.')
  const vnicType = body['binding:vnic_type'] ?? row.vnic_type
  const host = body['binding:host_id'] === undefined ? row.host_id : body['binding:host_id'] ?? ''
  const rebind = host !== row.host_id || row.vif_type === 'binding_failed' || vnicType !== row.vnic_type
  return {
    ...(body.name !== undefined && { name: body.name }),
    ...(body.description !== undefined && { description: body.description }),
    ...(body.admin_state_up !== undefined && { admin_state_up: bit(toFlag(body.admin_state_up, true)) }),
    ...(body.device_id !== undefined && { device_id: body.device_id ?? '' }),
    ...(body.device_owner !== undefined && { device_owner: body.device_owner ?? '' }),
    ...(body['binding:profile'] !== undefined && { profile: JSON.stringify(body['binding:profile'] ?? {}) }),
    ...(body.extra_dhcp_opts !== undefined && { extra_dhcp_opts: JSON.stringify(readDhcpOptions(body.extra_dhcp_opts, JSON.parse(row.extra_dhcp_opts) as DhcpOption[])) }),
    mac_address: mac, port_security_enabled: bit(secure), allowed_address_pairs: JSON.stringify(pairs), vnic_type: vnicType,
    ...(rebind && bindTo(neutron, host, vnicType, body.device_owner ?? row.device_owner)), ...(rebind && { status: 'DOWN' }),
  }
}

/** @throws PortHasSecurityGroup where port security ends while groups are there */
async function changeGroups(neutron: Neutron, tx: Tx, ctx: RequestContext, record: PortRecord, after: PortRow, body: PortChangeBody): Promise<readonly string[]> {
  const secure = after.port_security_enabled === 1
  const becameSecure = secure && record.row.port_security_enabled === 0
  if (body.security_groups === undefined && !(becameSecure && record.securityGroupIds.length === 0)) {
    if (!secure && record.securityGroupIds.length > 0) throw new PortHasSecurityGroup('Port has security group associated. Cannot disable port security or IP address until security group is removed.')
    return record.securityGroupIds
  }
  const groupIds = await groupsFor(neutron, tx, ctx, record.row.project_id, {
    secure, trusted: after.device_owner.startsWith('network:'), asked: body.security_groups === undefined ? undefined : (body.security_groups ?? []), hasAddresses: record.addresses.length > 0,
  })
  await deletePortSecurityGroups(tx, record.row.id)
  await insertPortSecurityGroups(tx, record.row.id, groupIds)
  return groupIds
}

/** Addresses that stay are left in place, so that nobody can take them in between. */
async function changeAddresses(neutron: Neutron, tx: Tx, record: PortRecord, after: PortRow, wanted: NonNullable<PortChangeBody['fixed_ips']>): Promise<void> {
  const subnets = await subnetsOfNetwork(tx, after.network_id)
  const have = await allocationsOfPort(tx, after.id)
  const open = [...have]
  // An entry that names a subnet only is content with the address that the port has there.
  const settled = wanted.map((each) => {
    if (each.ip_address !== undefined && each.ip_address !== null) return each
    if (subnets.some((subnet) => subnet.id === each.subnet_id && isAutoconfigured(subnet))) return each
    const at = open.findIndex((row) => row.subnet_id === each.subnet_id && !wanted.some((other) => other.ip_address === row.ip_address))
    return at < 0 ? each : { subnet_id: each.subnet_id ?? null, ip_address: open.splice(at, 1)[0]?.ip_address ?? null }
  })
  const port = { id: after.id, networkId: after.network_id, macAddress: after.mac_address, isRouter: after.device_owner.startsWith('network:router') }
  const next = await allocate(neutron, tx, port, subnets, settled)
  const key = (row: { subnet_id: string; address_key: string }) => `${row.subnet_id} ${row.address_key}`
  const kept = new Set(have.map(key))
  const target = new Set(next.map(key))
  await deleteAllocations(tx, after.id, have.filter((row) => !target.has(key(row))))
  await claimAddresses(tx, next.filter((row) => !kept.has(key(row))))
}
