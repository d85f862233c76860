// A router, its gateway, routes or floating addresses changed: its L3 agent is given the whole of what it should be.
import type { RequestContext } from '#core/context'
import { defineOperation, step } from '#core/operations'
import { rpcClient } from '#core/rpc'
import { Type } from '#core/spec'
import { pluginRpc } from '../contract/agent-rpc.ts'
import type { Tx } from '../db/networks.ts'
import { portsOfDevice } from '../db/ports.ts'
import { routerRow, setRouter } from '../db/routers.ts'
import type { RouterRow } from '../db/tables.ts'
import type { Neutron } from './neutron.ts'

interface RouterInput {
  readonly routerId: string
  /** Hosts that carry it, also when its row is gone. */
  readonly hosts: readonly string[]
  /** Where ports of it came or went: who else is there learns where they are. */
  readonly networkIds?: readonly string[]
}

const push = step<Neutron, RouterInput>('push', {
  async run(neutron, run) {
    const networkIds = [...new Set([...(run.input.networkIds ?? []), ...(run.result<{ networkIds: readonly string[] }>('schedule')?.networkIds ?? [])])]
    await rpcClient(neutron.runtime.bus, neutron, pluginRpc).any().syncRouter(run.ctx, { routerId: run.input.routerId, hosts: [...run.input.hosts], networkIds })
  },
  retries: 20,
})

const input = Type.Object({ routerId: Type.String(), hosts: Type.Array(Type.String()), networkIds: Type.Optional(Type.Array(Type.String())) })

export const syncRouter = defineOperation<Neutron, RouterInput>('router.sync', {
  input, deadlineSeconds: 3600, onCrash: 'resume',
  steps: [
    step<Neutron, RouterInput>('schedule', {
      async commit(tx, neutron, run) {
        const row = await routerRow(tx as Tx, run.input.routerId)
        const agent = row?.host === '' ? neutron.agents.choose('l3') : undefined
        if (!row || !agent) return { networkIds: [] }
        await setRouter(tx as Tx, row.id, { host: agent.host })
        return { networkIds: await networksOf(tx as Tx, row.id) }
      },
    }),
    push,
  ],
})

/** It was taken from its L3 agent. Another one is chosen when something of it changes again. */
export const releaseRouter = defineOperation<Neutron, RouterInput>('router.release', { input, deadlineSeconds: 3600, onCrash: 'resume', steps: [push] })

/** Where a router has its ports. */
async function networksOf(tx: Tx, routerId: string): Promise<string[]> {
  return (await portsOfDevice(tx, routerId, ['network:router_interface', 'network:router_gateway'])).map((port) => port.row.network_id)
}

export async function beginRouterRelease(neutron: Neutron, tx: Tx, ctx: RequestContext, { id, host, project_id: projectId }: RouterRow): Promise<void> {
  await setRouter(tx, id, { host: '' })
  await neutron.operations.begin(tx, ctx, releaseRouter, { resourceId: id, projectId, input: { routerId: id, hosts: [host], networkIds: await networksOf(tx, id) } })
}

/** A router that nobody carries is given to the agent of a host. */
export async function beginRouterOn(neutron: Neutron, tx: Tx, ctx: RequestContext, { id, project_id: projectId }: RouterRow, host: string): Promise<void> {
  await setRouter(tx, id, { host })
  await beginRouterSync(neutron, tx, ctx, id, projectId, await networksOf(tx, id))
}

export async function beginRouterSync(neutron: Neutron, tx: Tx, ctx: RequestContext, routerId: string, projectId: string, networkIds: readonly string[] = []): Promise<void> {
  const host = (await routerRow(tx, routerId))?.host ?? ''
  await neutron.operations.begin(tx, ctx, syncRouter, { resourceId: routerId, projectId, input: { routerId, hosts: host === '' ? [] : [host], networkIds } })
}
