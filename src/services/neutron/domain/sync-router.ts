// A router, its gateway, routes or floating addresses changed: its L3 agent is given the whole of what it should be.
import type { RequestContext } from '#core/context'
import { defineOperation, step } from '#core/operations'
import { rpcClient } from '#core/rpc'
import { Type } from '#core/spec'
import { pluginRpc } from '../contract/agent-rpc.ts'
import type { Tx } from '../db/networks.ts'
import { routerRow, setRouter } from '../db/routers.ts'
import type { Neutron } from './neutron.ts'

interface RouterInput {
  readonly routerId: string
  /** Hosts that carry it, also when its row is gone. */
  readonly hosts: readonly string[]
}

export const syncRouter = defineOperation<Neutron, RouterInput>('router.sync', {
  input: Type.Object({ routerId: Type.String(), hosts: Type.Array(Type.String()) }), deadlineSeconds: 3600, onCrash: 'resume',
  steps: [
    step<Neutron, RouterInput>('schedule', {
      async commit(tx, neutron, run) {
        const row = await routerRow(tx as Tx, run.input.routerId)
        if (!row || row.host !== '') return
        const agent = neutron.agents.choose('l3')
        if (agent) await setRouter(tx as Tx, row.id, { host: agent.host })
      },
    }),
    step<Neutron, RouterInput>('push', {
      async run(neutron, run) {
        await rpcClient(neutron.runtime.bus, neutron, pluginRpc).any().syncRouter(run.ctx, { routerId: run.input.routerId, hosts: [...run.input.hosts] })
      },
      retries: 20,
    }),
  ],
})

export async function beginRouterSync(neutron: Neutron, tx: Tx, ctx: RequestContext, routerId: string, projectId: string): Promise<void> {
  const host = (await routerRow(tx, routerId))?.host ?? ''
  await neutron.operations.begin(tx, ctx, syncRouter, { resourceId: routerId, projectId, input: { routerId, hosts: host === '' ? [] : [host] } })
}
