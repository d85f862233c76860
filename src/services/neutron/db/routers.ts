// Routers, and the floating addresses that they translate.
import { isUniqueViolation, type SqlBool, sql } from '#core/db'
import { type Condition, grouped, listed, type ListOf, type ListRequest, listRows, rowsBy, tagFilters } from './list.ts'
import { tagsOf, type Tx } from './networks.ts'
import type { AllocationRow, FloatingIpRow, PortRow, RouterRow } from './tables.ts'

export interface RouterRecord {
  readonly row: RouterRow
  /** Addresses of the gateway port. */
  readonly gatewayAddresses: readonly Pick<AllocationRow, 'subnet_id' | 'ip_address'>[]
  readonly tags: readonly string[]
}

export interface FloatingIpRecord {
  readonly row: FloatingIpRow
  readonly port: PortRow | undefined
  readonly tags: readonly string[]
}

export const routerList: ListOf = {
  table: 'routers',
  columns: listed('routers', { texts: ['name', 'status'], flags: ['admin_state_up', 'enable_snat'] }),
  special: {
    ...tagFilters('routers'),
    external_gateway_info: (values) => sql<SqlBool>`routers.gateway_network_id in (${sql.join(values.map((value) => value.replace(/^network_id=/, '')))})`,
  },
}

export const floatingIpList: ListOf = {
  table: 'floating_ips',
  columns: listed('floating_ips', { texts: ['floating_network_id', 'floating_ip_address', 'fixed_ip_address', 'router_id', 'status'] }, {
    port_id: { column: 'floating_ips.fixed_port_id', kind: 'text' },
  }),
  special: tagFilters('floating_ips'),
}

export const routersOf = (projectId: string): Condition => sql<SqlBool>`routers.project_id = ${projectId}`
export const floatingIpsOf = (projectId: string): Condition => sql<SqlBool>`floating_ips.project_id = ${projectId}`

async function complete(db: Tx, rows: readonly RouterRow[]): Promise<RouterRecord[]> {
  if (rows.length === 0) return []
  const gateways = rows.flatMap((row) => row.gateway_port_id ?? [])
  const addresses = grouped(await rowsBy<AllocationRow>(db, 'ip_allocations', 'port_id', gateways, 'address_key'), 'port_id')
  const tags = grouped(await tagsOf(db, rows.map((row) => row.id)), 'resource_id')
  return rows.map((row) => ({ row, gatewayAddresses: addresses.get(row.gateway_port_id ?? '') ?? [], tags: (tags.get(row.id) ?? []).map((tag) => tag.tag) }))
}

export async function listRouters(db: Tx, request: ListRequest, scope?: Condition): Promise<RouterRecord[]> {
  return complete(db, await listRows<RouterRow>(db, routerList, request, scope))
}

export async function routerRow(db: Tx, id: string): Promise<RouterRow | undefined> {
  return db.selectFrom('routers').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function routerRecord(db: Tx, id: string): Promise<RouterRecord | undefined> {
  const row = await routerRow(db, id)
  return row && (await complete(db, [row]))[0]
}

export async function insertRouter(tx: Tx, row: RouterRow): Promise<void> {
  await tx.insertInto('routers').values(row).execute()
}

/** Whether the router or floating address that a port names is there, or another one has the port: else it is nobody's. */
export async function isOfRouterOrFloatingIp(db: Tx, { id, device_id: deviceId }: Pick<PortRow, 'id' | 'device_id'>): Promise<boolean> {
  const router = await db.selectFrom('routers').select('id').where((row) => row.or([row('id', '=', deviceId), row('gateway_port_id', '=', id)])).limit(1).executeTakeFirst()
  if (router) return true
  return (await db.selectFrom('floating_ips').select('id').where((row) => row.or([row('id', '=', deviceId), row('floating_port_id', '=', id)])).limit(1).executeTakeFirst()) !== undefined
}

export async function setRouter(tx: Tx, id: string, set: Partial<RouterRow>): Promise<void> {
  await tx.updateTable('routers').set(set).where('id', '=', id).execute()
}

export async function deleteRouterRow(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('routers').where('id', '=', id).execute()
}

export async function routersOnHost(db: Tx, host: string): Promise<RouterRow[]> {
  return db.selectFrom('routers').selectAll().where('host', '=', host).execute()
}

export async function unhostedRouters(db: Tx): Promise<RouterRow[]> {
  return db.selectFrom('routers').selectAll().where('host', '=', '').execute()
}

/** The router that has a port with one of the owners of interfaces in a subnet. */
export async function routersOfSubnets(db: Tx, subnetIds: readonly string[], owner: string): Promise<{ router_id: string; subnet_id: string; ip_address: string; port_id: string }[]> {
  if (subnetIds.length === 0) return []
  const rows = await db.selectFrom('ports').innerJoin('ip_allocations', 'ip_allocations.port_id', 'ports.id')
    .select(['ports.device_id', 'ip_allocations.subnet_id', 'ip_allocations.ip_address', 'ports.id'])
    .where('ports.device_owner', '=', owner).where('ip_allocations.subnet_id', 'in', [...subnetIds]).execute()
  return rows.map((row) => ({ router_id: row.device_id, subnet_id: row.subnet_id, ip_address: row.ip_address, port_id: row.id }))
}

/** Whether routers or floating addresses use an external network. */
export async function usersOfExternalNetwork(db: Tx, networkId: string): Promise<boolean> {
  const router = await db.selectFrom('routers').select('id').where('gateway_network_id', '=', networkId).limit(1).executeTakeFirst()
  if (router) return true
  return (await db.selectFrom('floating_ips').select('id').where('floating_network_id', '=', networkId).limit(1).executeTakeFirst()) !== undefined
}

async function completeFloating(db: Tx, rows: readonly FloatingIpRow[]): Promise<FloatingIpRecord[]> {
  if (rows.length === 0) return []
  const ports = grouped(await rowsBy<PortRow>(db, 'ports', 'id', rows.flatMap((row) => row.fixed_port_id ?? [])), 'id')
  const tags = grouped(await tagsOf(db, rows.map((row) => row.id)), 'resource_id')
  return rows.map((row) => ({ row, port: ports.get(row.fixed_port_id ?? '')?.[0], tags: (tags.get(row.id) ?? []).map((tag) => tag.tag) }))
}

export async function listFloatingIps(db: Tx, request: ListRequest, scope?: Condition): Promise<FloatingIpRecord[]> {
  return completeFloating(db, await listRows<FloatingIpRow>(db, floatingIpList, request, scope))
}

export async function floatingIpRecord(db: Tx, id: string): Promise<FloatingIpRecord | undefined> {
  const row = await db.selectFrom('floating_ips').selectAll().where('id', '=', id).executeTakeFirst()
  return row && (await completeFloating(db, [row]))[0]
}

/** @returns false when the port's address has a floating one already */
export async function insertFloatingIp(tx: Tx, row: FloatingIpRow): Promise<boolean> {
  try {
    await tx.insertInto('floating_ips').values(row).execute()
    return true
  } catch (error) {
    if (isUniqueViolation(error)) return false
    throw error
  }
}

/** @returns false when the port's address has another floating one */
export async function setFloatingIp(tx: Tx, row: FloatingIpRow, set: Partial<FloatingIpRow>, now: string): Promise<boolean> {
  try {
    await tx.updateTable('floating_ips').set({ ...set, updated_at: now, revision_number: row.revision_number + 1 }).where('id', '=', row.id).execute()
    return true
  } catch (error) {
    if (isUniqueViolation(error)) return false
    throw error
  }
}

export async function setFloatingIpStatus(tx: Tx, routerId: string, status: string): Promise<void> {
  await tx.updateTable('floating_ips').set({ status }).where('router_id', '=', routerId).where('status', '!=', status).execute()
}

export async function deleteFloatingIpRow(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('floating_ips').where('id', '=', id).execute()
}

/** Floating addresses of a network that are joined to no port. */
export async function looseFloatingIps(db: Tx, networkId: string): Promise<FloatingIpRow[]> {
  return db.selectFrom('floating_ips').selectAll().where('floating_network_id', '=', networkId).where('fixed_port_id', 'is', null).execute()
}

export async function floatingIpsOfRouters(db: Tx, routerIds: readonly string[]): Promise<FloatingIpRow[]> {
  return rowsBy<FloatingIpRow>(db, 'floating_ips', 'router_id', routerIds)
}

export async function floatingIpsOfPort(db: Tx, portId: string): Promise<FloatingIpRow[]> {
  return db.selectFrom('floating_ips').selectAll().where('fixed_port_id', '=', portId).execute()
}

/** Part the floating addresses of a port that goes. @returns the routers that translated them */
export async function clearFloatingIpsOf(tx: Tx, portId: string, now: string): Promise<string[]> {
  const rows = await floatingIpsOfPort(tx, portId)
  for (const row of rows) await setFloatingIp(tx, row, { fixed_port_id: null, fixed_ip_address: null, router_id: null, status: 'DOWN' }, now)
  return [...new Set(rows.flatMap((row) => row.router_id ?? []))]
}

/** Floating addresses whose inner side lies in one of the subnets, through the given router. */
export async function floatingIpsThrough(db: Tx, routerId: string, subnetIds: readonly string[]): Promise<FloatingIpRow[]> {
  if (subnetIds.length === 0) return []
  return db.selectFrom('floating_ips').selectAll().where('router_id', '=', routerId)
    .where(sql<SqlBool>`fixed_port_id in (select port_id from ip_allocations where subnet_id in (${sql.join(subnetIds)}))`).execute()
}
