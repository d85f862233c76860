// The ports of a server, as nova last learned them from neutron.
import type { Db, Selectable } from '#core/db'
import type { FixedAddress, ServerPort } from '../model/server.ts'
import type { CellTables, VirtualInterfaceRow } from './cell-tables.ts'

export function toPort(row: Selectable<VirtualInterfaceRow>): ServerPort {
  return {
    portId: row.uuid, networkId: row.network_id, networkName: row.network_name, macAddress: row.address, mtu: row.mtu,
    addresses: JSON.parse(row.addresses) as FixedAddress[], securityGroups: JSON.parse(row.security_groups) as string[], tap: row.tap ?? '', preserve: row.preserve === 1, active: row.active === 1,
    ...(row.tag !== null && { tag: row.tag }),
  }
}

/** Make the rows what the list says; a server that was deleted meanwhile has none. */
export async function replacePorts(tx: Db<CellTables>, serverId: string, ports: readonly ServerPort[], now: string): Promise<void> {
  await tx.deleteFrom('virtual_interfaces').where('instance_uuid', '=', serverId).execute()
  if (ports.length === 0) return
  const live = await tx.selectFrom('instances').select('id').where('uuid', '=', serverId).where('deleted', '=', 0).executeTakeFirst()
  if (!live) return
  await tx.insertInto('virtual_interfaces').values(ports.map((port, position) => ({
    uuid: port.portId, instance_uuid: serverId, network_id: port.networkId, network_name: port.networkName, address: port.macAddress,
    addresses: JSON.stringify(port.addresses), security_groups: JSON.stringify(port.securityGroups), tap: port.tap, mtu: port.mtu, tag: port.tag ?? null, position,
    preserve: port.preserve ? 1 : 0, active: port.active ? 1 : 0, created_at: now,
  }))).execute()
}

export async function portsOf(db: Db<CellTables>, serverId: string): Promise<ServerPort[]> {
  const rows = await db.selectFrom('virtual_interfaces').selectAll().where('instance_uuid', '=', serverId).orderBy('position').execute()
  return rows.map(toPort)
}

/** The server that has the port, as far as nova knows. */
export async function ownerOfPort(db: Db<CellTables>, portId: string): Promise<string | undefined> {
  return (await db.selectFrom('virtual_interfaces').select('instance_uuid').where('uuid', '=', portId).executeTakeFirst())?.instance_uuid
}
