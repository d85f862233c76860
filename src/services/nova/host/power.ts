// Power and plugs of guests that exist: each command leads from the server's description to one call of the driver.
import type { CallContext, RequestContext } from '#core/context'
import { NotFound } from '#core/errors'
import { VirtualInterfaceTimeout } from '../model/errors.ts'
import type { GuestSpec, PowerState } from '../drivers/index.ts'
import type { BlockDevice, ServerDescription } from '../model/server.ts'
import { power } from '../model/server-states.ts'
import { portsOfServer } from '../neighbours/network.ts'
import { completeAttachment } from '../neighbours/volumes.ts'
import { connectVolume, ignoreUnknownGuest } from './build.ts'
import type { Told } from './commands.ts'
import { buildConfigDrive } from './config-drive.ts'
import { toGuestPort, toGuestSpec, toVolumeDisk } from './guest-spec.ts'
import { type ComputeHost, guestNamespace } from './host.ts'

const powerStates: Readonly<Record<PowerState, number>> = { running: power.running, paused: power.paused, shutdown: power.shutdown, crashed: power.crashed, absent: power.shutdown }

export function powerOf(state: PowerState): number {
  return powerStates[state]
}

export async function describe(host: ComputeHost, ctx: RequestContext, serverId: string): Promise<ServerDescription> {
  return (await host.conductor.any().describeServer(ctx, { serverId })) as ServerDescription
}

async function specOf(host: ComputeHost, ctx: RequestContext, server: ServerDescription): Promise<GuestSpec> {
  const drive = server.configDrive ? await buildConfigDrive(host, ctx, server) : undefined
  const stays = (id: string | undefined) => id === undefined || !server.leaving?.includes(id)
  // A volume that is not connected yet comes with the end of its attachment.
  const isThere = ({ destination, volumeId, connection }: BlockDevice) => stays(volumeId) && (destination === 'local' || connection !== undefined)
  const kept = { ...server, blockDevices: server.blockDevices.filter(isThere), ports: server.ports.filter(({ portId }) => stays(portId)) }
  return toGuestSpec(kept, { ...guestNamespace(host), ...(drive && { configDrive: drive }) })
}

export async function powerOn(host: ComputeHost, ctx: RequestContext, call: CallContext, { serverId }: Told): Promise<object> {
  await host.driver.powerOn(call, serverId, await specOf(host, ctx, await describe(host, ctx, serverId)))
  return { powerState: powerOf(await host.driver.powerState(call, serverId)) }
}

export async function powerOff(host: ComputeHost, _ctx: RequestContext, call: CallContext, { serverId }: Told, timeoutSeconds: number): Promise<object> {
  // A guest that is gone is as off as can be.
  await ignoreUnknownGuest(host.driver.powerOff(call, serverId, timeoutSeconds))
  return { powerState: powerOf(await host.driver.powerState(call, serverId)) }
}

export async function reboot(host: ComputeHost, ctx: RequestContext, call: CallContext, { serverId }: Told, kind: 'soft' | 'hard', timeoutSeconds: number): Promise<object> {
  if (kind === 'soft') await host.driver.reboot(call, serverId, { kind, timeoutSeconds })
  else await host.driver.reboot(call, serverId, { kind, spec: await specOf(host, ctx, await describe(host, ctx, serverId)) })
  return { powerState: powerOf(await host.driver.powerState(call, serverId)) }
}

export async function learnPower(host: ComputeHost, _ctx: RequestContext, call: CallContext, { serverId }: Told): Promise<object> {
  return { powerState: powerOf(await host.driver.powerState(call, serverId)) }
}

export async function attachVolume(host: ComputeHost, ctx: RequestContext, call: CallContext, { serverId, operation }: Told, blockDeviceId: string): Promise<object> {
  const server = await describe(host, ctx, serverId)
  const device = server.blockDevices.find(({ id }) => id === blockDeviceId)
  if (!device?.volumeId) throw new Error('the block device to attach is not there')
  const { id, connection } = await connectVolume(host, ctx, operation.id, serverId, { ...device, volumeId: device.volumeId, made: false })
  await host.driver.attachVolume(call, serverId, toVolumeDisk({ ...device, connection }, server.imageProperties))
  await completeAttachment(host.runtime, ctx, id)
  return { attachmentId: id, connection }
}

export async function detachVolume(host: ComputeHost, _ctx: RequestContext, call: CallContext, { serverId }: Told, volumeId: string): Promise<object> {
  await ignoreUnknownGuest(host.driver.detachVolume(call, serverId, volumeId))
  return {}
}

export async function extendVolume(host: ComputeHost, call: CallContext, { serverId }: Told, volumeId: string, sizeGiB: number): Promise<object> {
  await ignoreUnknownGuest(host.driver.extendVolume(call, serverId, volumeId, sizeGiB * 1024 ** 3))
  return {}
}

export async function attachInterface(host: ComputeHost, ctx: RequestContext, call: CallContext, { serverId }: Told, portId: string): Promise<object> {
  const server = await describe(host, ctx, serverId)
  const port = server.ports.find((each) => each.portId === portId)
  if (!port) throw new NotFound(`Port ${portId} is not there any more.`)
  await untilPlugged(host, ctx, call, serverId, portId)
  await host.driver.attachInterface(call, serverId, toGuestPort(port, server.imageProperties))
  return {}
}

async function untilPlugged(host: ComputeHost, ctx: RequestContext, call: CallContext, serverId: string, portId: string): Promise<void> {
  const { runtime, settings, portWaits } = host
  if (settings.vif_plugging_timeout === 0) return
  portWaits.expect(serverId, ctx.traceId)
  portWaits.need(serverId, [portId], new Set())
  const deadline = runtime.clock.monotonic() + settings.vif_plugging_timeout * 1000
  try {
    for (;;) {
      const port = (await portsOfServer(runtime, ctx, serverId)).find(({ id }) => id === portId)
      if (!port) throw new NotFound(`Port ${portId} is not there any more.`)
      if (port.active || (await portWaits.settle(serverId, 1000, call.signal))) return
      if (runtime.clock.monotonic() >= deadline) throw new VirtualInterfaceTimeout(`The network was not ready after ${settings.vif_plugging_timeout} s: ${portId}.`)
    }
  } finally {
    portWaits.forget(serverId)
  }
}

export async function detachInterface(host: ComputeHost, _ctx: RequestContext, call: CallContext, { serverId }: Told, portId: string): Promise<object> {
  await ignoreUnknownGuest(host.driver.detachInterface(call, serverId, portId))
  return {}
}

/** A volume that is still the server's is in its guest again, if it was not all the time. */
export async function plugBackVolume(host: ComputeHost, ctx: RequestContext, call: CallContext, { serverId }: Told, volumeId: string): Promise<object> {
  const server = await describe(host, ctx, serverId)
  const device = server.blockDevices.find((each) => each.volumeId === volumeId)
  if (device?.connection) await ignoreUnknownGuest(host.driver.attachVolume(call, serverId, toVolumeDisk(device, server.imageProperties)))
  return {}
}

/** The same for a port. */
export async function plugBackInterface(host: ComputeHost, ctx: RequestContext, call: CallContext, { serverId }: Told, portId: string): Promise<object> {
  const server = await describe(host, ctx, serverId)
  const port = server.ports.find((each) => each.portId === portId)
  if (port) await ignoreUnknownGuest(host.driver.attachInterface(call, serverId, toGuestPort(port, server.imageProperties)))
  return {}
}
