// What this host does at the auditor's word about what is plugged into a guest: the rows are asked again, in the server's turn.
import type { CallContext, RequestContext } from '#core/context'
import { Conflict } from '#core/errors'
import type { ServerDescription } from '../model/server.ts'
import { portsOfServer } from '../neighbours/network.ts'
import { attachmentsOfServer } from '../neighbours/volumes.ts'
import type { Told } from './commands.ts'
import { toGuestPort, toVolumeDisk } from './guest-spec.ts'
import type { ComputeHost } from './host.ts'
import { describe } from './power.ts'

/**
 * The guest has the volume, or has not, as the rows say now. What cinder does not count as the server's may be another's by now, and is
 * not plugged in.
 */
export async function settleVolume(host: ComputeHost, ctx: RequestContext, call: CallContext, { serverId }: Told, volumeId: string): Promise<{ plugged: boolean }> {
  const server = await describeResting(host, ctx, serverId)
  const device = server.blockDevices.find((each) => each.volumeId === volumeId)
  if (!device) {
    await host.driver.detachVolume(call, serverId, volumeId)
    return { plugged: false }
  }
  const attached = (await attachmentsOfServer(host.runtime, ctx, serverId)).some(({ id }) => id === device.attachmentId)
  if (!device.connection || !attached) throw new Conflict(`The volume ${volumeId} is not attached to the server in cinder.`)
  await host.driver.attachVolume(call, serverId, toVolumeDisk(device, server.imageProperties))
  return { plugged: true }
}

/** The same for a port. */
export async function settleInterface(host: ComputeHost, ctx: RequestContext, call: CallContext, { serverId }: Told, portId: string): Promise<{ plugged: boolean }> {
  const server = await describeResting(host, ctx, serverId)
  const port = server.ports.find((each) => each.portId === portId)
  if (!port) {
    await host.driver.detachInterface(call, serverId, portId)
    return { plugged: false }
  }
  const bound = (await portsOfServer(host.runtime, ctx, serverId)).some(({ id, host: at }) => id === portId && at === host.runtime.host)
  if (!bound) throw new Conflict(`The port ${portId} is not bound to ${host.runtime.host} for the server.`)
  await host.driver.attachInterface(call, serverId, toGuestPort(port, server.imageProperties))
  return { plugged: true }
}

/** An operation that begins after the rows were read tells this host only when this command is over. @throws Conflict for one that is open */
async function describeResting(host: ComputeHost, ctx: RequestContext, serverId: string): Promise<ServerDescription> {
  const server = await describe(host, ctx, serverId)
  if (server.atWork) throw new Conflict('An operation works on the server now.')
  return server
}
