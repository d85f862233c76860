// What could not be said to an agent is not said later one by one: once the agent reports again, it compares its host with the whole.
import type { RequestContext } from '#core/context'
import { defineOperation, step } from '#core/operations'
import { rpcClient } from '#core/rpc'
import { ownContext } from '#core/service'
import { Type } from '#core/spec'
import { pluginRpc } from '../contract/agent-rpc.ts'
import { agentOf, setMissed, takeMissed } from '../db/agents.ts'
import type { Tx } from '../db/networks.ts'
import { type AgentKind, type AgentReport, agentTypes } from './agents.ts'
import type { Neutron } from './neutron.ts'

interface AgentInput {
  readonly kind: AgentKind
  readonly host: string
}

export const syncAgent = defineOperation<Neutron, AgentInput>('agent.sync', {
  input: Type.Object({ kind: Type.String(), host: Type.String() }), deadlineSeconds: 900, onCrash: 'resume',
  steps: [
    step<Neutron, AgentInput>('compare', {
      async run(neutron, run) {
        const { kind, host } = run.input
        await rpcClient(neutron.runtime.bus, neutron, pluginRpc).any().syncAgent(run.ctx, { kind, host })
      },
      retries: 5,
    }),
  ],
  // It is begun again once the agent reports.
  failed: (tx, _neutron, run) => setMissed(tx as Tx, agentTypes[run.input.kind].type, run.input.host),
})

/** Noted for good before whoever had something to say goes on. */
export async function noteMissed(neutron: Neutron, kind: AgentKind, host: string, tx?: Tx): Promise<void> {
  const { type } = agentTypes[kind]
  const row = await agentOf(tx ?? neutron.database.read, type, host)
  // One that is not known compares when it starts.
  if (!row || row.missed === 1) return
  await (tx ? setMissed(tx, type, host) : neutron.database.transaction((own) => setMissed(own, type, host)))
}

/** It is there again, and will be told what it missed. */
export async function makeUpFor(neutron: Neutron, { kind, host }: AgentReport): Promise<void> {
  const { type } = agentTypes[kind]
  const row = await agentOf(neutron.database.read, type, host)
  if (row?.missed !== 1) return
  const ctx: RequestContext = ownContext(neutron, 'neutron')
  await neutron.database.transaction(async (tx) => {
    if (await takeMissed(tx, type, host)) await neutron.operations.begin(tx, ctx, syncAgent, { resourceId: row.id, projectId: '', input: { kind, host } })
  })
}
