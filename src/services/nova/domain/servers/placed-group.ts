// Where the servers of a group are, for the scheduler, and again when a host is written down: of two that were scheduled
// at once, the second one sees the first.
import { type Db, lockClaim } from '#core/db'
import { groupOfServer } from '../../db/server-groups.ts'
import type { CellTables } from '../../db/cell-tables.ts'
import { hostsOfServers } from '../../db/instances.ts'
import { HostUnfit } from '../../model/errors.ts'
import type { PlacedGroup } from '../../model/server.ts'
import type { ServerGroup } from '../../model/server-group.ts'
import type { Nova } from '../nova.ts'

export async function groupOf(nova: Nova, serverId: string): Promise<ServerGroup | undefined> {
  return groupOfServer(nova.api.read, serverId)
}

export async function placedGroup(db: Db<CellTables>, group: ServerGroup, serverId: string): Promise<PlacedGroup> {
  const others = group.members.filter((id) => id !== serverId)
  const hosts: Record<string, number> = {}
  for (const host of Object.values(await hostsOfServers(db, others))) hosts[host] = (hosts[host] ?? 0) + 1
  return { policy: group.policy, maxServerPerHost: group.maxServerPerHost ?? 1, hosts }
}

/** One server of a group at a time is written down; who is in the group is read then. @throws HostUnfit when the group's policy forbids the host */
export async function refuseByGroup(nova: Nova, tx: Db<CellTables>, groupId: string, serverId: string, host: string): Promise<void> {
  await lockClaim(tx, 'server group', groupId)
  const group = await groupOf(nova, serverId)
  if (!group) return
  const { policy, maxServerPerHost, hosts } = await placedGroup(tx, group, serverId)
  const apart = policy === 'anti-affinity' && (hosts[host] ?? 0) >= maxServerPerHost
  const together = policy === 'affinity' && Object.keys(hosts).some((other) => other !== host)
  if (apart || together) throw new HostUnfit(`The policy ${policy} of its server group does not allow it on the chosen host.`)
}
