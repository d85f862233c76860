// Networks: made with their segment, changed, and deleted when nothing is plugged in any more.
import type { RequestContext } from '#core/context'
import type { Static } from '#core/spec'
import type { NetworkChange, NewNetwork } from '../contract/networks.ts'
import type { ListRequest } from '../db/list.ts'
import { deleteNetworkRow, deleteTags, insertNetwork, listNetworks as listRecords, type NetworkRecord, networkRecord, networksOf, type Tx, updateRow } from '../db/networks.ts'
import { foreignPorts, networkHasPorts, portsByOwner } from '../db/ports.ts'
import { usersOfExternalNetwork } from '../db/routers.ts'
import { deleteSubnetRow, subnetsOfNetwork } from '../db/subnets.ts'
import type { NetworkRow } from '../db/tables.ts'
import { ExternalNetworkInUse, InvalidInput, InvalidSharedSetting, NetworkInUse, NetworkNotFound } from '../model/errors.ts'
import { allows, attributeChecks, authorize, bit, ownerOf, seesAll, toFlag } from './access.ts'
import { checkZoneHints } from './availability-zones.ts'
import { createOnce } from './create-once.ts'
import { dropLooseFloatingIps } from './floating-ips.ts'
import { autoDeletedOwners, removePort } from './ports/delete.ts'
import { type Neutron, timeText } from './neutron.ts'
import { claimQuota } from './quotas.ts'
import { checkRevision, type Change } from './revisions.ts'
import { claimSegment, segmentMtu } from './segments.ts'
import { beginNetworkSync } from './sync-network.ts'
import { networkTarget } from './targets.ts'

export type NewNetworkBody = Static<typeof NewNetwork>
type NetworkChangeBody = Static<typeof NetworkChange>

const attributes = ['shared', 'router:external', 'port_security_enabled', 'provider:network_type', 'provider:physical_network', 'provider:segmentation_id', 'is_default'] as const
const defaults = { shared: false, 'router:external': false, is_default: false, 'provider:network_type': null, 'provider:physical_network': null, 'provider:segmentation_id': null }
const smallestMtu = 68

export async function createNetworks(neutron: Neutron, ctx: RequestContext, bodies: readonly NewNetworkBody[]): Promise<NetworkRecord[]> {
  const owners = bodies.map((body) => {
    const projectId = ownerOf(neutron, ctx, body)
    const target = { project_id: projectId, tenant_id: projectId, shared: toFlag(body.shared, false) }
    authorize(neutron, ctx, 'create_network', target, attributeChecks('create_network', body, attributes, defaults))
    return projectId
  })
  return createOnce(neutron, ctx, bodies, { make: (tx, body, at) => createNetwork(neutron, tx, owners[at] ?? '', body), find: networkRecord })
}

async function createNetwork(neutron: Neutron, tx: Tx, projectId: string, body: NewNetworkBody): Promise<NetworkRecord> {
  await checkZoneHints(tx, 'network', body.availability_zone_hints ?? [])
  await claimQuota(neutron, tx, projectId, 'network')
  const now = timeText(neutron)
  const row: NetworkRow = {
    id: neutron.ids.uuid(), project_id: projectId, description: body.description ?? '', revision_number: 1, created_at: now, updated_at: now,
    name: body.name ?? '', admin_state_up: bit(toFlag(body.admin_state_up, true)), status: 'ACTIVE', shared: bit(toFlag(body.shared, false)),
    external: bit(toFlag(body['router:external'], false)), is_default: bit(toFlag(body.is_default, false)), mtu: 0,
    port_security_enabled: bit(toFlag(body.port_security_enabled, true)), availability_zone_hints: JSON.stringify(body.availability_zone_hints ?? []),
  }
  await insertNetwork(tx, row)
  const type = body['provider:network_type'] ?? undefined
  const physicalNetwork = body['provider:physical_network'] ?? undefined
  const segmentationId = body['provider:segmentation_id'] ?? undefined
  const segment = await claimSegment(neutron, tx, row.id, {
    ...(type !== undefined && { type }), ...(physicalNetwork !== undefined && { physicalNetwork }), ...(segmentationId !== undefined && { segmentationId: Number(segmentationId) }),
  })
  const mtu = chosenMtu(body.mtu, segmentMtu(neutron, segment))
  await tx.updateTable('networks').set({ mtu }).where('id', '=', row.id).execute()
  return { row: { ...row, mtu }, segment, subnetIds: [], tags: [] }
}

function chosenMtu(wanted: number | string | undefined, largest: number): number {
  const mtu = Number(wanted ?? 0)
  if (mtu === 0) return largest
  if (mtu < smallestMtu) throw new InvalidInput(`Invalid input for operation: Requested MTU is too small, minimum is ${smallestMtu}.`)
  if (mtu > largest) throw new InvalidInput(`Invalid input for operation: Requested MTU is too big, maximum is ${largest}.`)
  return mtu
}

export async function listNetworks(neutron: Neutron, ctx: RequestContext, request: ListRequest): Promise<NetworkRecord[]> {
  const scope = seesAll(neutron, ctx) ? undefined : networksOf(ctx.identity.projectId ?? '')
  const records = await listRecords(neutron.database.read, request, scope)
  return records.filter((record) => allows(neutron, ctx, 'get_network', networkTarget(record.row)))
}

/** @throws NetworkNotFound also for one that the caller cannot see */
export async function findNetwork(neutron: Neutron, ctx: RequestContext, db: Tx, id: string): Promise<NetworkRecord> {
  const record = await networkRecord(db, id)
  if (!record || !allows(neutron, ctx, 'get_network', networkTarget(record.row))) throw new NetworkNotFound(`Network ${id} could not be found.`)
  return record
}

export async function updateNetwork(neutron: Neutron, ctx: RequestContext, id: string, { body, ifRevision }: Change<NetworkChangeBody>): Promise<NetworkRecord> {
  return neutron.database.transaction(async (tx) => {
    const record = await findNetwork(neutron, ctx, tx, id)
    const { row } = record
    authorize(neutron, ctx, 'update_network', networkTarget(row), attributeChecks('update_network', body, attributes))
    checkRevision(row, ifRevision)
    if (['provider:network_type', 'provider:physical_network', 'provider:segmentation_id'].some((name) => name in body)) {
      throw new InvalidInput('Invalid input for operation: Plugin does not support updating provider attributes.')
    }
    if (row.shared && body.shared !== undefined && !toFlag(body.shared, true) && (await foreignPorts(tx, id, row.project_id))) {
      throw new InvalidSharedSetting(`Unable to reconfigure sharing settings for network ${row.name}. Multiple tenants are using it.`)
    }
    if (row.external && body['router:external'] !== undefined && !toFlag(body['router:external'], true) && (await usersOfExternalNetwork(tx, id))) {
      throw new ExternalNetworkInUse(`External network ${id} cannot be updated to be made non-external, since it has existing gateway ports.`)
    }
    const set: Partial<NetworkRow> = {
      ...(body.name !== undefined && { name: body.name }),
      ...(body.description !== undefined && { description: body.description }),
      ...(body.admin_state_up !== undefined && { admin_state_up: bit(toFlag(body.admin_state_up, true)) }),
      ...(body.shared !== undefined && { shared: bit(toFlag(body.shared, false)) }),
      ...(body['router:external'] !== undefined && { external: bit(toFlag(body['router:external'], false)) }),
      ...(body.is_default !== undefined && { is_default: bit(toFlag(body.is_default, false)) }),
      ...(body.port_security_enabled !== undefined && { port_security_enabled: bit(toFlag(body.port_security_enabled, true)) }),
      ...(body.mtu !== undefined && record.segment && { mtu: chosenMtu(body.mtu, segmentMtu(neutron, record.segment)) }),
    }
    await updateRow(tx, 'networks', id, set, timeText(neutron))
    const turned = set.admin_state_up !== undefined && set.admin_state_up !== row.admin_state_up
    if (turned || (set.mtu !== undefined && set.mtu !== row.mtu)) await beginNetworkSync(neutron, tx, ctx, row.id, row.project_id)
    return (await networkRecord(tx, id)) ?? record
  })
}

/** @throws NetworkInUse while a port that is not neutron's own is on it */
export async function deleteNetwork(neutron: Neutron, ctx: RequestContext, id: string, ifRevision?: number): Promise<void> {
  await neutron.database.transaction(async (tx) => {
    const { row } = await findNetwork(neutron, ctx, tx, id)
    authorize(neutron, ctx, 'delete_network', networkTarget(row))
    checkRevision(row, ifRevision)
    if (row.external === 1) await dropLooseFloatingIps(tx, id)
    if (await networkHasPorts(tx, id, autoDeletedOwners)) {
      throw new NetworkInUse(`Unable to complete operation on network ${id}. There are one or more ports still in use on the network.`)
    }
    for (const owner of autoDeletedOwners) for (const port of await portsByOwner(tx, id, owner)) await removePort(neutron, tx, ctx, port)
    const subnets = await subnetsOfNetwork(tx, id)
    for (const subnet of subnets) await deleteSubnetRow(tx, subnet.id)
    await deleteTags(tx, [id, ...subnets.map((subnet) => subnet.id)])
    await beginNetworkSync(neutron, tx, ctx, id, row.project_id)
    await deleteNetworkRow(tx, id)
  })
}
