// An agent that is new here gets a row, so that it keeps its identity; and what nobody carries yet is given to it.
import { agentOf, insertAgent, setAgent, unservedNetworks } from '../db/agents.ts'
import { networkRow } from '../db/networks.ts'
import { unhostedRouters } from '../db/routers.ts'
import { ownContext } from '#core/service'
import { type AgentReport, agentTypes } from './agents.ts'
import type { Neutron } from './neutron.ts'
import { beginNetworkSync } from './sync-network.ts'
import { beginRouterSync } from './sync-router.ts'

export async function adoptAgent(neutron: Neutron, { kind, host, startedAt, configurations }: AgentReport): Promise<void> {
  const { type, binary } = agentTypes[kind]
  const ctx = ownContext(neutron, 'neutron')
  const reported = { configurations: JSON.stringify(configurations), started_at: startedAt }
  await neutron.database.transaction(async (tx) => {
    const known = await agentOf(tx, type, host)
    if (known) {
      neutron.agents.disable(kind, host, known.admin_state_up === 0)
      await setAgent(tx, known.id, reported)
    } else {
      await insertAgent(tx, {
        id: neutron.ids.uuid(), agent_type: type, binary, host, admin_state_up: 1, description: '', created_at: neutron.clock.now().toISOString().slice(0, 19).replace('T', ' '),
        ...reported, missed: 0,
      })
    }
    if (kind === 'dhcp') {
      for (const id of await unservedNetworks(tx)) await beginNetworkSync(neutron, tx, ctx, id, (await networkRow(tx, id))?.project_id ?? '')
    }
    if (kind === 'l3') for (const router of await unhostedRouters(tx)) await beginRouterSync(neutron, tx, ctx, router.id, router.project_id)
  })
}
