// Whose address it is that asks for metadata: looked up by the network it asks in, never by what it says of itself.
import { portAt } from '../db/allocations.ts'
import { portsOfDevice } from '../db/ports.ts'
import { parseIp, formatIp } from '../model/addresses.ts'
import type { Neutron } from './neutron.ts'

export async function metadataPort(neutron: Neutron, where: { networkId?: string; routerId?: string; address: string }): Promise<{ deviceId?: string; projectId?: string }> {
  const address = parseIp(where.address.replace(/^::ffff:/i, ''))
  if (!address) return {}
  const { read } = neutron.database
  const networkIds = where.networkId !== undefined ? [where.networkId]
    : where.routerId !== undefined ? [...new Set((await portsOfDevice(read, where.routerId, ['network:router_interface'])).map(({ row }) => row.network_id))] : []
  const port = await portAt(read, networkIds, formatIp(address))
  return port && port.device_id !== '' ? { deviceId: port.device_id, projectId: port.project_id } : {}
}
