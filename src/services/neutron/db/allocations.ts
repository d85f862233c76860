// Addresses that ports hold. The key (subnet, address) is unique: of two ports that ask for one address, one gets it.
import { isUniqueViolation, type SqlBool, sql } from '#core/db'
import type { Tx } from './networks.ts'
import type { AllocationRow } from './tables.ts'

/** @returns false when a port has one of the addresses */
export async function insertAllocations(tx: Tx, rows: readonly AllocationRow[]): Promise<boolean> {
  if (rows.length === 0) return true
  try {
    await tx.insertInto('ip_allocations').values([...rows]).execute()
    return true
  } catch (error) {
    if (isUniqueViolation(error)) return false
    throw error
  }
}

export async function takenAmong(tx: Tx, subnetId: string, keys: readonly string[]): Promise<Set<string>> {
  const rows = await tx.selectFrom('ip_allocations').select('address_key').where('subnet_id', '=', subnetId).where('address_key', 'in', [...keys]).execute()
  return new Set(rows.map((row) => row.address_key))
}

/** Whether a port of the subnet has the address. */
export async function isTaken(tx: Tx, subnetId: string, key: string): Promise<boolean> {
  return (await takenAmong(tx, subnetId, [key])).size > 0
}

/** Keys that are taken in a range, in order, at most `limit` of them. */
export async function takenBetween(tx: Tx, subnetId: string, first: string, last: string, limit: number): Promise<string[]> {
  const rows = await tx.selectFrom('ip_allocations').select('address_key').where('subnet_id', '=', subnetId)
    .where('address_key', '>=', first).where('address_key', '<=', last).orderBy('address_key').limit(limit).execute()
  return rows.map((row) => row.address_key)
}

export async function allocationsOfPort(db: Tx, portId: string): Promise<AllocationRow[]> {
  return db.selectFrom('ip_allocations').selectAll().where('port_id', '=', portId).orderBy('subnet_id').orderBy('address_key').execute()
}

export async function deleteAllocations(tx: Tx, portId: string, keys: readonly { readonly subnet_id: string; readonly address_key: string }[]): Promise<void> {
  for (const { subnet_id, address_key } of keys) {
    await tx.deleteFrom('ip_allocations').where('port_id', '=', portId).where('subnet_id', '=', subnet_id).where('address_key', '=', address_key).execute()
  }
}

/** Ports with an address in a subnet, but for those of the given owners. */
export async function portsInSubnet(tx: Tx, subnetId: string, exceptOwners: readonly string[]): Promise<{ id: string; device_owner: string }[]> {
  return tx.selectFrom('ports').select(['id', 'device_owner'])
    .where(sql<SqlBool>`id in (select port_id from ip_allocations where subnet_id = ${subnetId})`)
    .where('device_owner', 'not in', [...exceptOwners]).limit(10).execute()
}

/** Ports with an address in a subnet that are not neutron's own. */
export async function guestPortsInSubnet(tx: Tx, subnetId: string): Promise<string[]> {
  const rows = await tx.selectFrom('ports').select('id').where(sql<SqlBool>`id in (select port_id from ip_allocations where subnet_id = ${subnetId})`)
    .where('device_owner', 'not like', 'network:%').execute()
  return rows.map((row) => row.id)
}

/** How many addresses of each subnet are taken. */
export async function countBySubnet(db: Tx, subnetIds: readonly string[]): Promise<Map<string, number>> {
  if (subnetIds.length === 0) return new Map()
  const rows = await db.selectFrom('ip_allocations').select(['subnet_id', (count) => count.fn.countAll<number>().as('used')])
    .where('subnet_id', 'in', [...subnetIds]).groupBy('subnet_id').execute()
  return new Map(rows.map((row) => [row.subnet_id, Number(row.used)]))
}

/** The port behind an address, as metadata asks for it; routers and DHCP have none. */
export async function portAt(db: Tx, networkIds: readonly string[], address: string): Promise<{ id: string; device_id: string; project_id: string; network_id: string } | undefined> {
  if (networkIds.length === 0) return undefined
  return db.selectFrom('ip_allocations').innerJoin('ports', 'ports.id', 'ip_allocations.port_id')
    .select(['ports.id', 'ports.device_id', 'ports.project_id', 'ports.network_id'])
    .where('ip_allocations.network_id', 'in', [...networkIds]).where('ip_allocations.ip_address', '=', address).where('ports.device_owner', 'not like', 'network:%').limit(1).executeTakeFirst()
}
