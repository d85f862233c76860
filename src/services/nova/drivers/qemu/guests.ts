// The guests of this host: finding their processes, starting and ending them, hearing what they do.
import { chmod, mkdir, open, readFile, rm } from 'node:fs/promises'
import { QmpLost, type QmpEvent } from '#core/drivers'
import type { CallContext, Clock } from '#core/context'
import { diskFull, isDiskFull } from '#core/errors'
import { CommandFailed, turns, type Privileged } from '#core/process'
import { SpawnFailed, type GuestEvent } from '../interface.ts'
import { guestArguments, type Accelerator } from './command-line.ts'
import { GuestMonitor, untilGone } from './guest-monitor.ts'
import { passableDirectory, type ImageCache } from './images.ts'
import { isoImage } from './iso9660.ts'
import type { Paths } from './paths.ts'
import { writeDurably, type GuestRecord, type Records } from './records.ts'
import { StarvedGuests } from './starved.ts'

export interface GuestsOptions {
  readonly paths: Paths
  readonly records: Records
  readonly images: ImageCache
  readonly privileged: Privileged
  readonly clock: Clock
}

const secondsToStart = 20
const secondsToQuit = 5

export class Guests {
  readonly inTurn = turns()
  accelerator: Accelerator = { kind: 'tcg' }
  readonly #options: GuestsOptions
  readonly #monitors = new Map<string, GuestMonitor>()
  readonly #connecting = new Map<string, Promise<GuestMonitor | undefined>>()
  readonly #listeners = new Set<(event: GuestEvent) => void>()
  /** Guests that we are shutting down ourselves: whoever does it waits for the event. */
  readonly #expected = new Set<string>()
  readonly starved: StarvedGuests
  #closed = false

  constructor(options: GuestsOptions) {
    this.#options = options
    this.starved = new StarvedGuests({ clock: options.clock, find: (serverId) => this.find(serverId), resumed: (serverId) => this.announce({ kind: 'resumed', serverId }) })
  }

  watch(listener: (event: GuestEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  announce(event: GuestEvent): void {
    for (const listener of this.#listeners) listener(event)
  }

  /** The line to a guest, if its process is there. */
  async find(serverId: string): Promise<GuestMonitor | undefined> {
    const known = this.#monitors.get(serverId)
    if (known?.isOpen === true) return known
    // A monitor takes one client: two at once would wait for each other.
    const running = this.#connecting.get(serverId)
    if (running !== undefined) return running
    const connecting = this.#connect(serverId).finally(() => this.#connecting.delete(serverId))
    this.#connecting.set(serverId, connecting)
    return connecting
  }

  async #connect(serverId: string): Promise<GuestMonitor | undefined> {
    const identity = (await this.#options.privileged.daemons('qemu')).get(serverId)
    if (identity === undefined) return undefined
    const monitor = await GuestMonitor.connect({
      serverId, identity, clock: this.#options.clock,
      socketPath: this.#options.paths.guest(serverId).qmp,
      onEvent: (event) => this.#heard(serverId, event),
      onClose: () => this.#lost(serverId),
    }, secondsToStart)
    this.#monitors.set(serverId, monitor)
    return monitor
  }

  /** Start what the record says, unless it runs. @throws SpawnFailed */
  async start(call: CallContext, record: GuestRecord): Promise<void> {
    const { spec } = record
    const paths = this.#options.paths.guest(spec.serverId)
    const present = await this.find(spec.serverId)
    if (present !== undefined) {
      const state = await present.powerState()
      if (state === 'running' || state === 'paused') return
      await this.end(spec.serverId)
    }
    await passableDirectory(paths.directory)
    await this.#options.records.write(record)
    await this.#makeFiles(call, record)
    call.signal.throwIfAborted()
    try {
      await this.#options.privileged.startDaemon({
        kind: 'qemu', id: spec.serverId, args: guestArguments(spec, paths, this.accelerator), outputFile: paths.output,
        ...(spec.netns !== undefined && { netns: spec.netns }),
      })
      if (await this.find(spec.serverId) === undefined) throw new QmpLost('The process ended while it started.')
    } catch (error) {
      await this.end(spec.serverId).catch(() => {})
      if (isDiskFull(error) || (!(error instanceof CommandFailed) && !(error instanceof QmpLost))) throw error
      const reason = error instanceof CommandFailed ? error.stderr : await this.lastWords(spec.serverId)
      if (isDiskFull(new Error(reason))) throw diskFull(new Error(reason, { cause: error }))
      throw new SpawnFailed('The server could not be started on its host.', {}, new Error(reason.trim().slice(-1000) || error.message, { cause: error }))
    }
  }

  async #makeFiles(call: CallContext, { spec }: GuestRecord): Promise<void> {
    const { images, paths, privileged } = this.#options
    const guest = paths.guest(spec.serverId)
    for (const disk of spec.disks) await images.makeDisk(call, disk, guest)
    // Sockets of an earlier process, and its pid file.
    await rm(guest.run, { recursive: true, force: true })
    await mkdir(guest.run)
    await chmod(guest.run, 0o770)
    await privileged.giveToQemu(guest.run)
    await (await open(guest.console, 'a', 0o660)).close()
    await chmod(guest.console, 0o660).catch(() => {}) // given away already
    await privileged.giveToQemu(guest.console)
    await rm(guest.output, { force: true })
    if (spec.configDrive !== undefined) {
      const files = Object.entries(spec.configDrive).map(([path, content]) => ({ path, content: Buffer.from(content, 'base64') }))
      await rm(guest.configDrive, { force: true })
      await writeDurably(guest.configDrive, isoImage('config-2', files), 0o440)
      await privileged.giveToQemu(guest.configDrive)
    }
  }

  /** End a guest's process, politely and then not. Also succeeds when there is none. */
  async end(serverId: string): Promise<void> {
    const { privileged, clock } = this.#options
    const identity = (await privileged.daemons('qemu')).get(serverId)
    const monitor = this.#monitors.get(serverId)
    if (identity !== undefined) {
      const polite = monitor?.isOpen === true ? monitor : await this.find(serverId).catch(() => undefined)
      if (polite === undefined || !await polite.quit(secondsToQuit)) {
        await privileged.signalDaemon('qemu', serverId, 'SIGKILL')
        if (!await untilGone(identity, clock, secondsToQuit)) throw new SpawnFailed('The server’s process cannot be ended.', { pid: identity.pid })
      }
    }
    this.#monitors.get(serverId)?.close()
    this.#monitors.delete(serverId)
  }

  /** Press the power button until the guest has shut down. Answers whether it did. */
  async shutDown(monitor: GuestMonitor, serverId: string, timeoutSeconds: number): Promise<boolean> {
    this.#expected.add(serverId)
    try {
      const end = this.#options.clock.monotonic() + timeoutSeconds * 1000
      while (await monitor.powerState() !== 'shutdown') {
        const left = (end - this.#options.clock.monotonic()) / 1000
        if (left <= 0) return false
        const gone = monitor.waitFor((event) => event.event === 'SHUTDOWN', Math.min(left, 3)).catch(() => undefined)
        // Pressed again and again: a guest that is still starting does not hear the first one.
        await monitor.execute('system_powerdown')
        await gone
      }
      return true
    } finally {
      this.#expected.delete(serverId)
    }
  }

  async lastWords(serverId: string): Promise<string> {
    return readFile(this.#options.paths.guest(serverId).output, 'utf8').then((text) => text.slice(-2000), () => '')
  }

  close(): void {
    this.#closed = true
    this.starved.close()
    for (const monitor of this.#monitors.values()) monitor.close()
    this.#monitors.clear()
  }

  #heard(serverId: string, { event, data }: QmpEvent): void {
    if (event === 'RESET' && data['guest'] === true) this.announce({ kind: 'rebooted', serverId })
    const trial = this.starved.isOnTrial(serverId)
    if (event === 'STOP' && !trial && !this.#expected.has(serverId)) {
      this.#announceIfPaused(serverId)
      this.starved.look(serverId).catch(() => {})
    }
    if (event === 'RESUME' && !trial) this.announce({ kind: 'resumed', serverId })
    if (event === 'SHUTDOWN' && !this.#expected.has(serverId)) {
      this.inTurn(serverId, () => this.settleStopped(serverId)).catch(() => {})
    }
  }

  /** STOP comes with a shutdown too; only a real pause is told. */
  #announceIfPaused(serverId: string): void {
    const monitor = this.#monitors.get(serverId)
    monitor?.powerState().then((state) => state === 'paused' && this.announce({ kind: 'paused', serverId }), () => {})
  }

  /** A guest that shut itself down leaves a process that only waits: end it, and remember. */
  async settleStopped(serverId: string): Promise<void> {
    const monitor = await this.find(serverId)
    if (monitor === undefined || await monitor.powerState() !== 'shutdown') return
    const record = await this.#options.records.read(serverId)
    if (record !== undefined) await this.#options.records.write({ ...record, wanted: 'stopped' })
    await this.end(serverId)
    this.announce({ kind: 'stopped', serverId })
  }

  #lost(serverId: string): void {
    const monitor = this.#monitors.get(serverId)
    if (this.#closed || monitor === undefined || monitor.leaving) return
    this.inTurn(serverId, async () => {
      if (this.#monitors.get(serverId) !== monitor || monitor.leaving) return
      this.#monitors.delete(serverId)
      // The line may be lost while the guest is well.
      if (await untilGone(monitor.identity, this.#options.clock, 1) || await this.find(serverId).catch(() => undefined) === undefined) {
        this.announce({ kind: 'gone', serverId, reason: (await this.lastWords(serverId)).trim() || 'The process ended without a word.' })
      }
    }).catch(() => {})
  }
}
