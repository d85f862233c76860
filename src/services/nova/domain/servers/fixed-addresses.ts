// One more address for a port of a server, or one less (nova/network/neutron.py, add_fixed_ip_to_instance).
import type { RequestContext } from '#core/context'
import { NotFound } from '#core/errors'
import { type Definition, defineOperation, type OperationRun, pivot, step } from '#core/operations'
import { type TSchema, Type, Uuid } from '#core/spec'
import { portsOf } from '../../db/ports.ts'
import { vmStates } from '../../model/server-states.ts'
import { addAddress, removeAddress } from '../../neighbours/network.ts'
import { takeBackCreate } from '../../neighbours/requests.ts'
import type { Nova } from '../nova.ts'
import { refreshPorts } from './refresh-ports.ts'
import { beginServerTask, endTask, failTask, type TaskRun } from './task.ts'

interface AddRun extends TaskRun {
  readonly networkId: string
}
interface RemoveRun extends TaskRun {
  readonly address: string
}

/** Ports are changed in whatever state the server is, once it has them. */
const withPorts = vmStates.filter((state) => state !== 'building' && state !== 'deleted')

interface Change<I> {
  readonly event: string
  readonly input: TSchema
  /** At neutron, once for a key. */
  run(nova: Nova, run: OperationRun<I>, key: string): Promise<void>
}

function changeOfPort<I extends TaskRun>({ event, input, run: change }: Change<I>): Omit<Definition<Nova, I>, 'kind'> {
  return {
    input, deadlineSeconds: 600, onCrash: 'resume',
    steps: [
      step('change-port', {
        run: (nova, run) => change(nova, run, run.key('change-port')),
        // Where the change came although nobody heard of it, the server has what neutron says.
        async undo(nova, run) {
          await takeBackCreate(nova.runtime, run.ctx, 'neutron', run.key('change-port'))
          await refreshPorts(nova, run.ctx, run.input.serverId)
        },
      }),
      step('refresh', { run: (nova, run) => refreshPorts(nova, run.ctx, run.input.serverId) }),
      pivot('publish', { commit: (tx, nova, run) => endTask(tx, nova, run, event, {}) }),
    ],
    failed: (tx, nova, run, fault) => failTask(tx, nova, run, event, fault, {}),
  }
}

export const addFixedIpOperation = defineOperation<Nova, AddRun>('server.add-fixed-ip', changeOfPort({
  event: 'compute_add_fixed_ip_to_instance', input: Type.Object({ serverId: Uuid, networkId: Type.String() }),
  async run(nova, { ctx, input: { serverId, networkId } }, key) {
    const port = (await portsOf(nova.cells.cell1.read, serverId)).find((each) => each.networkId === networkId)
    if (!port) throw new NotFound(`Network could not be found for instance ${serverId}.`)
    await addAddress(nova.runtime, ctx, { portId: port.portId, networkId, serverId }, key)
  },
}))

export const removeFixedIpOperation = defineOperation<Nova, RemoveRun>('server.remove-fixed-ip', changeOfPort({
  event: 'compute_remove_fixed_ip_from_instance', input: Type.Object({ serverId: Uuid, address: Type.String() }),
  async run(nova, { ctx, input: { serverId, address } }, key) {
    const port = (await portsOf(nova.cells.cell1.read, serverId)).find(({ addresses }) => addresses.some((each) => each.address === address))
    if (!port) throw new NotFound(`Instance ${serverId} does not have fixed IP '${address}'.`)
    await removeAddress(nova.runtime, ctx, port.portId, address, key)
  },
}))

/** What comes of it, its action tells. */
export async function addFixedIp(nova: Nova, ctx: RequestContext, serverId: string, networkId: string): Promise<void> {
  await beginServerTask(nova, ctx, {
    action: 'add_fixed_ip', refusal: 'addFixedIp', rule: 'os_compute_api:os-multinic:add', from: withPorts, definition: addFixedIpOperation, input: { serverId, networkId },
  })
}

export async function removeFixedIp(nova: Nova, ctx: RequestContext, serverId: string, address: string): Promise<void> {
  await beginServerTask(nova, ctx, {
    action: 'remove_fixed_ip', refusal: 'removeFixedIp', rule: 'os_compute_api:os-multinic:remove', from: withPorts, definition: removeFixedIpOperation, input: { serverId, address },
  })
}
