// The hypervisor driver for QEMU, spoken to over QMP: one process for each guest, which outlives the control plane.
import { existsSync } from 'node:fs'
import type { CallContext, Capabilities, Timer } from '#core/context'
import type { Privileged, ProcessRunner } from '#core/process'
import {
  ConsoleUnavailable, GuestUnknown, type CachedImage, type ConsoleEndpoint, type ConsoleKind, type FoundGuest, type GuestEvent, type GuestPort, type GuestSpec, type HostResources,
  type HypervisorCapabilities, type HypervisorDriver, type ImageRequest, type ImageSource, type PowerState, type PreparedImage,
  type RebootRequest, type VolumeDisk,
} from '../interface.ts'
import type { HostUptime } from '../../model/uptime.ts'
import { findAccelerator } from './acceleration.ts'
import { capConsole, readConsole } from './consoles.ts'
import { portFromDevice, volumeFromDevice } from './devices.ts'
import { Guests } from './guests.ts'
import type { GuestMonitor } from './guest-monitor.ts'
import { readHostResources, readHostUptime } from './host-resources.ts'
import { ImageCache, passableDirectory } from './images.ts'
import { pathsBelow, uuidPattern, type Paths } from './paths.ts'
import { growVolume, plugPort, plugVolume, unplugPort, unplugVolume } from './plugging.ts'
import { Records, type GuestRecord } from './records.ts'

export interface QemuOptions {
  /** The driver's own directory, below the data directory; QEMU's user must be able to pass through all above it. */
  readonly directory: string
  readonly capabilities: Pick<Capabilities, 'clock'>
  readonly runner: ProcessRunner
  readonly privileged: Privileged
  /** `auto`: KVM where a probe guest comes to its end on it. */
  readonly accelerator?: 'auto' | 'kvm' | 'tcg'
}

const consoleCheckSeconds = 30

export function create(options: QemuOptions): HypervisorDriver {
  return new QemuDriver(options)
}

class QemuDriver implements HypervisorDriver {
  readonly name = 'qemu'
  readonly #options: QemuOptions
  readonly #paths: Paths
  readonly #records: Records
  readonly #images: ImageCache
  readonly #guests: Guests
  #version = 0
  #consoleTimer: Timer | undefined

  constructor(options: QemuOptions) {
    const { runner, privileged, capabilities: { clock } } = options
    this.#options = options
    this.#paths = pathsBelow(options.directory)
    this.#records = new Records(this.#paths)
    this.#images = new ImageCache(this.#paths, runner, privileged)
    this.#guests = new Guests({ paths: this.#paths, records: this.#records, images: this.#images, privileged, clock })
  }

  get can(): HypervisorCapabilities {
    return {
      hypervisorType: 'QEMU', hypervisorVersion: this.#version, acceleration: this.#guests.accelerator.kind, cpuArchitecture: 'x86_64',
      machineTypes: ['pc', 'q35'], diskBuses: ['virtio', 'scsi', 'ide'], networkModels: ['virtio', 'e1000'], diskFormats: ['raw', 'qcow2'],
      consoles: ['vnc', 'serial'],
    }
  }

  async open(call: CallContext): Promise<void> {
    const { directory, runner, privileged, accelerator = 'auto', capabilities: { clock } } = this.#options
    for (const path of [directory, this.#paths.images, this.#paths.servers]) await passableDirectory(path)
    await this.#images.discardPartial()
    const { stdout } = await runner.run('qemu-system-x86_64', ['--version'], { timeoutSeconds: 10 })
    const [, major = '0', minor = '0', micro = '0'] = /version (\d+)\.(\d+)\.(\d+)/.exec(stdout) ?? []
    this.#version = Number(major) * 1_000_000 + Number(minor) * 1000 + Number(micro)
    if (accelerator === 'kvm' && !existsSync('/dev/kvm')) throw new Error('virt_type is kvm, and this machine has no /dev/kvm.')
    this.#guests.accelerator = accelerator === 'auto' ? await findAccelerator(call, { directory, privileged, clock, qemuVersion: this.#version }) : { kind: accelerator }
    await Promise.all((await this.#records.ids()).map((serverId) => this.#guests.inTurn(serverId, () => this.#findAgain(call, serverId))))
    this.#watchConsoles()
  }

  /** What happened to a guest while nobody looked is told now. */
  async #findAgain(call: CallContext, serverId: string): Promise<void> {
    const record = await this.#records.read(serverId)
    if (record === undefined) return
    const monitor = await this.#guests.find(serverId).catch((error: unknown) => {
      call.log.warn({ serverId, reason: String(error) }, 'a running guest does not answer')
      return undefined
    })
    if (monitor !== undefined) {
      await this.#guests.settleStopped(serverId)
      await this.#guests.starved.look(serverId).catch(() => {})
    }
    if (monitor === undefined && record.wanted === 'running' && !await this.#isRunning(serverId)) {
      this.#guests.announce({ kind: 'gone', serverId, reason: (await this.#guests.lastWords(serverId)).trim() || 'It ended while the host was not watched.' })
    }
  }

  async close(): Promise<void> {
    this.#consoleTimer?.cancel()
    this.#consoleTimer = undefined
    this.#guests.close()
  }

  prepareImage(call: CallContext, image: ImageRequest, source: ImageSource): Promise<PreparedImage> {
    return this.#images.prepare(call, image, source)
  }

  async cachedImages(_call: CallContext): Promise<readonly CachedImage[]> {
    const [cached, used] = [await this.#images.ids(), await this.#usedImages()]
    return cached.map((imageId) => ({ imageId, used: used.has(imageId) }))
  }

  async trimImages(_call: CallContext, keep: ReadonlySet<string>): Promise<void> {
    await this.#images.trim(new Set([...keep, ...await this.#usedImages()]))
  }

  async #usedImages(): Promise<Set<string>> {
    const used = new Set<string>()
    for (const serverId of await this.#records.ids()) {
      const record = await this.#records.read(serverId)
      for (const disk of record?.spec.disks ?? []) if (disk.kind === 'image') used.add(disk.imageId)
    }
    return used
  }

  spawn(call: CallContext, spec: GuestSpec): Promise<void> {
    return this.#guests.inTurn(spec.serverId, () => this.#guests.start(call, { spec, wanted: 'running' }))
  }

  destroy(call: CallContext, serverId: string): Promise<void> {
    return this.#guests.inTurn(serverId, async () => {
      await this.#guests.end(serverId)
      await this.#records.remove(serverId)
      call.log.info({ serverId }, 'guest removed')
    })
  }

  powerOff(_call: CallContext, serverId: string, timeoutSeconds: number): Promise<void> {
    return this.#guests.inTurn(serverId, async () => {
      const record = await this.#record(serverId)
      const monitor = await this.#guests.find(serverId).catch(() => undefined)
      if (monitor !== undefined && timeoutSeconds > 0) await this.#guests.shutDown(monitor, serverId, timeoutSeconds).catch(() => false)
      await this.#records.write({ ...record, wanted: 'stopped' })
      await this.#guests.end(serverId)
    })
  }

  powerOn(call: CallContext, serverId: string, spec?: GuestSpec): Promise<void> {
    return this.#guests.inTurn(serverId, async () => {
      const record = await this.#record(serverId)
      await this.#guests.start(call, { spec: spec ?? record.spec, wanted: 'running' })
    })
  }

  reboot(call: CallContext, serverId: string, how: RebootRequest): Promise<void> {
    return this.#guests.inTurn(serverId, async () => {
      const record = await this.#record(serverId)
      if (how.kind === 'soft') {
        const monitor = await this.#guests.find(serverId).catch(() => undefined)
        if (monitor !== undefined) {
          await this.#guests.shutDown(monitor, serverId, how.timeoutSeconds)
          // From a guest that did not listen this pulls the plug.
          await monitor.execute('system_reset')
          await monitor.execute('cont')
          return
        }
      }
      await this.#guests.end(serverId)
      await this.#guests.start(call, { spec: (how.kind === 'hard' ? how.spec : undefined) ?? record.spec, wanted: 'running' })
    })
  }

  pause(_call: CallContext, serverId: string): Promise<void> {
    return this.#guests.inTurn(serverId, async () => void await (await this.#running(serverId)).execute('stop'))
  }

  unpause(_call: CallContext, serverId: string): Promise<void> {
    return this.#guests.inTurn(serverId, async () => void await (await this.#running(serverId)).execute('cont'))
  }

  attachVolume(_call: CallContext, serverId: string, volume: VolumeDisk): Promise<void> {
    return this.#guests.inTurn(serverId, async () => {
      const { spec, wanted } = await this.#record(serverId)
      const monitor = await this.#guests.find(serverId)
      if (monitor !== undefined) await plugVolume(monitor, spec, volume)
      const others = spec.disks.filter((disk) => disk.kind !== 'volume' || disk.volumeId !== volume.volumeId)
      await this.#records.write({ spec: { ...spec, disks: [...others, volume] }, wanted })
    })
  }

  detachVolume(_call: CallContext, serverId: string, volumeId: string): Promise<void> {
    return this.#guests.inTurn(serverId, async () => {
      const { spec, wanted } = await this.#record(serverId)
      const monitor = await this.#guests.find(serverId)
      if (monitor !== undefined) await unplugVolume(monitor, this.#options.capabilities.clock, volumeId)
      const disks = spec.disks.filter((disk) => disk.kind !== 'volume' || disk.volumeId !== volumeId)
      await this.#records.write({ spec: { ...spec, disks }, wanted })
    })
  }

  extendVolume(_call: CallContext, serverId: string, volumeId: string, sizeBytes: number): Promise<void> {
    return this.#guests.inTurn(serverId, async () => {
      const { spec } = await this.#record(serverId)
      const disk = spec.disks.find((each) => each.kind === 'volume' && each.volumeId === volumeId)
      const monitor = await this.#guests.find(serverId)
      if (monitor !== undefined && disk?.kind === 'volume') await growVolume(monitor, disk, sizeBytes)
    })
  }

  attachInterface(_call: CallContext, serverId: string, port: GuestPort): Promise<void> {
    return this.#guests.inTurn(serverId, async () => {
      const { spec, wanted } = await this.#record(serverId)
      const monitor = await this.#guests.find(serverId)
      if (monitor !== undefined) await plugPort(monitor, spec, port)
      const ports = [...spec.ports.filter((known) => known.portId !== port.portId), port]
      await this.#records.write({ spec: { ...spec, ports }, wanted })
    })
  }

  detachInterface(_call: CallContext, serverId: string, portId: string): Promise<void> {
    return this.#guests.inTurn(serverId, async () => {
      const { spec, wanted } = await this.#record(serverId)
      const monitor = await this.#guests.find(serverId)
      if (monitor !== undefined) await unplugPort(monitor, this.#options.capabilities.clock, portId)
      await this.#records.write({ spec: { ...spec, ports: spec.ports.filter((port) => port.portId !== portId) }, wanted })
    })
  }

  async consoleOutput(_call: CallContext, serverId: string, lines?: number): Promise<string> {
    await this.#record(serverId)
    return readConsole(this.#paths.guest(serverId).console, lines)
  }

  async consoleEndpoint(_call: CallContext, serverId: string, kind: ConsoleKind): Promise<ConsoleEndpoint> {
    await this.#record(serverId)
    const { vnc, serial } = this.#paths.guest(serverId)
    const socketPath = kind === 'vnc' ? vnc : serial
    if (!await this.#isRunning(serverId)) throw new ConsoleUnavailable('The server is not running.')
    return { kind, socketPath }
  }

  async powerState(_call: CallContext, serverId: string): Promise<PowerState> {
    return (await this.#look(serverId)).powerState
  }

  async list(_call: CallContext): Promise<readonly FoundGuest[]> {
    const running = [...(await this.#options.privileged.daemons('qemu')).keys()].filter((id) => uuidPattern.test(id))
    const ids = new Set([...await this.#records.ids(), ...running])
    return Promise.all([...ids].sort().map((serverId) => this.#look(serverId)))
  }

  async resources(_call: CallContext): Promise<HostResources> {
    const running = [...(await this.#options.privileged.daemons('qemu')).keys()].filter((id) => uuidPattern.test(id))
    return readHostResources(this.#options.directory, running.length)
  }

  uptime(_call: CallContext): Promise<HostUptime> {
    return readHostUptime()
  }

  watch(listener: (event: GuestEvent) => void): () => void {
    return this.#guests.watch(listener)
  }

  async #look(serverId: string): Promise<FoundGuest> {
    const record = await this.#records.read(serverId)
    const monitor = await this.#guests.find(serverId).catch(() => undefined)
    if (monitor === undefined) {
      // A process that does not answer lives all the same.
      const stopped = await this.#isRunning(serverId) ? 'running' : record === undefined ? 'absent' : record.wanted === 'running' ? 'crashed' : 'shutdown'
      const volumeIds = record?.spec.disks.flatMap((disk) => (disk.kind === 'volume' ? [disk.volumeId] : [])) ?? []
      return { serverId, powerState: stopped, volumeIds, portIds: record?.spec.ports.map((port) => port.portId) ?? [], recorded: record !== undefined }
    }
    const [powerState, devices] = [await monitor.powerState(), await monitor.deviceIds()]
    return {
      serverId, powerState, pid: monitor.identity.pid, recorded: record !== undefined,
      volumeIds: devices.flatMap((id) => volumeFromDevice(id) ?? []), portIds: devices.flatMap((id) => portFromDevice(id) ?? []),
    }
  }

  async #record(serverId: string): Promise<GuestRecord> {
    const record = await this.#records.read(serverId)
    if (record === undefined) throw new GuestUnknown('The server is not on this host.', { serverId })
    return record
  }

  async #running(serverId: string): Promise<GuestMonitor> {
    const monitor = await this.#guests.find(serverId)
    if (monitor === undefined) throw new GuestUnknown('The server does not run on this host.', { serverId })
    return monitor
  }

  async #isRunning(serverId: string): Promise<boolean> {
    return (await this.#options.privileged.daemons('qemu')).has(serverId)
  }

  #watchConsoles(): void {
    this.#consoleTimer = this.#options.capabilities.clock.after(consoleCheckSeconds * 1000, () => {
      this.#records.ids()
        .then((ids) => Promise.all(ids.map((serverId) => capConsole(this.#paths.guest(serverId).console))))
        .catch(() => {})
        .finally(() => this.#consoleTimer !== undefined && this.#watchConsoles())
    })
  }
}
