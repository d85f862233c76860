// The wiring of a port, from its binding to the word that nova waits for: steps 30 to 38 of a boot.
import type { RequestContext } from '#core/context'
import { AppError, ServiceUnavailable, willPass } from '#core/errors'
import { defineOperation, type OperationRun, pivot, step } from '#core/operations'
import { rpcClient } from '#core/rpc'
import { Type } from '#core/spec'
import { mark, traced } from '#core/trace'
import { pluginRpc } from '../contract/agent-rpc.ts'
import type { Tx } from '../db/networks.ts'
import { portRow, setPort } from '../db/ports.ts'
import type { PortRow } from '../db/tables.ts'
import { PortBindingFailed } from '../model/errors.ts'
import { beginAnnounce, serverOf, tellNova } from './announce.ts'
import { noteMissed } from './missed.ts'
import type { Neutron } from './neutron.ts'

interface WireInput {
  readonly portId: string
  readonly host: string
  /** The server that waits for it; empty for none. */
  readonly serverId: string
}

const WireInput = Type.Object({ portId: Type.String(), host: Type.String(), serverId: Type.String() })

const plugin = (neutron: Neutron) => rpcClient(neutron.runtime.bus, neutron, pluginRpc).any()

async function bind(neutron: Neutron, run: OperationRun<WireInput>) {
  const { portId, host } = run.input
  mark(neutron.runtime.trace, neutron.clock, run.ctx, 30)
  return plugin(neutron).bindPort(run.ctx, { portId, host })
}

async function wire(neutron: Neutron, run: OperationRun<WireInput>) {
  const { portId, host } = run.input
  if (!run.result<{ bound: boolean }>('bind')?.bound) return { up: false }
  const answer = await plugin(neutron).wirePort(run.ctx, { portId, host }).catch((error: unknown) => {
    throw inOwnersWords(error)
  })
  mark(neutron.runtime.trace, neutron.clock, run.ctx, 37)
  return answer
}

/** What an agent says is about its host and its devices: that is for the log. The owner reads what it means for the port. */
function inOwnersWords(error: unknown): Error {
  if (error instanceof Error && willPass(error)) return error
  const silent = error instanceof AppError && (error.status === 503 || error.status === 504)
  if (silent) return new ServiceUnavailable("The network agent of the port's host does not answer.", {}, error)
  return new PortBindingFailed("The network agent of the port's host could not plug it in.", {}, error)
}

async function announce(neutron: Neutron, run: OperationRun<WireInput>): Promise<void> {
  const { serverId, portId } = run.input
  if (serverId === '' || !run.result<{ up: boolean }>('wire')?.up) return
  await traced(neutron.runtime.trace, neutron.clock, run.ctx, 38, () => tellNova(neutron, run.ctx, { name: 'network-vif-plugged', serverId, portId, status: 'completed' }))
}

export const wirePort = defineOperation<Neutron, WireInput>('port.wire', {
  input: WireInput, deadlineSeconds: 300, onCrash: 'resume',
  steps: [
    step<Neutron, WireInput>('bind', { run: bind, retries: 7 }),
    step<Neutron, WireInput>('wire', { run: wire, retries: 7 }),
    step<Neutron, WireInput>('announce', { run: announce, retries: 6 }),
  ],
  async failed(tx, neutron, run, fault) {
    if (fault.cancelled || fault.step === 'announce') return
    const { portId, host, serverId } = run.input
    const row = await portRow(tx as Tx, portId)
    if (row?.host_id !== host || row.vif_type !== 'bridge') return
    // What was there stays: a running server is not cut off because something new could not be said of its port.
    if (row.status === 'ACTIVE') return noteMissed(neutron, 'l2', host, tx as Tx)
    run.log.warn({ port: portId, host, step: fault.step, reason: fault.message }, 'a port could not be wired; it is down until it is bound again')
    await setPort(tx as Tx, portId, { vif_type: 'binding_failed', status: 'DOWN' })
    // What is there of it after all, where only the answer was lost, or comes late.
    await beginUnwire(neutron, tx as Tx, run.ctx, row, host, run.id)
    if (serverId !== '') await beginAnnounce(neutron, tx as Tx, run.ctx, row.project_id, { name: 'network-vif-plugged', serverId, portId, status: 'failed' })
  },
})

interface UnwireInput {
  readonly portId: string
  readonly host: string
  readonly networkId: string
  readonly serverId: string
}

/**
 * Take a port off a host: after whatever still works on the port there. It only goes forward: whatever becomes of the port
 * later, its wire on the old host must go.
 */
export const unwirePort = defineOperation<Neutron, UnwireInput>('port.unwire', {
  input: Type.Object({ portId: Type.String(), host: Type.String(), networkId: Type.String(), serverId: Type.String() }), deadlineSeconds: 86_400, onCrash: 'resume',
  steps: [
    pivot<Neutron, UnwireInput>('settle', {
      async run(neutron, run) {
        const open = await neutron.operations.open(run.input.portId)
        const earlier = open.findIndex((operation) => operation.id === run.id)
        if (earlier > 0 && open.slice(0, earlier).some((operation) => operation.kind === 'port.wire')) {
          throw new ServiceUnavailable('The port is still being wired.')
        }
      },
    }),
    step<Neutron, UnwireInput>('unwire', {
      async run(neutron, run) {
        const { portId, host, networkId } = run.input
        await plugin(neutron).unwirePort(run.ctx, { portId, host, networkId })
      },
    }),
  ],
})

export async function beginWire(neutron: Neutron, tx: Tx, ctx: RequestContext, row: PortRow): Promise<void> {
  await neutron.operations.begin(tx, ctx, wirePort, {
    resourceId: row.id, projectId: row.project_id, input: { portId: row.id, host: row.host_id, serverId: serverOf(row) },
  })
}

export async function beginUnwire(neutron: Neutron, tx: Tx, ctx: RequestContext, row: PortRow, host: string, except?: string): Promise<void> {
  await neutron.operations.cancel(tx, row.id, except === undefined ? {} : { except })
  await neutron.operations.begin(tx, ctx, unwirePort, {
    resourceId: row.id, projectId: row.project_id, input: { portId: row.id, host, networkId: row.network_id, serverId: serverOf(row) },
  })
}
