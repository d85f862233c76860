// A whole hypervisor in memory, for tests, the simulation, and machines without root. Its world outlives the driver,
// as guests outlive the control plane; with records also its process.
import type { CallContext, Capabilities } from '#core/context'
import {
  ConsoleUnavailable, GuestUnknown, UnusableImage, type FoundGuest, type GuestEvent, type GuestSpec, type HostResources, type HypervisorDriver,
} from '../interface.ts'
import type { FakeGuest, FakeImage, FakeRecords } from './records.ts'

export interface FakeHypervisorOptions {
  readonly capabilities: Pick<Capabilities, 'clock'>
  /** What exists on the host: give the same world to the next driver to test a restart. */
  readonly world?: FakeHost
  readonly resources?: Partial<HostResources>
  /** How long a guest takes to start; nothing when absent. */
  readonly startMilliseconds?: number
  /** Called before each method takes effect: wait in it, or throw, to play a slow or failing host. */
  readonly before?: (method: keyof HypervisorDriver, id: string | undefined) => Promise<void> | void
  /** Asked after the effect: true when it happens once more before it is answered. */
  readonly again?: (method: keyof HypervisorDriver) => boolean
  /** Called after the effect, before the answer: throw to play an answer that was lost. */
  readonly after?: (method: keyof HypervisorDriver, id: string | undefined) => Promise<void> | void
}

/** The host's memory. The guests' own doings are played through it. */
export class FakeHost {
  readonly guests: Map<string, FakeGuest>
  readonly images: Map<string, FakeImage>
  readonly listeners = new Set<(event: GuestEvent) => void>()
  readonly records: FakeRecords | undefined
  nextPid: number

  /** @param records what it had in an earlier process, and where it keeps what it has; without them it is gone with this one */
  constructor(records?: FakeRecords) {
    this.records = records
    this.guests = new Map(records?.guests())
    this.images = new Map(records?.images())
    this.nextPid = Math.max(999, ...[...this.guests.values()].map(({ pid }) => pid)) + 1
  }

  /** A guest shuts itself down. */
  shutItselfDown(serverId: string): void {
    this.#stop(serverId, { kind: 'stopped', serverId }, false)
  }
  /** Its process is killed from outside. */
  kill(serverId: string): void {
    this.#stop(serverId, { kind: 'gone', serverId, reason: 'killed' }, true)
  }
  #stop(serverId: string, event: GuestEvent, wanted: boolean): void {
    const guest = this.guests.get(serverId)
    if (guest === undefined || guest.pid === 0) return
    Object.assign(guest, { state: wanted ? 'crashed' : 'shutdown', pid: 0, wanted })
    this.records?.keepGuest(serverId, guest)
    for (const listener of this.listeners) listener(event)
  }
}

export function create(options: FakeHypervisorOptions): HypervisorDriver {
  const host = options.world ?? new FakeHost()
  const { clock } = options.capabilities
  const own = new Set<(event: GuestEvent) => void>()
  const resources: HostResources = { vcpus: 64, ramMiB: 262_144, ramFreeMiB: 262_144, diskGiB: 10_000, diskFreeGiB: 10_000, cpuModel: 'fake', runningGuests: 0, ...options.resources }

  async function does<T>(method: keyof HypervisorDriver, call: CallContext, id: string | undefined, effect: () => T | Promise<T>): Promise<T> {
    await options.before?.(method, id)
    call.signal.throwIfAborted()
    let result = await effect()
    if (options.again?.(method)) result = await effect()
    await options.after?.(method, id)
    return result
  }
  /** What an effect left of a guest is kept before anybody hears of it. */
  function changes(method: keyof HypervisorDriver, call: CallContext, serverId: string, effect: () => void | Promise<void>): Promise<void> {
    return does(method, call, serverId, async () => {
      await effect()
      host.records?.keepGuest(serverId, host.guests.get(serverId))
    })
  }
  function known(serverId: string): FakeGuest {
    const guest = host.guests.get(serverId)
    if (guest === undefined) throw new GuestUnknown('The server is not on this host.', { serverId })
    return guest
  }
  function running(serverId: string): FakeGuest {
    const guest = known(serverId)
    if (guest.pid === 0) throw new GuestUnknown('The server does not run on this host.', { serverId })
    return guest
  }
  async function start(call: CallContext, guest: FakeGuest): Promise<void> {
    if (guest.pid !== 0) return
    if (options.startMilliseconds !== undefined) await clock.sleep(options.startMilliseconds, call.signal)
    Object.assign(guest, { state: 'running', wanted: true, pid: host.nextPid++ })
    guest.console += `[    0.000000] Linux version fake\n[    0.100000] Run /init as init process\n${guest.spec.name} login: \n`
  }
  function stop(guest: FakeGuest): void {
    Object.assign(guest, { state: 'shutdown', wanted: false, pid: 0 })
  }
  function replace(guest: FakeGuest, change: Partial<Pick<GuestSpec, 'disks' | 'ports'>>): void {
    guest.spec = { ...guest.spec, ...change }
  }
  function usedImages(): Set<string> {
    return new Set([...host.guests.values()].flatMap((guest) => guest.spec.disks.flatMap((disk) => (disk.kind === 'image' ? [disk.imageId] : []))))
  }
  function found(serverId: string, guest: FakeGuest): FoundGuest {
    return {
      serverId, powerState: guest.state, recorded: true, ...(guest.pid !== 0 && { pid: guest.pid }),
      volumeIds: guest.spec.disks.flatMap((disk) => (disk.kind === 'volume' ? [disk.volumeId] : [])), portIds: guest.spec.ports.map((port) => port.portId),
    }
  }

  return {
    name: 'fake',
    can: {
      hypervisorType: 'fake', hypervisorVersion: 1_000_000, acceleration: 'none', cpuArchitecture: 'x86_64', machineTypes: ['pc', 'q35'],
      diskBuses: ['virtio', 'scsi', 'ide'], networkModels: ['virtio', 'e1000'], diskFormats: ['raw', 'qcow2'], consoles: ['vnc', 'serial'],
    },
    open: (call) => does('open', call, undefined, () => {
      for (const [serverId, guest] of host.guests) {
        if (guest.wanted && guest.pid === 0) for (const listener of own) listener({ kind: 'gone', serverId, reason: 'It ended while the host was not watched.' })
      }
    }),
    async close() {
      for (const listener of own) host.listeners.delete(listener)
      own.clear()
    },
    prepareImage: (call, image, source) => does('prepareImage', call, image.imageId, async () => {
      const cached = host.images.get(image.imageId)
      if (cached?.hash === image.hash.value) return { imageId: image.imageId, virtualSizeBytes: cached.virtualSizeBytes, fromCache: true }
      let bytes = 0
      for await (const chunk of await source(call.signal)) bytes += chunk.length
      if (bytes !== image.sizeBytes) throw new UnusableImage(`The image ended after ${bytes} of ${image.sizeBytes} bytes.`)
      host.images.set(image.imageId, { virtualSizeBytes: bytes, hash: image.hash.value })
      host.records?.keepImages(host.images)
      return { imageId: image.imageId, virtualSizeBytes: bytes, fromCache: false }
    }),
    cachedImages: (call) => does('cachedImages', call, undefined, () => {
      const used = usedImages()
      return [...host.images.keys()].map((imageId) => ({ imageId, used: used.has(imageId) }))
    }),
    trimImages: (call, keep) => does('trimImages', call, undefined, () => {
      const used = usedImages()
      for (const id of host.images.keys()) if (!keep.has(id) && !used.has(id)) host.images.delete(id)
      host.records?.keepImages(host.images)
    }),
    spawn: (call, spec) => changes('spawn', call, spec.serverId, async () => {
      for (const disk of spec.disks) {
        if (disk.kind === 'image' && !host.images.has(disk.imageId)) throw new UnusableImage('The image is not in the cache of this host.', { imageId: disk.imageId })
      }
      const guest: FakeGuest = host.guests.get(spec.serverId) ?? { spec, state: 'shutdown', wanted: true, pid: 0, console: '', volumeBytes: new Map() }
      if (guest.pid === 0) guest.spec = spec
      host.guests.set(spec.serverId, guest)
      await start(call, guest)
    }),
    destroy: (call, serverId) => changes('destroy', call, serverId, () => void host.guests.delete(serverId)),
    powerOff: (call, serverId) => changes('powerOff', call, serverId, () => stop(known(serverId))),
    powerOn: (call, serverId, spec) => changes('powerOn', call, serverId, async () => {
      const guest = known(serverId)
      if (guest.pid === 0 && spec !== undefined) guest.spec = spec
      await start(call, guest)
    }),
    reboot: (call, serverId, how) => changes('reboot', call, serverId, async () => {
      const guest = known(serverId)
      if (how.kind === 'soft' && guest.pid !== 0) return void (guest.state = 'running')
      stop(guest)
      if (how.kind === 'hard' && how.spec !== undefined) guest.spec = how.spec
      await start(call, guest)
    }),
    pause: (call, serverId) => changes('pause', call, serverId, () => void (running(serverId).state = 'paused')),
    unpause: (call, serverId) => changes('unpause', call, serverId, () => void (running(serverId).state = 'running')),
    attachVolume: (call, serverId, volume) => changes('attachVolume', call, serverId, () => {
      const guest = known(serverId)
      replace(guest, { disks: [...guest.spec.disks.filter((disk) => disk.kind !== 'volume' || disk.volumeId !== volume.volumeId), volume] })
    }),
    detachVolume: (call, serverId, volumeId) => changes('detachVolume', call, serverId, () => {
      const guest = known(serverId)
      replace(guest, { disks: guest.spec.disks.filter((disk) => disk.kind !== 'volume' || disk.volumeId !== volumeId) })
    }),
    extendVolume: (call, serverId, volumeId, sizeBytes) => changes('extendVolume', call, serverId, () => {
      const guest = known(serverId)
      if (guest.pid !== 0 && guest.spec.disks.some((disk) => disk.kind === 'volume' && disk.volumeId === volumeId)) guest.volumeBytes.set(volumeId, sizeBytes)
    }),
    attachInterface: (call, serverId, port) => changes('attachInterface', call, serverId, () => {
      const guest = known(serverId)
      replace(guest, { ports: [...guest.spec.ports.filter((each) => each.portId !== port.portId), port] })
    }),
    detachInterface: (call, serverId, portId) => changes('detachInterface', call, serverId, () => {
      const guest = known(serverId)
      replace(guest, { ports: guest.spec.ports.filter((port) => port.portId !== portId) })
    }),
    consoleOutput: (call, serverId, lines) => does('consoleOutput', call, serverId, () => {
      const all = known(serverId).console.split('\n')
      return lines === undefined ? all.join('\n') : lines <= 0 ? '' : all.slice(Math.max(0, all.length - 1 - lines)).join('\n')
    }),
    consoleEndpoint: (call, serverId, kind) => does('consoleEndpoint', call, serverId, () => {
      if (known(serverId).pid === 0) throw new ConsoleUnavailable('The server is not running.')
      return { kind, socketPath: `/nonexistent/fake-${kind}-${serverId}` }
    }),
    powerState: (call, serverId) => does('powerState', call, serverId, () => host.guests.get(serverId)?.state ?? 'absent'),
    list: (call) => does('list', call, undefined, () =>
      [...host.guests].map(([serverId, guest]) => found(serverId, guest)).sort((a, b) => (a.serverId < b.serverId ? -1 : 1))),
    resources: (call) => does('resources', call, undefined, () => ({ ...resources, runningGuests: [...host.guests.values()].filter((guest) => guest.pid !== 0).length })),
    uptime: (call) => does('uptime', call, undefined, () => ({ upSeconds: clock.monotonic() / 1000, load: [0, 0, 0] as const })),
    watch(listener) {
      own.add(listener)
      host.listeners.add(listener)
      return () => {
        own.delete(listener)
        host.listeners.delete(listener)
      }
    },
  }
}
