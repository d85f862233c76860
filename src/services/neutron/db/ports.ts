// Ports with their addresses, security groups and tags, loaded in a few statements for any number of them.
import { ConstraintViolation, contains, type SqlBool, sql } from '#core/db'
import { type Condition, grouped, listed, type ListOf, type ListRequest, listRows, rowsBy, tagFilters } from './list.ts'
import { tagsOf, type Tx } from './networks.ts'
import type { AllocationRow, PortRow } from './tables.ts'

export interface PortRecord {
  readonly row: PortRow
  readonly addresses: readonly Pick<AllocationRow, 'subnet_id' | 'ip_address'>[]
  readonly securityGroupIds: readonly string[]
  readonly tags: readonly string[]
}

export const portList: ListOf = {
  table: 'ports',
  columns: listed('ports', {
    texts: ['name', 'network_id', 'status', 'mac_address', 'device_id', 'device_owner'], flags: ['admin_state_up', 'port_security_enabled'],
  }, {
    'binding:host_id': { column: 'ports.host_id', kind: 'text' },
    'binding:vif_type': { column: 'ports.vif_type', kind: 'text' },
    'binding:vnic_type': { column: 'ports.vnic_type', kind: 'text' },
  }),
  special: {
    ...tagFilters('ports'),
    fixed_ips: byAddress,
    security_groups: (values) => sql<SqlBool>`ports.id in (select port_id from port_security_groups where security_group_id in (${sql.join(values)}))`,
  },
}

/** `fixed_ips=subnet_id=…`, `fixed_ips=ip_address=…`, `fixed_ips=ip_address_substr=…`: each repeated value of a kind is another choice. */
function byAddress(values: readonly string[]): Condition {
  const pairs = values.map((value) => [value.slice(0, value.indexOf('=')), value.slice(value.indexOf('=') + 1)] as const)
  const of = (key: string) => pairs.filter(([name]) => name === key).map(([, value]) => value)
  const conditions: Condition[] = []
  const [subnets, addresses, parts] = [of('subnet_id'), of('ip_address'), of('ip_address_substr')]
  if (subnets.length > 0) conditions.push(sql<SqlBool>`ports.id in (select port_id from ip_allocations where subnet_id in (${sql.join(subnets)}))`)
  if (addresses.length > 0) conditions.push(sql<SqlBool>`ports.id in (select port_id from ip_allocations where ip_address in (${sql.join(addresses)}))`)
  if (parts.length > 0) {
    const likes = parts.map((part) => contains('ip_address', part))
    conditions.push(sql<SqlBool>`ports.id in (select port_id from ip_allocations where ${sql.join(likes, sql` or `)})`)
  }
  return conditions.length === 0 ? sql<SqlBool>`1 = 1` : sql<SqlBool>`(${sql.join(conditions, sql` and `)})`
}

/** A project sees its own ports and those on its networks. Who is in none sees none: neutron's own ports outside are in none either. */
export function portsOf(projectId: string | undefined): Condition {
  if (projectId === undefined) return sql<SqlBool>`1 = 0`
  return sql<SqlBool>`(ports.project_id = ${projectId} or ports.network_id in (select id from networks where project_id = ${projectId}))`
}

async function complete(db: Tx, rows: readonly PortRow[]): Promise<PortRecord[]> {
  const ids = rows.map((row) => row.id)
  if (ids.length === 0) return []
  const addresses = grouped(await rowsBy<AllocationRow>(db, 'ip_allocations', 'port_id', ids, 'address_key'), 'port_id')
  const groups = grouped(await rowsBy<{ port_id: string; security_group_id: string }>(db, 'port_security_groups', 'port_id', ids), 'port_id')
  const tags = grouped(await tagsOf(db, ids), 'resource_id')
  return rows.map((row) => ({
    row, addresses: addresses.get(row.id) ?? [],
    securityGroupIds: (groups.get(row.id) ?? []).map((group) => group.security_group_id), tags: (tags.get(row.id) ?? []).map((tag) => tag.tag),
  }))
}

export async function listPorts(db: Tx, request: ListRequest, scope?: Condition): Promise<PortRecord[]> {
  return complete(db, await listRows<PortRow>(db, portList, request, scope))
}

export async function portRow(db: Tx, id: string): Promise<PortRow | undefined> {
  return db.selectFrom('ports').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function portRecord(db: Tx, id: string): Promise<PortRecord | undefined> {
  const row = await portRow(db, id)
  return row && (await complete(db, [row]))[0]
}

export async function portRecords(db: Tx, ids: readonly string[]): Promise<PortRecord[]> {
  return complete(db, await rowsBy<PortRow>(db, 'ports', 'id', ids))
}

/** Ports that are bound to a host. */
export async function portsOnHost(db: Tx, host: string): Promise<PortRecord[]> {
  return complete(db, await db.selectFrom('ports').selectAll().where('host_id', '=', host).execute())
}

export async function portsOnNetwork(db: Tx, networkId: string): Promise<PortRecord[]> {
  return complete(db, await db.selectFrom('ports').selectAll().where('network_id', '=', networkId).execute())
}

/** Ports of a device and one of the given owners. */
export async function portsOfDevice(db: Tx, deviceId: string, owners: readonly string[]): Promise<PortRecord[]> {
  return portsOfDevices(db, [deviceId], owners)
}

/** Those of one device in the order in which they were made. */
export async function portsOfDevices(db: Tx, deviceIds: readonly string[], owners: readonly string[]): Promise<PortRecord[]> {
  return complete(db, (await rowsBy<PortRow>(db, 'ports', 'device_id', deviceIds, 'created_at')).filter((row) => owners.includes(row.device_owner)))
}

/** @returns what stood in the way: a port with this MAC on the network, or nothing */
export async function insertPort(tx: Tx, row: PortRow): Promise<'mac-taken' | undefined> {
  try {
    await tx.insertInto('ports').values(row).execute()
    return undefined
  } catch (error) {
    if (error instanceof ConstraintViolation && error.kind === 'unique' && error.names.some((name) => name.includes('mac_address'))) return 'mac-taken'
    throw error
  }
}

export async function insertPortSecurityGroups(tx: Tx, portId: string, groupIds: readonly string[]): Promise<void> {
  if (groupIds.length === 0) return
  await tx.insertInto('port_security_groups').values(groupIds.map((id) => ({ port_id: portId, security_group_id: id }))).execute()
}

export async function deletePortSecurityGroups(tx: Tx, portId: string): Promise<void> {
  await tx.deleteFrom('port_security_groups').where('port_id', '=', portId).execute()
}

/** Its addresses, groups and binding go with it. */
export async function deletePortRow(tx: Tx, id: string): Promise<boolean> {
  const { numDeletedRows } = await tx.deleteFrom('ports').where('id', '=', id).executeTakeFirstOrThrow()
  return numDeletedRows === 1n
}

/** Whether a network has a port but those of the given owners. */
export async function networkHasPorts(tx: Tx, networkId: string, exceptOwners: readonly string[]): Promise<boolean> {
  const found = await tx.selectFrom('ports').select('id').where('network_id', '=', networkId).where('device_owner', 'not in', [...exceptOwners]).limit(1).executeTakeFirst()
  return found !== undefined
}

/** In the order in which they were made. */
export async function portsByOwner(tx: Tx, networkId: string, owner: string): Promise<PortRow[]> {
  return tx.selectFrom('ports').selectAll().where('network_id', '=', networkId).where('device_owner', '=', owner).orderBy('created_at').orderBy('id').execute()
}

/** Whether somebody but the given project has a port on the network. */
export async function foreignPorts(tx: Tx, networkId: string, projectId: string): Promise<boolean> {
  const found = await tx.selectFrom('ports').select('id').where('network_id', '=', networkId)
    .where('project_id', 'not in', [projectId, '']).where('device_owner', 'not like', 'network:%').limit(1).executeTakeFirst()
  return found !== undefined
}

export async function saveBindingLevel(tx: Tx, level: { port_id: string; host_id: string; driver: string; segment_id: string }): Promise<void> {
  const { numUpdatedRows } = await tx.updateTable('binding_levels').set({ host_id: level.host_id, driver: level.driver, segment_id: level.segment_id }).where('port_id', '=', level.port_id).executeTakeFirstOrThrow()
  if (numUpdatedRows === 0n) await tx.insertInto('binding_levels').values(level).execute()
}

/** Set columns that are the system's own: no revision, no new time. */
export async function setPort(tx: Tx, id: string, set: Partial<PortRow>): Promise<boolean> {
  const { numUpdatedRows } = await tx.updateTable('ports').set(set).where('id', '=', id).executeTakeFirstOrThrow()
  return numUpdatedRows === 1n
}

/** Hosts with ports of a network, those included whose routers have one. */
export async function hostsOfNetwork(db: Tx, networkId: string): Promise<string[]> {
  const bound = await db.selectFrom('ports').select('host_id as host').distinct().where('network_id', '=', networkId).where('host_id', '!=', '').execute()
  const routed = await db.selectFrom('ports').innerJoin('routers', 'routers.id', 'ports.device_id').select('routers.host').distinct()
    .where('ports.network_id', '=', networkId).where('ports.device_owner', 'like', 'network:router%').where('routers.host', '!=', '').execute()
  return [...new Set([...bound, ...routed].map(({ host }) => host))]
}

export async function securityGroupIdsOf(db: Tx, portId: string): Promise<string[]> {
  return (await db.selectFrom('port_security_groups').select('security_group_id').where('port_id', '=', portId).execute()).map((row) => row.security_group_id)
}

export async function savePairs(tx: Tx, portId: string, pairs: readonly { readonly ip_address: string }[], had: boolean): Promise<void> {
  if (had) await tx.deleteFrom('port_address_pairs').where('port_id', '=', portId).execute()
  if (pairs.length > 0) await tx.insertInto('port_address_pairs').values(pairs.map(({ ip_address }) => ({ port_id: portId, ip_address }))).execute()
}
