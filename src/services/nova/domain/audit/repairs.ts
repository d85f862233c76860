// What nova does about its findings, by the same ways as its ordinary work. Each asks the rows once more.
import type { RequestContext } from '#core/context'
import { Conflict } from '#core/errors'
import { resourcesAtWork } from '#core/audit'
import { findSpec } from '../../db/build-requests.ts'
import { listComputeNodes } from '../../db/hosts.ts'
import { findInstance, updateInstance } from '../../db/instances.ts'
import { ownerOfPort } from '../../db/ports.ts'
import type { PlacementRequest } from '../../model/server.ts'
import { power } from '../../model/server-states.ts'
import { deletePort, rebindPort } from '../../neighbours/network.ts'
import { claim, hold, release } from '../../neighbours/placement.ts'
import { deleteAttachment } from '../../neighbours/volumes.ts'
import { type Nova, now } from '../nova.ts'
import { demandOf } from '../scheduling/resources.ts'
import { stopOperation } from '../servers/power.ts'
import { refreshPorts } from '../servers/refresh-ports.ts'
import { beginServerTask, type CellTx } from '../servers/task.ts'
import { readBooks, orphaned } from './books.ts'
import { resting } from './compare.ts'

type Repair = (nova: Nova, ctx: RequestContext, resource: string, host: string) => Promise<string>

const busy = () => new Conflict('An operation works on the server now.')

async function refuseAtWork(tx: CellTx, nova: Nova, serverId: string): Promise<void> {
  if ((await resourcesAtWork(tx)).has(serverId) || (await resourcesAtWork(nova.api.read)).has(serverId)) throw busy()
}

/** @throws Conflict for one that lives or is worked on */
async function refuseLiving(nova: Nova, serverId: string): Promise<void> {
  if (orphaned(await readBooks(nova, [serverId]), serverId) === undefined) throw new Conflict(`The server ${serverId} lives.`)
}

type Compute = ReturnType<Nova['compute']['on']>
type Command = Pick<Parameters<Compute['destroy']>[1], 'serverId' | 'operation'>

/** A command to a host, in the server's turn and with a lease of its own. */
async function command<T>(nova: Nova, ctx: RequestContext, host: string, serverId: string, say: (compute: Compute, told: Command) => Promise<T>): Promise<T> {
  const operation = { id: nova.runtime.ids.uuid(), epoch: 1 }
  const compute = nova.compute.on(host)
  try {
    return await say(compute, { serverId, operation })
  } finally {
    // What the command did stands either way, and nobody uses this lease again.
    await compute.operationEnded(ctx, { operationId: operation.id }).catch((error: unknown) => ctx.log.warn({ err: error, host, serverId }, 'a host was not told that a repair is over'))
  }
}

/** As a deletion does it. */
export const removeGuest: Repair = async (nova, ctx, serverId, host) => {
  await refuseLiving(nova, serverId)
  await command(nova, ctx, host, serverId, (compute, told) => compute.destroy(ctx, told))
  return `The guest was removed from ${host}.`
}

/**
 * As upstream's periodic sync_power_state: a server whose guest has stopped is SHUTOFF, a stopped one whose guest runs is
 * stopped (nova/compute/manager.py, _sync_instance_power_state). A pause is shown as what it is.
 */
export async function syncPower(nova: Nova, ctx: RequestContext, serverId: string, host: string, seen: { vmState: string; real: string }): Promise<string> {
  if (seen.vmState === 'stopped') {
    await beginServerTask(nova, ctx, {
      action: 'stop', refusal: 'stop', rule: 'os_compute_api:servers:stop', from: ['stopped'], taskState: 'powering-off', definition: stopOperation, input: { serverId },
    })
    return 'Its guest is being stopped.'
  }
  const [vmState, powerState] = seen.real === 'running' ? ['active', power.running] as const : seen.real === 'paused' ? ['paused', power.paused] as const : ['stopped', power.shutdown] as const
  await nova.cells.cell1.transaction(async (tx) => {
    const instance = await findInstance(tx, serverId)
    if (instance?.host !== host || instance.task_state !== null || instance.vm_state !== seen.vmState) throw busy()
    await refuseAtWork(tx, nova, serverId)
    await updateInstance(tx, serverId, { vm_state: vmState, power_state: powerState, updated_at: now(nova) })
  })
  return `The server is ${vmState} now.`
}

/** What nobody works on any more can be worked on again; a server half made is in ERROR. */
export const freeServer: Repair = async (nova, _ctx, serverId) => {
  const vmState = await nova.cells.cell1.transaction(async (tx) => {
    const instance = await findInstance(tx, serverId)
    if (!instance) throw new Conflict('The server is gone.')
    await refuseAtWork(tx, nova, serverId)
    const rests = instance.vm_state === 'building' ? 'error' : instance.vm_state
    await updateInstance(tx, serverId, { task_state: null, vm_state: rests, updated_at: now(nova) })
    return rests
  })
  return `The server is ${vmState} and can be worked on again.`
}

/** Its host asks the rows again. */
async function settleDevice(nova: Nova, ctx: RequestContext, serverId: string, host: string, say: (compute: Compute, told: Command) => Promise<unknown>): Promise<string> {
  if (resting(await readBooks(nova, []), serverId)?.host !== host) throw busy()
  const { plugged } = await command(nova, ctx, host, serverId, say) as { plugged: boolean }
  return plugged ? 'It was plugged into the guest again.' : 'It was unplugged from the guest.'
}

export async function settleVolume(nova: Nova, ctx: RequestContext, volumeId: string, serverId: string, host: string): Promise<string> {
  return settleDevice(nova, ctx, serverId, host, (compute, told) => compute.settleVolume(ctx, { ...told, volumeId }))
}

export async function settleInterface(nova: Nova, ctx: RequestContext, portId: string, serverId: string, host: string): Promise<string> {
  return settleDevice(nova, ctx, serverId, host, (compute, told) => compute.settleInterface(ctx, { ...told, portId }))
}

export const dropImage: Repair = async (nova, ctx, imageId, host) => {
  await nova.compute.on(host).dropImages(ctx, { imageIds: [imageId] })
  return `The image was taken out of the cache of ${host}.`
}

export const releaseAllocation: Repair = async (nova, ctx, serverId) => {
  await refuseLiving(nova, serverId)
  await release(nova.runtime, ctx, serverId)
  return 'The room was given back.'
}

/** What a server takes of its host. @throws Conflict when that is not known, or it is elsewhere by now */
async function roomOn(nova: Nova, serverId: string, host: string) {
  const [instance, found] = [await findInstance(nova.cells.cell1.read, serverId), await findSpec<PlacementRequest>(nova.api.read, serverId)]
  const node = (await listComputeNodes(nova.cells.cell1.read)).find((each) => each.host === host)
  if (instance?.host !== host || !node || !found) throw new Conflict('It is not known what the server needs, or it has left its host.')
  const { resources } = demandOf(found.spec)
  return {
    server: { serverId, projectId: instance.project_id, userId: instance.user_id }, allocations: { [node.uuid]: { resources } },
    told: `on ${host}: ${Object.entries(resources).map(([name, amount]) => `${name} ${amount}`).join(', ')}.`,
  }
}

/** As upstream's `nova-manage placement heal_allocations`. */
export const healAllocation: Repair = async (nova, ctx, serverId, host) => {
  const { server, allocations, told } = await roomOn(nova, serverId, host)
  if (!(await claim(nova.runtime, ctx, server, allocations))) throw new Conflict(`Placement refuses: ${host} may be full.`)
  return `Room was taken ${told}`
}

/** The same with `--force`: whatever the server holds, it holds what it needs, and only on its host, from then on. */
export const correctAllocation: Repair = async (nova, ctx, serverId, host) => {
  const { server, allocations, told } = await roomOn(nova, serverId, host)
  if ((await readBooks(nova, [])).atWork.has(serverId)) throw busy()
  await hold(nova.runtime, ctx, server, allocations)
  return `The server holds room ${told}`
}

export const removePort: Repair = async (nova, ctx, portId) => {
  if ((await ownerOfPort(nova.cells.cell1.read, portId)) !== undefined) throw new Conflict('The port belongs to a server.')
  await deletePort(nova.runtime, ctx, portId)
  return 'The port was deleted.'
}

export async function tellPorts(nova: Nova, ctx: RequestContext, serverId: string): Promise<string> {
  await refreshPorts(nova, ctx, serverId)
  return 'The server was told which ports it has.'
}

/** Nova says where a server's ports are bound; where the guest is not there, its rows may be what is wrong, and a port that works is left alone. */
export async function bindToHost(nova: Nova, ctx: RequestContext, portId: string, serverId: string): Promise<string> {
  const host = resting(await readBooks(nova, []), serverId)?.host
  if (!host || (await ownerOfPort(nova.cells.cell1.read, portId)) !== serverId) throw busy()
  if (!(await nova.compute.on(host).inventory(ctx, {})).guests.some((guest) => guest.serverId === serverId)) throw new Conflict(`The host ${host} has no guest of the server.`)
  await rebindPort(nova.runtime, ctx, portId, serverId, host)
  return `The port was bound to ${host} again; a running guest may need a hard reboot.`
}

export const removeAttachment: Repair = async (nova, ctx, attachmentId) => {
  await deleteAttachment(nova.runtime, ctx, attachmentId)
  return 'The attachment was deleted.'
}
