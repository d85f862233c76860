// What servers hold in placement: the whole of their flavor, on their own host, and no host holds more than it has; and
// where those of one group are.
import type { Row, Rows, Say } from './rows.ts'

interface Flavor {
  readonly vcpus: number
  readonly memoryMiB: number
  readonly rootGiB: number
  readonly ephemeralGiB: number
  readonly swapMiB: number
}

/** A root disk on a volume takes nothing of the host's own. */
function demandOf(server: Row, devices: readonly Row[]): Readonly<Record<string, number>> {
  const flavor = JSON.parse(server['flavor']) as Flavor
  const rootOnVolume = devices.some((device) => device['instance_uuid'] === server['uuid'] && device['boot_index'] === 0 && device['destination_type'] === 'volume')
  return { VCPU: flavor.vcpus, MEMORY_MB: flavor.memoryMiB, DISK_GB: (rootOnVolume ? 0 : flavor.rootGiB) + flavor.ephemeralGiB + Math.ceil(flavor.swapMiB / 1024) }
}

export async function placesAreRight(rows: Rows, say: Say): Promise<void> {
  const servers = (await rows.of('nova_cell1', 'instances')).filter((row) => row['deleted'] === 0 && row['host'] !== null)
  const devices = await rows.of('nova_cell1', 'block_device_mappings')
  const names = new Map((await rows.of('placement', 'resource_providers')).map((row) => [row['uuid'], row['name']]))
  const allocations = await rows.of('placement', 'allocations')
  const named = (each: Row) => `${each['used']} ${each['resource_class']} on ${names.get(each['provider_uuid'])}`
  const byConsumer = Map.groupBy(allocations, (row) => String(row['consumer_uuid']))
  for (const server of servers) {
    const asked = Object.entries(demandOf(server, devices)).filter(([, amount]) => amount > 0).map(([name, amount]) => `${amount} ${name} on ${server['node']}`).sort()
    const held = (byConsumer.get(server['uuid']) ?? []).map(named).sort()
    if (asked.join() !== held.join()) say(`server ${server['uuid']} is to hold ${asked.join(', ')}, and holds ${held.join(', ') || 'nothing'}`)
  }
  for (const consumer of byConsumer.keys()) if (!servers.some((row) => row['uuid'] === consumer)) say(`allocations are held by ${consumer}, which is no server on a host`)
  const inventories = await rows.of('placement', 'inventories')
  for (const [place, held] of Map.groupBy(allocations, (row) => `${row['provider_uuid']} ${row['resource_class']}`)) {
    const used = held.reduce((sum, row) => sum + Number(row['used']), 0)
    const inventory = inventories.find((row) => `${row['provider_uuid']} ${row['resource_class']}` === place)
    const capacity = inventory ? (inventory['total'] - inventory['reserved']) * inventory['allocation_ratio'] : 0
    const [provider = '', name = ''] = place.split(' ')
    if (used > capacity) say(`${names.get(provider)} has room for ${capacity} ${name}, and ${used} are held`)
  }
}

/** Servers that shall be apart share no host, those that shall be together are on one. */
export async function groupsAreRight(rows: Rows, say: Say): Promise<void> {
  const hostOf = new Map((await rows.of('nova_cell1', 'instances')).filter((row) => row['deleted'] === 0 && row['host'] !== null).map((row) => [row['uuid'], String(row['host'])]))
  const members = await rows.of('nova_api', 'server_group_members')
  for (const { id, uuid, policy, max_server_per_host: most } of await rows.of('nova_api', 'server_groups')) {
    const placed = members.filter((row) => row['group_id'] === id && hostOf.has(row['instance_uuid']))
    const byHost = Map.groupBy(placed, (row) => String(hostOf.get(row['instance_uuid'])))
    if (policy === 'anti-affinity') for (const [host, own] of byHost) if (own.length > (most ?? 1)) say(`the servers ${own.map((row) => String(row['instance_uuid'])).sort().join(' ')} of group ${uuid} shall be apart, and are on ${host}`)
    if (policy === 'affinity' && byHost.size > 1) say(`the servers of group ${uuid} shall be together, and are on ${[...byHost.keys()].sort().join(' ')}`)
  }
}
