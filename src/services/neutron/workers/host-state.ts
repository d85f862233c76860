// Everything that a host's L2 agent should have: what it compares its host with when it starts.
import { networkRow } from '../db/networks.ts'
import { type PortRecord, portsOfDevices } from '../db/ports.ts'
import { routersOnHost } from '../db/routers.ts'
import { isWired } from '../domain/binding.ts'
import type { Neutron } from '../domain/neutron.ts'
import { groupsOfPort, networkSpec, portSpec } from '../domain/specs.ts'

export async function hostState(neutron: Neutron, host: string, ports: readonly PortRecord[]) {
  const { read } = neutron.database
  const routers = await routersOnHost(read, host)
  const routerPorts = await portsOfDevices(read, routers.map(({ id }) => id), ['network:router_interface', 'network:router_gateway'])
  const guests = ports.filter(({ row }) => isWired(row))
  const networks = []
  const mtus = new Map<string, number>()
  for (const id of new Set([...ports, ...routerPorts].map(({ row }) => row.network_id))) {
    const network = await networkRow(read, id)
    if (!network) continue
    mtus.set(id, network.mtu)
    networks.push(await networkSpec(neutron, read, network, host))
  }
  const groupIds = [...new Set(guests.flatMap((port) => port.securityGroupIds))]
  return {
    networks, ports: guests.map((port) => portSpec(port, mtus.get(port.row.network_id) ?? 1500)), ...(await groupsOfPort(read, groupIds)),
    revisions: Object.fromEntries(guests.map(({ row }) => [row.id, row.revision_number])),
    /** Ports of DHCP and routers: other agents' business, but no leftovers. */
    otherPortIds: [...ports, ...routerPorts].filter(({ row }) => row.device_owner.startsWith('network:')).map(({ row }) => row.id),
  }
}
