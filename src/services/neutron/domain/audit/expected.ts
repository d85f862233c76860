// What should be on a network host, from rows: all that is compared with an examination, and what the host itself compares.
import { resourcesAtWork } from '#core/audit'
import { boundPorts, dhcpClients, dhcpOnHost, dhcpServers, groupsOnHost, membersOf, routerPorts } from '../../db/audit.ts'
import { routersOnHost } from '../../db/routers.ts'
import type { Neutron } from '../neutron.ts'
import { routerSpecs, segmentSpecs } from '../specs.ts'
import type { ExpectedHost } from './compare.ts'

export async function expectedOn({ database: { read } }: Neutron, host: string): Promise<ExpectedHost> {
  const bound = await boundPorts(read, host)
  const routed = Map.groupBy(await routerPorts(read, host), (row) => row.device_id)
  const clients = Map.groupBy(await dhcpClients(read, host), (row) => row.network_id)
  const dhcpPorts = Map.groupBy(bound.filter((row) => row.device_owner === 'network:dhcp'), (row) => row.network_id)
  const { groupIds, addressSetIds } = await groupsOnHost(read, host)
  return {
    groupIds, addressSets: await membersOf(read, addressSetIds),
    ports: bound.filter((row) => !row.device_owner.startsWith('network:') && row.vif_type === 'bridge')
      .map((row) => ({ id: row.id, networkId: row.network_id, filtered: row.port_security_enabled === 1, status: row.status })),
    // One without a port has nothing to serve, or no address was left for it.
    dhcp: (await dhcpOnHost(read, host)).filter(({ networkId }) => dhcpPorts.has(networkId)).map(({ networkId, answers }) => ({
      networkId, answers, portIds: (dhcpPorts.get(networkId) ?? []).map(({ id }) => id),
      clients: (clients.get(networkId) ?? []).map((row) => ({ portId: row.id, macAddress: row.mac_address, address: row.ip_address })),
    })),
    routers: (await routersOnHost(read, host)).map(({ id }) => ({ id, ports: (routed.get(id) ?? []).map((row) => ({ id: row.id, networkId: row.network_id })) })),
    atWork: await resourcesAtWork(read),
  }
}

/** What an engine is told when it examines its host, as its interface has it. */
export async function specifiedOn({ database: { read } }: Neutron, host: string) {
  const { routers, networks } = await routerSpecs(read, await routersOnHost(read, host))
  const servers = Map.groupBy(await dhcpServers(read, host), (row) => row.network_id)
  const bound = (await boundPorts(read, host)).map((row) => row.network_id)
  return {
    routers, networks: await segmentSpecs(read, [...new Set([...bound, ...servers.keys(), ...networks.map(({ id }) => id)])]),
    dhcp: [...servers].flatMap(([networkId, rows]) => {
      const [own] = rows
      const subnets = rows.filter(({ id }) => id === own?.id).flatMap(({ ip_address, ip_version, cidr, enable_dhcp, gateway_ip }) => (ip_address === null || cidr === null ? [] : [{
        ipVersion: ip_version, cidr, enableDhcp: enable_dhcp === 1, portAddress: ip_address, gatewayAddress: gateway_ip,
      }]))
      return own ? [{ networkId, port: { id: own.id, macAddress: own.mac_address }, metadata: true, subnets }] : []
    }),
  }
}
