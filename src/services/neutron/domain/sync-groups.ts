// Security groups changed, or who is in them: the hosts of the affected ports are told, and no others.
import type { RequestContext } from '#core/context'
import { defineOperation, step } from '#core/operations'
import { rpcClient } from '#core/rpc'
import { Type } from '#core/spec'
import { pluginRpc } from '../contract/agent-rpc.ts'
import type { Tx } from '../db/networks.ts'
import { groupsThatName } from '../db/security-groups.ts'
import type { Neutron } from './neutron.ts'

interface GroupsInput {
  readonly groupIds: readonly string[]
  readonly addressSetIds: readonly string[]
  /** The addresses that came or went. */
  readonly addresses: readonly string[]
}

export const syncGroups = defineOperation<Neutron, GroupsInput>('security-group.sync', {
  input: Type.Object({ groupIds: Type.Array(Type.String()), addressSetIds: Type.Array(Type.String()), addresses: Type.Array(Type.String()) }), deadlineSeconds: 3600, onCrash: 'resume',
  steps: [
    step<Neutron, GroupsInput>('push', {
      async run(neutron, run) {
        const { groupIds, addressSetIds, addresses } = run.input
        await rpcClient(neutron.runtime.bus, neutron, pluginRpc).any().syncGroups(run.ctx, { groupIds: [...groupIds], addressSetIds: [...addressSetIds], addresses: [...addresses] })
      },
      retries: 20,
    }),
  ],
})

/** Rules of a group changed. */
export async function rulesChanged(neutron: Neutron, tx: Tx, ctx: RequestContext, groupId: string, projectId: string): Promise<void> {
  await neutron.operations.begin(tx, ctx, syncGroups, { resourceId: groupId, projectId, input: { groupIds: [groupId], addressSetIds: [], addresses: [] } })
}

/** Members of groups, or their addresses, changed: only groups that rules name as the other side matter. */
export async function membersChanged(neutron: Neutron, tx: Tx, ctx: RequestContext, groupIds: readonly string[], projectId: string, addresses: readonly string[]): Promise<void> {
  if (addresses.length === 0) return
  const named = [...new Set((await groupsThatName(tx, groupIds)).map((row) => row.remote_group_id))]
  const first = named[0]
  if (first === undefined) return
  await neutron.operations.begin(tx, ctx, syncGroups, { resourceId: first, projectId, input: { groupIds: [], addressSetIds: named, addresses } })
}
