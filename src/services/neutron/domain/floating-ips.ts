// Floating addresses: taken from an external network, joined to a port's address through the router between them.
import type { RequestContext } from '#core/context'
import type { Static } from '#core/spec'
import type { FloatingIpChange, NewFloatingIp } from '../contract/floating-ips.ts'
import type { ListRequest } from '../db/list.ts'
import { deleteTags, networkRow, type Tx } from '../db/networks.ts'
import { deletePortRow, type PortRecord, portRow } from '../db/ports.ts'
import {
  deleteFloatingIpRow, type FloatingIpRecord, floatingIpRecord, floatingIpsOf, insertFloatingIp, listFloatingIps as listRecords, looseFloatingIps, routerRow, routersOfSubnets, setFloatingIp,
} from '../db/routers.ts'
import { subnetsOfNetwork } from '../db/subnets.ts'
import type { FloatingIpRow } from '../db/tables.ts'
import { badRequest, ExternalGatewayForFloatingIpNotFound, FloatingIpNotFound, FloatingIpPortTaken, NetworkNotFound } from '../model/errors.ts'
import { allows, attributeChecks, authorize, ownerOf, seesAll } from './access.ts'
import { createOnce } from './create-once.ts'
import { type Neutron, timeText } from './neutron.ts'
import { insertNewPort } from './ports/create.ts'
import { findPort } from './ports/list.ts'
import { claimQuota } from './quotas.ts'
import { checkRevision, type Change } from './revisions.ts'
import { interfaceOwner } from './routers.ts'
import { beginRouterSync } from './sync-router.ts'
import { announcePort } from './announce.ts'
import { networkTarget } from './targets.ts'

export type NewFloatingIpBody = Static<typeof NewFloatingIp>
type FloatingIpChangeBody = Static<typeof FloatingIpChange>
type Association = Pick<FloatingIpRow, 'fixed_port_id' | 'fixed_ip_address' | 'router_id'>

const apart: Association = { fixed_port_id: null, fixed_ip_address: null, router_id: null }
const target = (row: Pick<FloatingIpRow, 'project_id'>) => ({ project_id: row.project_id, tenant_id: row.project_id })

export async function createFloatingIps(neutron: Neutron, ctx: RequestContext, bodies: readonly NewFloatingIpBody[]): Promise<FloatingIpRecord[]> {
  return createOnce(neutron, ctx, bodies, { make: (tx, body) => createFloatingIp(neutron, tx, ctx, body), find: floatingIpRecord })
}

async function createFloatingIp(neutron: Neutron, tx: Tx, ctx: RequestContext, body: NewFloatingIpBody): Promise<FloatingIpRecord> {
  const projectId = ownerOf(neutron, ctx, body)
  authorize(neutron, ctx, 'create_floatingip', target({ project_id: projectId }), attributeChecks('create_floatingip', body, ['floating_ip_address'], { floating_ip_address: null }))
  const network = await networkRow(tx, body.floating_network_id)
  if (!network || !allows(neutron, ctx, 'get_network', networkTarget(network))) throw new NetworkNotFound(`Network ${body.floating_network_id} could not be found.`)
  if (network.external !== 1) throw badRequest('floatingip', `Network ${network.id} is not a valid external network`)
  checkFixedAddress(body)
  await claimQuota(neutron, tx, projectId, 'floatingip')
  const id = neutron.ids.uuid()
  const subnets = (await subnetsOfNetwork(tx, network.id)).filter((subnet) => subnet.ip_version === 4)
  if (subnets.length === 0) throw badRequest('floatingip', `Network ${network.id} does not contain any IPv4 subnet`)
  const address = { ...(body.subnet_id && { subnet_id: body.subnet_id }), ...(body.floating_ip_address && { ip_address: body.floating_ip_address }) }
  const outside = await insertNewPort(neutron, tx, ctx, { network, subnets }, '', {
    name: '', device_owner: 'network:floatingip', device_id: id, ...(Object.keys(address).length > 0 && { fixed_ips: [address] }),
  })
  await tx.updateTable('ports').set({ status: 'N/A' }).where('id', '=', outside.row.id).execute()
  const association = body.port_id ? await associate(neutron, tx, ctx, projectId, network.id, body.port_id, body.fixed_ip_address ?? undefined) : apart
  const now = timeText(neutron)
  const row: FloatingIpRow = {
    id, project_id: projectId, description: body.description ?? '', revision_number: 0, created_at: now, updated_at: now, floating_network_id: network.id,
    floating_ip_address: outside.addresses[0]?.ip_address ?? '', floating_port_id: outside.row.id, status: 'DOWN', ...association,
  }
  if (!(await insertFloatingIp(tx, row))) throw taken(row, association)
  if (row.router_id !== null) await beginRouterSync(neutron, tx, ctx, row.router_id, projectId)
  await announceInside(neutron, tx, ctx, row.fixed_port_id)
  return (await floatingIpRecord(tx, id)) ?? { row, port: undefined, tags: [] }
}

function checkFixedAddress({ fixed_ip_address: address, port_id: portId }: FloatingIpChangeBody): void {
  if (address && !portId) throw badRequest('floatingip', 'fixed_ip_address cannot be specified without a port_id')
}

function taken({ id, floating_ip_address: address, floating_network_id: networkId }: FloatingIpRow, { fixed_port_id, fixed_ip_address }: Association): Error {
  return new FloatingIpPortTaken(`Cannot associate floating IP ${address} (${id}) with port ${fixed_port_id} using fixed IP ${fixed_ip_address}, as that fixed IP already has a floating IP on external network ${networkId}.`)
}

/** The port's address and the router that leads from it to the external network. */
async function associate(neutron: Neutron, tx: Tx, ctx: RequestContext, projectId: string, networkId: string, portId: string, wanted: string | undefined): Promise<Association> {
  const { record } = await findPort(neutron, ctx, tx, portId)
  if (record.row.project_id !== projectId && !seesAll(neutron, ctx)) throw badRequest('floatingip', `Cannot process floating IP association with Port ${portId}, since that port is owned by a different project`)
  const address = insideAddress(record, portId, wanted)
  for (const { router_id: routerId } of await routersOfSubnets(tx, [address.subnet_id], interfaceOwner)) {
    if ((await routerRow(tx, routerId))?.gateway_network_id === networkId) return { fixed_port_id: portId, fixed_ip_address: address.ip_address, router_id: routerId }
  }
  throw new ExternalGatewayForFloatingIpNotFound(`External network ${networkId} is not reachable from subnet ${address.subnet_id}. Therefore, cannot associate Port ${portId} with a Floating IP.`)
}

function insideAddress({ addresses }: PortRecord, portId: string, wanted: string | undefined) {
  const candidates = addresses.filter((address) => !address.ip_address.includes(':'))
  if (wanted !== undefined) {
    const named = candidates.find((address) => address.ip_address === wanted)
    if (!named) throw badRequest('floatingip', `Port ${portId} does not have fixed ip ${wanted}`)
    return named
  }
  const [first, second] = candidates
  if (!first) throw badRequest('floatingip', `Cannot add floating IP to port ${portId} that has no fixed IPv4 addresses`)
  if (second) throw badRequest('floatingip', `Port ${portId} has multiple fixed IPv4 addresses.  Must provide a specific IPv4 address when assigning a floating IP`)
  return first
}

export async function listFloatingIps(neutron: Neutron, ctx: RequestContext, request: ListRequest): Promise<FloatingIpRecord[]> {
  return listRecords(neutron.database.read, request, seesAll(neutron, ctx) ? undefined : floatingIpsOf(ctx.identity.projectId ?? ''))
}

/** @throws FloatingIpNotFound also for one that the caller cannot see */
export async function findFloatingIp(neutron: Neutron, ctx: RequestContext, db: Tx, id: string): Promise<FloatingIpRecord> {
  const record = await floatingIpRecord(db, id)
  if (!record || !allows(neutron, ctx, 'get_floatingip', target(record.row))) throw new FloatingIpNotFound(`Floating IP ${id} could not be found`)
  return record
}

export async function updateFloatingIp(neutron: Neutron, ctx: RequestContext, id: string, { body, ifRevision }: Change<FloatingIpChangeBody>): Promise<FloatingIpRecord> {
  return neutron.database.transaction(async (tx) => {
    const record = await findFloatingIp(neutron, ctx, tx, id)
    const { row } = record
    authorize(neutron, ctx, 'update_floatingip', target(row))
    checkRevision(row, ifRevision)
    checkFixedAddress(body)
    const association = await nextAssociation(neutron, tx, ctx, row, body)
    const changed = association !== undefined && (association.fixed_port_id !== row.fixed_port_id || association.fixed_ip_address !== row.fixed_ip_address)
    const set = { ...(body.description !== undefined && { description: body.description }), ...association, ...(changed && { status: 'DOWN' }) }
    if (!(await setFloatingIp(tx, row, set, timeText(neutron)))) throw taken(row, association ?? apart)
    for (const routerId of new Set([row.router_id, association?.router_id ?? null])) if (changed && routerId !== null) await beginRouterSync(neutron, tx, ctx, routerId, row.project_id)
    if (changed) for (const portId of new Set([row.fixed_port_id, association.fixed_port_id])) await announceInside(neutron, tx, ctx, portId)
    return (await floatingIpRecord(tx, id)) ?? record
  })
}

/** The server behind a port has another address to show. */
async function announceInside(neutron: Neutron, tx: Tx, ctx: RequestContext, portId: string | null): Promise<void> {
  const port = portId === null ? undefined : await portRow(tx, portId)
  if (port) await announcePort(neutron, tx, ctx, port, 'network-changed')
}

/** Null parts the two; an update that says nothing of a port leaves them as they are. */
async function nextAssociation(neutron: Neutron, tx: Tx, ctx: RequestContext, row: FloatingIpRow, body: FloatingIpChangeBody): Promise<Association | undefined> {
  if (body.port_id) return associate(neutron, tx, ctx, row.project_id, row.floating_network_id, body.port_id, body.fixed_ip_address ?? undefined)
  return body.port_id === null ? apart : undefined
}

/** Those of a network that no port has go with the network. */
export async function dropLooseFloatingIps(tx: Tx, networkId: string): Promise<void> {
  const loose = await looseFloatingIps(tx, networkId)
  for (const row of loose) {
    await deleteFloatingIpRow(tx, row.id)
    await deletePortRow(tx, row.floating_port_id)
  }
  await deleteTags(tx, loose.map((row) => row.id))
}

export async function deleteFloatingIp(neutron: Neutron, ctx: RequestContext, id: string, ifRevision?: number): Promise<void> {
  await neutron.database.transaction(async (tx) => {
    const { row } = await findFloatingIp(neutron, ctx, tx, id)
    authorize(neutron, ctx, 'delete_floatingip', target(row))
    checkRevision(row, ifRevision)
    await deleteFloatingIpRow(tx, id)
    await deletePortRow(tx, row.floating_port_id)
    await deleteTags(tx, [id])
    if (row.router_id !== null) await beginRouterSync(neutron, tx, ctx, row.router_id, row.project_id)
    await announceInside(neutron, tx, ctx, row.fixed_port_id)
  })
}
