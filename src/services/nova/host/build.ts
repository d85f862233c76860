// What a host does for the build of a server, one command per step of the operation.
import type { CallContext, RequestContext } from '#core/context'
import { AppError } from '#core/errors'
import { mark, traced } from '#core/trace'
import { HostUnfit, VirtualInterfaceTimeout, VolumeNotCreated } from '../model/errors.ts'
import { UnusableImage } from '../drivers/index.ts'
import { connectionKey, hasPorts, hasVolumes, isWhole, portKey, volumeKey, volumesToMake } from '../model/block-devices.ts'
import type { BlockDevice, HostNeeds, ServerDescription, ServerPort } from '../model/server.ts'
import { downloadImage, showImage } from '../neighbours/images.ts'
import { bindPort, createPort, portsOfServer, toServerPort } from '../neighbours/network.ts'
import { completeAttachment, createAttachment, createVolume, showVolume } from '../neighbours/volumes.ts'
import type { Told } from './commands.ts'
import { buildConfigDrive } from './config-drive.ts'
import { checkHardware, toGuestSpec } from './guest-spec.ts'
import { type ComputeHost, guestNamespace, serverOf } from './host.ts'
import { note, skip } from './trace.ts'

type Step<T> = (host: ComputeHost, ctx: RequestContext, call: CallContext, told: Told) => Promise<T>

/** Known from now on for the steps that follow, as the conductor will tell it after a restart. */
function learn(host: ComputeHost, operationId: string, server: ServerDescription, more: Partial<ServerDescription>): ServerDescription {
  const known = { ...server, ...more }
  host.known.set(operationId, known)
  return known
}

export const claimServer: Step<HostNeeds> = async (host, ctx, call, { serverId, operation }) => {
  const { runtime: { trace, clock }, driver } = host
  mark(trace, clock, ctx, 13)
  const server = await traced(trace, clock, ctx, 14, () => serverOf(host, ctx, operation.id, serverId))
  const { flavor } = server
  checkHardware(server)
  const has = await driver.resources(call)
  if (flavor.vcpus > has.vcpus * host.settings.cpu_allocation_ratio) throw new HostUnfit('The chosen host has too few CPUs for the flavor.', {}, new Error(`host ${host.runtime.host} has ${has.vcpus} CPUs, the flavor asks for ${flavor.vcpus}`))
  mark(trace, clock, ctx, 19)
  const needs = {
    image: imageOf(server) !== undefined, ports: server.requestedNetworks.length > 0, volumes: server.blockDevices.some(({ destination }) => destination === 'volume'),
  }
  if (!needs.image) {
    const why = 'the server boots from a volume'
    skip(host.runtime, ctx, why, 20, 20)
    // The image that a volume is made from cinder fetches, and records these.
    if (!server.blockDevices.some(({ source, destination }) => source === 'image' && destination === 'volume')) skip(host.runtime, ctx, why, 21, 26)
    skip(host.runtime, ctx, why, 27, 27)
  }
  if (!needs.ports) skip(host.runtime, ctx, 'the server has no network', 28, 38)
  if (!needs.volumes) skip(host.runtime, ctx, 'the server has no volume', 39, 50)
  return needs
}

function imageOf(server: ServerDescription): string | undefined {
  return server.blockDevices.find(({ source, destination }) => source === 'image' && destination === 'local')?.imageId
}

export const prepareImage: Step<object> = async (host, ctx, call, { serverId, operation }) => {
  const { runtime, driver } = host
  const { trace, clock } = runtime
  const server = await serverOf(host, ctx, operation.id, serverId)
  const imageId = imageOf(server)
  if (imageId === undefined) return {}
  const image = await traced(trace, clock, ctx, 20, () => showImage(runtime, ctx, imageId))
  if (!image) throw new UnusableImage(`Image ${imageId} could not be found.`)
  if (image.status !== 'active') throw new UnusableImage(`Image ${imageId} is not active.`)
  if (image.diskFormat !== 'raw' && image.diskFormat !== 'qcow2') throw new UnusableImage(`Images of the disk format ${image.diskFormat} cannot be booted here.`)
  const request = { imageId, format: image.diskFormat, sizeBytes: image.sizeBytes, hash: image.hash } as const
  let [startedAt, started] = [clock.now().getTime(), clock.monotonic()]
  const prepared = await driver.prepareImage(call, request, async (signal) => {
    const bytes = await downloadImage(runtime, ctx, imageId, signal)
    ;[startedAt, started] = [clock.now().getTime(), clock.monotonic()]
    return bytes
  })
  if (prepared.fromCache) note(runtime, ctx, 'cached', 'this host has the image', 26, 27)
  else if (ctx.traceId !== undefined) {
    trace.record({ traceId: ctx.traceId, step: 27, outcome: 'done', startedAt, durationMs: clock.monotonic() - started, detail: `${image.sizeBytes} bytes, hash verified` })
  }
  const { rootGiB } = server.flavor
  if (rootGiB > 0 && prepared.virtualSizeBytes > rootGiB * 1024 ** 3) {
    throw new UnusableImage(`Flavor's disk is too small for requested image. Flavor disk is ${rootGiB * 1024 ** 3} bytes, image is ${prepared.virtualSizeBytes} bytes.`)
  }
  return {}
}

export const createPorts: Step<readonly ServerPort[]> = async (host, ctx, _call, { serverId, operation }) => {
  const { runtime, portWaits } = host
  const server = await serverOf(host, ctx, operation.id, serverId)
  const owner = { serverId, projectId: server.projectId, host: runtime.host, zone: server.zone ?? '', securityGroups: server.securityGroups }
  portWaits.expect(serverId, ctx.traceId)
  const made = await traced(runtime.trace, runtime.clock, ctx, 28, () => Promise.all(server.requestedNetworks.map(async (network, at) => {
    const { portId } = network
    const key = portKey(operation.id, runtime.host, at)
    const port = portId === undefined ? await createPort(runtime, ctx, owner, network, key) : await bindPort(runtime, ctx, owner, portId, key)
    return toServerPort(port, network, { preserve: portId !== undefined, ...(network.tag !== undefined && { tag: network.tag }) })
  })), (ports) => ports.flatMap(({ addresses }) => addresses.map(({ address }) => address)).join(', '))
  portWaits.need(serverId, made.map(({ portId }) => portId), new Set(made.filter(({ active }) => active).map(({ portId }) => portId)))
  learn(host, operation.id, server, { ports: made })
  return made
}

export async function awaitPorts(host: ComputeHost, ctx: RequestContext, call: CallContext, { serverId, operation }: Told, timeoutSeconds: number): Promise<object> {
  const { runtime, portWaits } = host
  const server = await serverOf(host, ctx, operation.id, serverId, hasPorts)
  if (server.ports.length === 0) return {}
  if (timeoutSeconds === 0) {
    skip(runtime, ctx, 'vif_plugging_timeout is 0', 38, 38)
    return {}
  }
  const deadline = runtime.clock.monotonic() + timeoutSeconds * 1000
  let patience = 2000
  // After a restart nothing is kept of what was waited for, and the word may have come while this host was not listening.
  if (portWaits.expect(serverId, ctx.traceId)) {
    portWaits.need(serverId, server.ports.map(({ portId }) => portId), new Set())
    patience = 0
  }
  while (!(await portWaits.settle(serverId, Math.min(patience, Math.max(0, deadline - runtime.clock.monotonic())), call.signal))) {
    const found = new Map((await portsOfServer(runtime, ctx, serverId)).map((port) => [port.id, port]))
    for (const id of portWaits.missing(serverId)) {
      const port = found.get(id)
      if (!port) portWaits.gone(serverId, id)
      else if (port.active || port.unpluggable) portWaits.plugged(serverId, id, port.active)
    }
    if (portWaits.missing(serverId).length === 0) note(runtime, ctx, 'done', 'neutron was asked', 38)
    else if (runtime.clock.monotonic() >= deadline) throw new VirtualInterfaceTimeout(`The network was not ready after ${timeoutSeconds} s: ${portWaits.missing(serverId).join(', ')}.`)
    patience = Math.min(Math.max(patience * 2, 2000), 10_000)
  }
  return {}
}

export const createVolumes: Step<readonly { blockDeviceId: string; volumeId: string }[]> = async (host, ctx, _call, { serverId, operation }) => {
  const { runtime } = host
  const server = await serverOf(host, ctx, operation.id, serverId)
  // Those of a former try, whose answer was not heard, are told again.
  const made = server.blockDevices.flatMap(({ id, made: isMade, volumeId }) => (isMade && volumeId !== undefined ? [{ blockDeviceId: id, volumeId }] : []))
  for (const { deviceId, volume } of volumesToMake(server)) {
    const { id } = await traced(runtime.trace, runtime.clock, ctx, 39, () => createVolume(runtime, ctx, volume, volumeKey(operation.id, runtime.host, deviceId)), (view) => view.id)
    made.push({ blockDeviceId: deviceId, volumeId: id })
  }
  const volumeIds = new Map(made.map(({ blockDeviceId, volumeId }) => [blockDeviceId, volumeId]))
  learn(host, operation.id, server, {
    blockDevices: server.blockDevices.map((device) => {
      const volumeId = volumeIds.get(device.id)
      return volumeId === undefined ? device : { ...device, volumeId, made: true }
    }),
  })
  return made
}

export const connectVolumes: Step<readonly { blockDeviceId: string; attachmentId: string; connection: unknown }[]> = async (host, ctx, call, { serverId, operation }) => {
  const server = await serverOf(host, ctx, operation.id, serverId, hasVolumes)
  const devices: BlockDevice[] = []
  const connected: { blockDeviceId: string; attachmentId: string; connection: unknown }[] = []
  for (const device of server.blockDevices) {
    if (device.destination !== 'volume' || device.volumeId === undefined) {
      devices.push(device)
      continue
    }
    if (device.made) await untilAvailable(host, ctx, call, device.volumeId)
    const { id, connection } = await connectVolume(host, ctx, operation.id, serverId, { ...device, volumeId: device.volumeId })
    connected.push({ blockDeviceId: device.id, attachmentId: id, connection })
    devices.push({ ...device, attachmentId: id, connection })
  }
  if (connected.length > 0) learn(host, operation.id, server, { blockDevices: devices })
  return connected
}

/** Reserve a volume and connect it to this host. For one that was there before, this is how cinder is asked; its answer is cinder's step. */
export async function connectVolume(
  host: ComputeHost, ctx: RequestContext, operationId: string, serverId: string, device: Pick<BlockDevice, 'deviceName' | 'made'> & { readonly volumeId: string },
) {
  const { runtime } = host
  const { volumeId, deviceName } = device
  // Where the server has it, for those who ask cinder (nova/volume/cinder.py, attachment_update).
  const connector = { host: runtime.host, ...(deviceName !== undefined && { mountpoint: deviceName }) }
  const asked = () => createAttachment(runtime, ctx, volumeId, serverId, connector, connectionKey(operationId, runtime.host, volumeId))
  return device.made ? asked() : traced(runtime.trace, runtime.clock, ctx, 39, asked)
}

async function untilAvailable(host: ComputeHost, ctx: RequestContext, call: CallContext, volumeId: string): Promise<void> {
  const { clock } = host.runtime
  const deadline = clock.monotonic() + host.settings.volume_timeout * 1000
  for (let pause = 20; ; pause = Math.min(pause * 1.5, 1000)) {
    const volume = await showVolume(host.runtime, ctx, volumeId)
    if (!volume) throw new VolumeNotCreated(`Volume ${volumeId} was deleted while it was made.`)
    if (['available', 'reserved', 'attaching', 'in-use'].includes(volume.status)) return
    if (volume.status.startsWith('error')) throw new VolumeNotCreated(`Volume ${volumeId} could not be made: it is in status ${volume.status}.`)
    if (clock.monotonic() >= deadline) throw new VolumeNotCreated(`Volume ${volumeId} was not ready after ${host.settings.volume_timeout} s: it is in status ${volume.status}.`)
    await clock.sleep(pause, call.signal)
  }
}

export const spawn: Step<object> = async (host, ctx, call, { serverId, operation }) => {
  const { runtime, driver } = host
  const server = await serverOf(host, ctx, operation.id, serverId, isWhole)
  await traced(runtime.trace, runtime.clock, ctx, 51, async () => {
    const drive = server.configDrive ? await buildConfigDrive(host, ctx, server) : undefined
    await driver.spawn(call, toGuestSpec(server, { ...guestNamespace(host), ...(drive && { configDrive: drive }) }))
  }, () => driver.name)
  for (const { attachmentId } of server.blockDevices) if (attachmentId !== undefined) await completeAttachment(runtime, ctx, attachmentId)
  host.portWaits.forget(serverId)
  return {}
}

export const destroy: Step<object> = async (host, _ctx, call, { serverId }) => {
  host.portWaits.forget(serverId)
  await host.driver.destroy(call, serverId)
  return {}
}

/** The guest's own power, as nova counts it. */
export async function ignoreUnknownGuest(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!(error instanceof AppError) || error.code !== 'compute.guest_unknown') throw error
  })
}
