// New servers join a server group, within the quota of its members.
import type { RequestContext } from '#core/context'
import { type Db, lockClaim } from '#core/db'
import { BadRequest } from '#core/errors'
import type { ApiTables } from '../../../db/api-tables.ts'
import { findServerGroup, insertMembers } from '../../../db/server-groups.ts'
import { OverQuota } from '../../../model/errors.ts'
import { projectLimits } from '../../limits.ts'
import type { Nova } from '../../nova.ts'

/** @throws BadRequest for a group that is not there or another project's */
export async function joinGroup(nova: Nova, tx: Db<ApiTables>, { identity }: RequestContext, groupId: string, serverIds: readonly string[]): Promise<void> {
  await lockClaim(tx, 'server group', groupId)
  const group = await findServerGroup(tx, groupId)
  if (!group || (group.projectId !== identity.projectId && !identity.roles.includes('admin'))) throw new BadRequest(`Instance group ${groupId} could not be found.`)
  const limit = (await projectLimits(nova, group.projectId, tx)).server_group_members
  if (limit >= 0 && group.members.length + serverIds.length > limit) throw new OverQuota('Quota exceeded, too many servers in group')
  await insertMembers(tx, groupId, serverIds)
}
