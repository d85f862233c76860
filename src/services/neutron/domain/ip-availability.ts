// How many addresses networks have to give, and how many are given.
import { countBySubnet } from '../db/allocations.ts'
import type { ListRequest } from '../db/list.ts'
import { listNetworks, networkRecord, type NetworkRecord } from '../db/networks.ts'
import { subnetsOfNetworks } from '../db/subnets.ts'
import type { SubnetRow } from '../db/tables.ts'
import { parseIp, parsePrefix } from '../model/addresses.ts'
import { NetworkNotFound } from '../model/errors.ts'
import type { Pool } from './ipam.ts'
import type { Neutron } from './neutron.ts'

export interface SubnetAvailability {
  readonly row: SubnetRow
  readonly total: number
  readonly used: number
}

export interface NetworkAvailability {
  readonly network: NetworkRecord
  readonly subnets: readonly SubnetAvailability[]
}

/** Addresses in the pools; the whole block where a subnet has none. */
function totalOf(subnet: SubnetRow): number {
  const pools = JSON.parse(subnet.allocation_pools) as Pool[]
  if (pools.length === 0) {
    const prefix = parsePrefix(subnet.cidr)
    return prefix ? Number(prefix.last - prefix.first + 1n) : 0
  }
  return pools.reduce((sum, { start, end }) => sum + Number((parseIp(end)?.value ?? 0n) - (parseIp(start)?.value ?? 0n) + 1n), 0)
}

async function availability(neutron: Neutron, networks: readonly NetworkRecord[]): Promise<NetworkAvailability[]> {
  const { read } = neutron.database
  const subnets = await subnetsOfNetworks(read, networks.map(({ row }) => row.id))
  const used = await countBySubnet(read, subnets.map((subnet) => subnet.id))
  return networks.map((network) => ({
    network, subnets: subnets.filter((row) => row.network_id === network.row.id).map((row) => ({ row, total: totalOf(row), used: used.get(row.id) ?? 0 })),
  }))
}

export async function listAvailability(neutron: Neutron, request: ListRequest): Promise<NetworkAvailability[]> {
  return availability(neutron, await listNetworks(neutron.database.read, request))
}

export async function showAvailability(neutron: Neutron, id: string): Promise<NetworkAvailability> {
  const network = await networkRecord(neutron.database.read, id)
  const [found] = network ? await availability(neutron, [network]) : []
  if (!found) throw new NetworkNotFound(`Network ${id} could not be found.`)
  return found
}
