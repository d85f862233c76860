// Subnets: a block on a network with its gateway and pools, checked before it is taken.
import type { RequestContext } from '#core/context'
import type { Static } from '#core/spec'
import type { NewSubnet, SubnetChange } from '../contract/subnets.ts'
import { allocationsOfPort, guestPortsInSubnet, isTaken, portsInSubnet } from '../db/allocations.ts'
import { deleteAllocations } from '../db/allocations.ts'
import type { ListRequest } from '../db/list.ts'
import { deleteTags, networkRow, type Tx, updateRow } from '../db/networks.ts'
import { portRecord, portsByOwner } from '../db/ports.ts'
import { routersOfSubnets } from '../db/routers.ts'
import { deleteSubnetRow, insertSubnet, listSubnets as listRecords, type SubnetRecord, subnetRecord, subnetsOf, subnetsOfNetwork } from '../db/subnets.ts'
import type { SubnetRow } from '../db/tables.ts'
import { addressKey, overlaps, parseIp, parsePrefix } from '../model/addresses.ts'
import { GatewayInUse, InvalidInput, NetworkNotFound, SubnetInUse, SubnetNotFound } from '../model/errors.ts'
import { allows, authorize, bit, ownerOf, seesAll, toFlag } from './access.ts'
import { isAutoconfigured, type Pool } from './ipam.ts'
import { createOnce } from './create-once.ts'
import { type Neutron, timeText } from './neutron.ts'
import { autoDeletedOwners, removePort } from './ports/delete.ts'
import { changePort } from './ports/update.ts'
import { claimQuota } from './quotas.ts'
import { checkRevision, type Change } from './revisions.ts'
import { checkModes, gatewayOf, poolsOf, readNameservers, readRoutes, wantedPrefix } from './subnet-rules.ts'
import { beginNetworkSync } from './sync-network.ts'
import { beginRouterSync } from './sync-router.ts'
import { networkTarget, subnetTarget } from './targets.ts'

export type NewSubnetBody = Static<typeof NewSubnet>
type SubnetChangeBody = Static<typeof SubnetChange>

/** What faults call one that has no id yet. */
const newSubnet = 'new subnet'

export async function createSubnets(neutron: Neutron, ctx: RequestContext, bodies: readonly NewSubnetBody[]): Promise<SubnetRecord[]> {
  return createOnce(neutron, ctx, bodies, { make: (tx, body) => createSubnet(neutron, tx, ctx, body), find: subnetRecord })
}

async function createSubnet(neutron: Neutron, tx: Tx, ctx: RequestContext, body: NewSubnetBody): Promise<SubnetRecord> {
  const projectId = ownerOf(neutron, ctx, body)
  const network = await networkRow(tx, body.network_id)
  if (!network || !allows(neutron, ctx, 'get_network', networkTarget(network))) throw new NetworkNotFound(`Network ${body.network_id} could not be found.`)
  authorize(neutron, ctx, 'create_subnet', { project_id: projectId, tenant_id: projectId, 'network:project_id': network.project_id, 'network:tenant_id': network.project_id })
  const row = newRow(neutron, projectId, body)
  const prefix = parsePrefix(row.cidr)
  for (const other of await subnetsOfNetwork(tx, network.id)) {
    const otherPrefix = parsePrefix(other.cidr)
    if (prefix && otherPrefix && overlaps(prefix, otherPrefix)) {
      throw new InvalidInput(`Invalid input for operation: Requested subnet with cidr: ${row.cidr} for network: ${network.id} overlaps with another subnet.`)
    }
  }
  await claimQuota(neutron, tx, projectId, 'subnet')
  await insertSubnet(tx, row)
  if (row.enable_dhcp) await beginNetworkSync(neutron, tx, ctx, network.id, network.project_id)
  return { row, network, tags: [] }
}

function newRow(neutron: Neutron, projectId: string, body: NewSubnetBody): SubnetRow {
  const prefix = wantedPrefix(body)
  const enableDhcp = toFlag(body.enable_dhcp, true)
  checkModes(body, prefix, enableDhcp)
  const gateway = gatewayOf(body.gateway_ip, prefix)
  const now = timeText(neutron)
  return {
    id: neutron.ids.uuid(), project_id: projectId, description: body.description ?? '', revision_number: 0, created_at: now, updated_at: now,
    network_id: body.network_id, name: body.name ?? '', ip_version: prefix.version, cidr: prefix.text, gateway_ip: gateway, enable_dhcp: bit(enableDhcp),
    allocation_pools: JSON.stringify(poolsOf(body.allocation_pools ?? undefined, prefix, gateway)),
    dns_nameservers: JSON.stringify(readNameservers(body.dns_nameservers ?? [], neutron.config.maxDnsNameservers, newSubnet)),
    host_routes: JSON.stringify(readRoutes(body.host_routes ?? [], neutron.config.maxSubnetHostRoutes, newSubnet)),
    ipv6_address_mode: body.ipv6_address_mode ?? null, ipv6_ra_mode: body.ipv6_ra_mode ?? null,
  }
}

export async function listSubnets(neutron: Neutron, ctx: RequestContext, request: ListRequest): Promise<SubnetRecord[]> {
  return listRecords(neutron.database.read, request, seesAll(neutron, ctx) ? undefined : subnetsOf(ctx.identity.projectId ?? ''))
}

/** @throws SubnetNotFound also for one that the caller cannot see */
export async function findSubnet(neutron: Neutron, ctx: RequestContext, db: Tx, id: string): Promise<SubnetRecord> {
  const record = await subnetRecord(db, id)
  if (!record || !allows(neutron, ctx, 'get_subnet', subnetTarget(record))) throw new SubnetNotFound(`Subnet ${id} could not be found.`)
  return record
}

export async function updateSubnet(neutron: Neutron, ctx: RequestContext, id: string, { body, ifRevision }: Change<SubnetChangeBody>): Promise<SubnetRecord> {
  return neutron.database.transaction(async (tx) => {
    const record = await findSubnet(neutron, ctx, tx, id)
    const { row } = record
    authorize(neutron, ctx, 'update_subnet', subnetTarget(record))
    checkRevision(row, ifRevision)
    const set = await changedColumns(neutron, tx, row, body)
    await updateRow(tx, 'subnets', id, set, timeText(neutron))
    await beginNetworkSync(neutron, tx, ctx, row.network_id, record.network.project_id)
    if (set.gateway_ip !== undefined) await syncRoutersOf(neutron, tx, ctx, id, row.project_id)
    return (await subnetRecord(tx, id)) ?? record
  })
}

/** A changed gateway of an external subnet is the next hop of the routers there. */
async function syncRoutersOf(neutron: Neutron, tx: Tx, ctx: RequestContext, subnetId: string, projectId: string): Promise<void> {
  for (const { router_id: routerId } of await routersOfSubnets(tx, [subnetId], 'network:router_gateway')) await beginRouterSync(neutron, tx, ctx, routerId, projectId)
}

async function changedColumns(neutron: Neutron, tx: Tx, row: SubnetRow, body: SubnetChangeBody): Promise<Partial<SubnetRow>> {
  const prefix = wantedPrefix({ cidr: row.cidr, ip_version: row.ip_version })
  const enableDhcp = toFlag(body.enable_dhcp, row.enable_dhcp === 1)
  if (body.enable_dhcp !== undefined) checkModes(row as Parameters<typeof checkModes>[0], prefix, enableDhcp)
  const gateway = body.gateway_ip === undefined ? row.gateway_ip : gatewayOf(body.gateway_ip, prefix)
  const before = JSON.parse(row.allocation_pools) as Pool[]
  const poolsAsked = body.allocation_pools !== undefined && body.allocation_pools !== null
  const pools = poolsAsked || gateway !== row.gateway_ip ? poolsOf(poolsAsked ? (body.allocation_pools ?? []) : before, prefix, gateway) : before
  if (gateway !== row.gateway_ip && row.gateway_ip !== null) {
    const old = parseIp(row.gateway_ip)
    const holder = (await routersOfSubnets(tx, [row.id], 'network:router_interface')).find((each) => each.ip_address === row.gateway_ip)
    if (old && holder && (await isTaken(tx, row.id, addressKey(old)))) {
      throw new GatewayInUse(`Current gateway ip ${row.gateway_ip} already in use by port ${holder.port_id}. Unable to update.`)
    }
  }
  return {
    ...(body.name !== undefined && { name: body.name }),
    ...(body.description !== undefined && { description: body.description }),
    ...(gateway !== row.gateway_ip && { gateway_ip: gateway }),
    ...(body.enable_dhcp !== undefined && { enable_dhcp: bit(enableDhcp) }),
    ...(body.dns_nameservers !== undefined && { dns_nameservers: JSON.stringify(readNameservers(body.dns_nameservers ?? [], neutron.config.maxDnsNameservers, row.id)) }),
    ...(body.host_routes !== undefined && { host_routes: JSON.stringify(readRoutes(body.host_routes ?? [], neutron.config.maxSubnetHostRoutes, row.id)) }),
    allocation_pools: JSON.stringify(pools),
  }
}

/** @throws SubnetInUse while a port that is not neutron's own has an address in it */
export async function deleteSubnet(neutron: Neutron, ctx: RequestContext, id: string, ifRevision?: number): Promise<void> {
  await neutron.database.transaction(async (tx) => {
    const record = await findSubnet(neutron, ctx, tx, id)
    authorize(neutron, ctx, 'delete_subnet', subnetTarget(record))
    checkRevision(record.row, ifRevision)
    if (isAutoconfigured(record.row)) await takeSelfMadeAddresses(neutron, tx, ctx, record.row)
    if ((await portsInSubnet(tx, id, autoDeletedOwners)).length > 0) {
      throw new SubnetInUse(`Unable to complete operation on subnet ${id}: One or more ports have an IP allocation from this subnet.`)
    }
    for (const owner of autoDeletedOwners) {
      for (const port of await portsByOwner(tx, record.row.network_id, owner)) {
        const addresses = await allocationsOfPort(tx, port.id)
        const here = addresses.filter((row) => row.subnet_id === id)
        if (here.length === 0) continue
        if (here.length === addresses.length) await removePort(neutron, tx, ctx, port)
        else await deleteAllocations(tx, port.id, here)
      }
    }
    await deleteSubnetRow(tx, id)
    await deleteTags(tx, [id])
    await beginNetworkSync(neutron, tx, ctx, record.row.network_id, record.network.project_id)
  })
}

/** Hosts make their addresses of such a subnet themselves, and lose them with it; a router's own address keeps it. */
async function takeSelfMadeAddresses(neutron: Neutron, tx: Tx, ctx: RequestContext, subnet: SubnetRow): Promise<void> {
  const network = await networkRow(tx, subnet.network_id)
  const others = new Map((await subnetsOfNetwork(tx, subnet.network_id)).map((each) => [each.id, each]))
  for (const id of await guestPortsInSubnet(tx, subnet.id)) {
    const record = await portRecord(tx, id)
    if (!record || !network) continue
    const rest = record.addresses.filter((address) => address.subnet_id !== subnet.id).map(({ subnet_id, ip_address }) => {
      const other = others.get(subnet_id)
      return other && isAutoconfigured(other) ? { subnet_id } : { subnet_id, ip_address }
    })
    await changePort(neutron, tx, ctx, record, network, { fixed_ips: rest })
  }
}
