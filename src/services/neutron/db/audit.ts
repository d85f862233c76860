// What the auditor reads of a host: everything that should be on it, in few columns and a handful of statements.
import { sql } from '#core/db'
import type { Tx } from './networks.ts'
import type { PortRow } from './tables.ts'

export type PortToAudit = Pick<PortRow, 'id' | 'network_id' | 'device_id' | 'device_owner' | 'status' | 'vif_type' | 'port_security_enabled'>

const columns = ['id', 'network_id', 'device_id', 'device_owner', 'status', 'vif_type', 'port_security_enabled'] as const

export async function boundPorts(db: Tx, host: string): Promise<PortToAudit[]> {
  return db.selectFrom('ports').select(columns).where('host_id', '=', host).execute()
}

/** Ports of the routers that a host carries. */
export async function routerPorts(db: Tx, host: string): Promise<PortToAudit[]> {
  return db.selectFrom('ports').select(columns).where('device_owner', 'in', ['network:router_interface', 'network:router_gateway'])
    .where('device_id', 'in', (inner) => inner.selectFrom('routers').select('id').where('host', '=', host)).execute()
}

/** Groups of the guests' ports on a host, and the groups whose addresses their rules name. */
export async function groupsOnHost(db: Tx, host: string): Promise<{ groupIds: string[]; addressSetIds: string[] }> {
  const groups = await db.selectFrom('port_security_groups').innerJoin('ports', 'ports.id', 'port_security_groups.port_id').select('security_group_id').distinct()
    .where('ports.host_id', '=', host).where('ports.vif_type', '=', 'bridge').where('ports.device_owner', 'not like', 'network:%').execute()
  const groupIds = groups.map((row) => row.security_group_id)
  if (groupIds.length === 0) return { groupIds, addressSetIds: [] }
  const sets = await db.selectFrom('security_group_rules').select('remote_group_id').distinct()
    .where('remote_group_id', 'is not', null)
    .where('security_group_id', 'in', (inner) => inner.selectFrom('port_security_groups').innerJoin('ports', 'ports.id', 'port_security_groups.port_id').select('security_group_id').where('ports.host_id', '=', host).where('ports.vif_type', '=', 'bridge').where('ports.device_owner', 'not like', 'network:%'))
    .execute()
  return { groupIds, addressSetIds: sets.flatMap((row) => row.remote_group_id ?? []) }
}

/** The addresses behind groups. */
export async function membersOf(db: Tx, groupIds: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
  if (groupIds.length === 0) return new Map()
  const own = await db.selectFrom('ip_allocations').innerJoin('port_security_groups', 'port_security_groups.port_id', 'ip_allocations.port_id')
    .select(['security_group_id', 'ip_address']).where('security_group_id', 'in', [...groupIds]).execute()
  const allowed = await db.selectFrom('port_address_pairs').innerJoin('port_security_groups', 'port_security_groups.port_id', 'port_address_pairs.port_id')
    .select(['security_group_id', 'ip_address']).where('security_group_id', 'in', [...groupIds]).execute()
  const byGroup = Map.groupBy([...own, ...allowed], (row) => row.security_group_id)
  return new Map(groupIds.map((id) => [id, (byGroup.get(id) ?? []).map((row) => row.ip_address)]))
}

/** Whom the DHCP of a host should answer, and with what: wired ports with an IPv4 address in a subnet with DHCP. */
export async function dhcpClients(db: Tx, host: string): Promise<{ network_id: string; id: string; mac_address: string; ip_address: string }[]> {
  return db.selectFrom('ports').innerJoin('ip_allocations', 'ip_allocations.port_id', 'ports.id').innerJoin('subnets', 'subnets.id', 'ip_allocations.subnet_id')
    .innerJoin('dhcp_bindings', 'dhcp_bindings.network_id', 'ports.network_id')
    .select(['ports.network_id', 'ports.id', 'ports.mac_address', 'ip_allocations.ip_address']).distinct()
    .where('dhcp_bindings.host', '=', host).where('subnets.enable_dhcp', '=', 1).where('subnets.ip_version', '=', 4).where('ports.vif_type', '=', 'bridge').where('ports.device_owner', 'not like', 'network:%').execute()
}

/** Networks whose DHCP a host serves, and whether that has anything to give. */
export async function dhcpOnHost(db: Tx, host: string): Promise<{ networkId: string; answers: boolean }[]> {
  const rows = await db.selectFrom('dhcp_bindings').leftJoin('subnets', (join) => join.onRef('subnets.network_id', '=', 'dhcp_bindings.network_id').on('subnets.enable_dhcp', '=', 1).on('subnets.ip_version', '=', 4))
    .select(['dhcp_bindings.network_id', sql<number>`count(subnets.id)`.as('subnets')]).where('dhcp_bindings.host', '=', host).groupBy('dhcp_bindings.network_id').execute()
  return rows.map((row) => ({ networkId: row.network_id, answers: Number(row.subnets) > 0 }))
}

/** The DHCP servers of a host as their namespaces show them: a row for each subnet in which one has an address. The first port of a network is its server's. */
export async function dhcpServers(db: Tx, host: string) {
  return db.selectFrom('dhcp_bindings').innerJoin('ports', 'ports.network_id', 'dhcp_bindings.network_id')
    .leftJoin('ip_allocations', 'ip_allocations.port_id', 'ports.id').leftJoin('subnets', 'subnets.id', 'ip_allocations.subnet_id')
    .select(['dhcp_bindings.network_id', 'ports.id', 'ports.mac_address', 'ip_allocations.ip_address', 'subnets.ip_version', 'subnets.cidr', 'subnets.enable_dhcp', 'subnets.gateway_ip'])
    .where('dhcp_bindings.host', '=', host).where('ports.device_owner', '=', 'network:dhcp').orderBy('ports.created_at').orderBy('ports.id').orderBy('subnets.created_at').orderBy('subnets.id').execute()
}
