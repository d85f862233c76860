// A router, its gateway, routes or floating addresses changed: its L3 agent is given the whole of what it should be.
import type { RequestContext } from '#core/context'
import { defineOperation, step } from '#core/operations'
import { rpcClient } from '#core/rpc'
import { Type } from '#core/spec'
import { pluginRpc } from '../contract/agent-rpc.ts'
import type { Tx } from '../db/networks.ts'
import { portsOfDevice } from '../db/ports.ts'
import { routerRow, setRouter } from '../db/routers.ts'
import type { Neutron } from './neutron.ts'

interface RouterInput {
  readonly routerId: string
  /** Hosts that carry it, also when its row is gone. */
  readonly hosts: readonly string[]
  /** Where ports of it came or went: who else is there learns where they are. */
  readonly networkIds?: readonly string[]
}

export const syncRouter = defineOperation<Neutron, RouterInput>('router.sync', {
  input: Type.Object({ routerId: Type.String(), hosts: Type.Array(Type.String()), networkIds: Type.Optional(Type.Array(Type.String())) }), deadlineSeconds: 3600, onCrash: 'resume',
  steps: [
    step<Neutron, RouterInput>('schedule', {
      async commit(tx, neutron, run) {
        const row = await routerRow(tx as Tx, run.input.routerId)
        const agent = row?.host === '' ? neutron.agents.choose('l3') : undefined
        if (!row || !agent) return { networkIds: [] }
        await setRouter(tx as Tx, row.id, { host: agent.host })
        return { networkIds: (await portsOfDevice(tx as Tx, row.id, ['network:router_interface', 'network:router_gateway'])).map((port) => port.row.network_id) }
      },
    }),
    step<Neutron, RouterInput>('push', {
      async run(neutron, run) {
        const networkIds = [...new Set([...(run.input.networkIds ?? []), ...(run.result<{ networkIds: readonly string[] }>('schedule')?.networkIds ?? [])])]
        await rpcClient(neutron.runtime.bus, neutron, pluginRpc).any().syncRouter(run.ctx, { routerId: run.input.routerId, hosts: [...run.input.hosts], networkIds })
      },
      retries: 20,
    }),
  ],
})

export async function beginRouterSync(neutron: Neutron, tx: Tx, ctx: RequestContext, routerId: string, projectId: string, networkIds: readonly string[] = []): Promise<void> {
  const host = (await routerRow(tx, routerId))?.host ?? ''
  await neutron.operations.begin(tx, ctx, syncRouter, { resourceId: routerId, projectId, input: { routerId, hosts: host === '' ? [] : [host], networkIds } })
}
