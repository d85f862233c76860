// Ports of a server that exists: made or taken, plugged in, and given back.
import type { RequestContext } from '#core/context'
import { AppError, BadRequest, NotFound } from '#core/errors'
import { assertHeld, defineOperation, type OperationRun, pivot, step } from '#core/operations'
import { Type, Uuid } from '#core/spec'
import { findInstance } from '../../db/instances.ts'
import { findOperation, openOperationsOf } from '../../db/operations.ts'
import { portsOf, replacePorts } from '../../db/ports.ts'
import { NetworkAmbiguous } from '../../model/errors.ts'
import type { RequestedNetwork, ServerPort } from '../../model/server.ts'
import { bindPort, createPort, deletePort, portsOfServer, toServerPort, unbindPort } from '../../neighbours/network.ts'
import { takeBackCreate } from '../../neighbours/requests.ts'
import { onHost, onHostIfUp } from '../host-commands.ts'
import { type Nova, now } from '../nova.ts'
import { serverFor } from './access.ts'
import { resolveNetworks } from './create/networks.ts'
import { leaveFormerServer } from './former-server.ts'
import { afterEarlierWork } from './interface-turns.ts'
import { hostIfAny, hostOf } from './power.ts'
import { beginServerTask, type CellTx, endTask, failTask, type TaskRun } from './task.ts'

interface AttachRun extends TaskRun {
  readonly network: RequestedNetwork
}
interface DetachRun extends TaskRun {
  readonly portId: string
}

const resting = ['active', 'paused', 'stopped']

type Change = (ports: readonly ServerPort[]) => readonly ServerPort[]

async function changePorts(nova: Nova, tx: CellTx, serverId: string, change: Change): Promise<void> {
  await replacePorts(tx, serverId, change(await portsOf(tx, serverId)), now(nova))
}

/** As the step that is under way knows it: one of a former lease says nothing any more. */
async function rememberPorts(nova: Nova, run: OperationRun<TaskRun>, change: Change): Promise<void> {
  await nova.cells.cell1.transaction(async (tx) => {
    await assertHeld(tx, run)
    await changePorts(nova, tx, run.input.serverId, change)
  })
}

async function unplugIfUp(nova: Nova, run: OperationRun<TaskRun>, portId: string): Promise<void> {
  const host = await hostIfAny(nova, run.resourceId)
  if (host !== undefined) await onHostIfUp(nova, run, host, (compute, ctx, command) => compute.detachInterface(ctx, { ...command, portId }))
}

export const attachInterfaceOperation = defineOperation<Nova, AttachRun>('server.attach-interface', {
  input: Type.Object({ serverId: Uuid, network: Type.Unknown() }), deadlineSeconds: 600, onCrash: 'resume',
  steps: [
    step('create-port', {
      async run(nova, run) {
        const { serverId, network } = run.input
        const instance = await findInstance(nova.cells.cell1.read, serverId)
        if (!instance || instance.host === null) throw new NotFound(`Instance ${serverId} could not be found.`)
        if (network.portId !== undefined) {
          // It may be what this server is just losing, or another one.
          await afterEarlierWork(nova, run)
          await leaveFormerServer(nova, run, network.portId)
        }
        const owner = { serverId, projectId: instance.project_id, host: instance.host, zone: instance.availability_zone ?? '', securityGroups: [] }
        const port = network.portId === undefined
          ? await createPort(nova.runtime, run.ctx, owner, network, run.key('create-port'))
          : await bindPort(nova.runtime, run.ctx, owner, network.portId, run.key('create-port'))
        const made = toServerPort(port, network, { preserve: network.portId !== undefined, ...(network.tag !== undefined && { tag: network.tag }) })
        await rememberPorts(nova, run, (ports) => [...ports.filter(({ portId }) => portId !== made.portId), made])
        return made
      },
      async undo(nova, run) {
        const { serverId, network } = run.input
        const made = (await takeBackCreate(nova.runtime, run.ctx, 'neutron', run.key('create-port'))) as string[] | null
        // It did not come so far: what the server has of the port it had before.
        if (made === null) return
        const mine = run.result<ServerPort>('create-port')?.portId ?? network.portId ?? made[0]
        if (network.portId !== undefined) await unplugIfUp(nova, run, network.portId)
        for (const { id } of await portsOfServer(nova.runtime, run.ctx, serverId)) {
          if (id === network.portId) await unbindPort(nova.runtime, run.ctx, id, serverId)
          else if (id === mine) await deletePort(nova.runtime, run.ctx, id)
        }
        await rememberPorts(nova, run, (ports) => ports.filter(({ portId }) => portId !== mine))
      },
    }),
    step('plug', {
      async run(nova, run) {
        const portId = run.result<ServerPort>('create-port')?.portId ?? ''
        return onHost(nova, run, await hostOf(nova, run.resourceId), (compute, ctx, command) => compute.attachInterface(ctx, { ...command, portId }))
      },
      undo: (nova, run) => unplugIfUp(nova, run, run.result<ServerPort>('create-port')?.portId ?? ''),
    }),
    pivot('publish', { commit: (tx, nova, run) => endTask(tx, nova, run, 'compute_attach_interface', {}) }),
  ],
  failed: (tx, nova, run, fault) => failTask(tx, nova, run, 'compute_attach_interface', fault, {}),
})

/** By the same request before, for instance. */
const isDetached = (run: OperationRun<DetachRun>): boolean => run.result<{ isThere: boolean }>('wait-for-others')?.isThere === false

export const detachInterfaceOperation = defineOperation<Nova, DetachRun>('server.detach-interface', {
  input: Type.Object({ serverId: Uuid, portId: Type.String() }), deadlineSeconds: 600, onCrash: 'resume',
  steps: [
    step('wait-for-others', {
      async run(nova, run) {
        await afterEarlierWork(nova, run)
        return { isThere: (await portsOf(nova.cells.cell1.read, run.input.serverId)).some(({ portId }) => portId === run.input.portId) }
      },
    }),
    step('unplug', {
      skip: isDetached,
      run: async (nova, run) => onHost(nova, run, await hostOf(nova, run.resourceId), (compute, ctx, command) => compute.detachInterface(ctx, { ...command, portId: run.input.portId })),
      async undo(nova, run) {
        const host = await hostIfAny(nova, run.resourceId)
        if (host !== undefined) await onHostIfUp(nova, run, host, (compute, ctx, command) => compute.plugBackInterface(ctx, { ...command, portId: run.input.portId }))
      },
    }),
    pivot('release-port', {
      skip: isDetached,
      async run(nova, run) {
        const { serverId, portId } = run.input
        const port = (await portsOf(nova.cells.cell1.read, serverId)).find((each) => each.portId === portId)
        if (port?.preserve) await unbindPort(nova.runtime, run.ctx, portId, serverId)
        else await deletePort(nova.runtime, run.ctx, portId)
      },
    }),
    step('publish', {
      async commit(tx, nova, run) {
        await changePorts(nova, tx, run.input.serverId, (ports) => ports.filter(({ portId }) => portId !== run.input.portId))
        await endTask(tx, nova, run, 'compute_detach_interface', {})
      },
    }),
  ],
  failed: (tx, nova, run, fault) => failTask(tx, nova, run, 'compute_detach_interface', fault, {}),
})

export interface NewInterface {
  readonly networkId?: string
  readonly portId?: string
  readonly fixedIp?: string
  readonly tag?: string
}

/** Answers once the port is plugged in. @throws what made the operation fail */
export async function attachInterface(nova: Nova, ctx: RequestContext, serverId: string, wanted: NewInterface): Promise<ServerPort> {
  const rule = 'os_compute_api:os-attach-interfaces:create'
  await serverFor(nova, ctx, serverId, rule)
  const network = await networkFor(nova, ctx, wanted)
  const id = await beginServerTask(nova, ctx, {
    action: 'attach_interface', refusal: 'attach_interface', rule, from: resting, definition: attachInterfaceOperation, input: { serverId, network },
  })
  await ended(nova, ctx, id)
  const made = (await nova.operations.cell.journal(id)).find((entry) => entry.step === 'create-port' && entry.phase === 'run' && entry.result !== null)
  if (!made?.result) throw new NotFound(`Instance ${serverId} has no such port any more.`)
  return JSON.parse(made.result) as ServerPort
}

async function networkFor(nova: Nova, ctx: RequestContext, wanted: NewInterface): Promise<RequestedNetwork> {
  try {
    const [network] = await resolveNetworks(nova, ctx, wanted.portId === undefined && wanted.networkId === undefined ? 'default' : [wanted], 1)
    if (network) return network
  } catch (error) {
    throw error instanceof NetworkAmbiguous ? new BadRequest(error.message, {}, error) : error
  }
  throw new BadRequest(`No specific network was requested and none are available for project '${ctx.identity.projectId ?? ''}'.`)
}

/** Wait for the end of an operation of the cell, wherever it is worked off. */
async function ended(nova: Nova, ctx: RequestContext, operationId: string): Promise<void> {
  for (let pause = 5; ; pause = Math.min(pause * 1.5, 500)) {
    const row = await findOperation(nova.cells.cell1.read, operationId)
    if (!row || row.finished_at !== null) {
      const fault = row?.fault ? (JSON.parse(row.fault) as { status: number; code: string; message: string }) : undefined
      if (row?.status === 'failed' || row?.status === 'cancelled') throw new AppError(fault?.status ?? 500, fault?.code ?? 'internal', fault?.message ?? 'Failed to attach interface')
      return
    }
    await nova.runtime.clock.sleep(pause, ctx.signal)
  }
}

export async function detachInterface(nova: Nova, ctx: RequestContext, serverId: string, portId: string): Promise<void> {
  const rule = 'os_compute_api:os-attach-interfaces:delete'
  await serverFor(nova, ctx, serverId, rule)
  if (!(await portsOf(nova.cells.cell1.read, serverId)).some((port) => port.portId === portId)) throw new NotFound(`Port id ${portId} could not be found.`)
  // One that is asked for again is tried once more if the first try fails; more often than that is no other wish.
  const isSame = ({ kind, input }: { readonly kind: string; readonly input: string }) => kind === detachInterfaceOperation.kind && (JSON.parse(input) as DetachRun).portId === portId
  if ((await openOperationsOf(nova.cells.cell1.read, serverId)).filter(isSame).length > 1) return
  await beginServerTask(nova, ctx, {
    action: 'detach_interface', refusal: 'detach_interface', rule, from: resting, definition: detachInterfaceOperation, input: { serverId, portId },
  })
}
