// The volume driver `file`: qcow2 files below one directory, served over NBD on a unix socket by one storage daemon.
import { chmod, mkdir } from 'node:fs/promises'
import type { CallContext, Capabilities } from '#core/context'
import { turns, type Privileged, type ProcessRunner } from '#core/process'
import { VolumeAbsent, VolumeBusy, type BackendInventory, type BackendStats, type ConnectionInfo, type FoundVolume, type ImageFile, type VolumeDriver, type VolumeSpec } from '../interface.ts'
import { StorageDaemon } from './storage-daemon.ts'
import { VolumeFiles } from './volume-files.ts'

export interface FileDriverOptions {
  /** The driver's own directory, below the data directory; QEMU's user must be able to pass through all above it. */
  readonly directory: string
  readonly capabilities: Pick<Capabilities, 'clock'>
  readonly runner: ProcessRunner
  readonly privileged: Privileged
}

const secondsBetweenRevivals = 2

export function create(options: FileDriverOptions): VolumeDriver {
  return new FileDriver(options)
}

class FileDriver implements VolumeDriver {
  readonly name = 'file'
  readonly can = { extendInUse: false, multiattach: false, thinProvisioning: true }
  readonly #options: FileDriverOptions
  readonly #files: VolumeFiles
  readonly #daemon: StorageDaemon
  readonly #inTurn = turns()
  #opened: CallContext | undefined

  constructor(options: FileDriverOptions) {
    const { directory, runner, privileged, capabilities: { clock } } = options
    this.#options = options
    this.#files = new VolumeFiles(directory, runner, privileged)
    this.#daemon = new StorageDaemon({ directory, privileged, clock, volumePath: (id) => this.#files.path(id), onLost: () => this.#revive() })
  }

  async open(call: CallContext): Promise<void> {
    await mkdir(this.#options.directory, { recursive: true })
    await chmod(this.#options.directory, 0o711)
    await this.#files.discardPartial()
    this.#opened = call
    await this.ensure(call)
  }

  async close(): Promise<void> {
    this.#opened = undefined
    this.#daemon.close()
  }

  create(call: CallContext, volume: VolumeSpec): Promise<void> {
    return this.#inTurn(volume.volumeId, () => this.#files.create(call, volume))
  }

  createFromImage(call: CallContext, volume: VolumeSpec, image: ImageFile): Promise<void> {
    return this.#inTurn(volume.volumeId, () => this.#files.createFromImage(call, volume, image))
  }

  remove(_call: CallContext, volumeId: string): Promise<void> {
    return this.#inTurn(volumeId, async () => {
      await this.#refuseExported(volumeId)
      await this.#files.remove(volumeId)
    })
  }

  extend(call: CallContext, volumeId: string, sizeGiB: number): Promise<void> {
    return this.#inTurn(volumeId, async () => {
      await this.#refuseExported(volumeId)
      await this.#files.extend(call, volumeId, sizeGiB)
    })
  }

  export(call: CallContext, volumeId: string, how: { readonly readOnly: boolean }): Promise<ConnectionInfo> {
    return this.#inTurn(volumeId, () => this.#inTurn('daemon', async () => {
      if (await this.#files.size(volumeId) === undefined) throw new VolumeAbsent('The volume is not on this backend.', { volumeId })
      // The record first: what was promised is kept by whoever comes after a crash.
      const wanted = { ...await this.#daemon.recorded(), [volumeId]: { readOnly: how.readOnly } }
      await this.#daemon.record(wanted)
      await this.#daemon.serve(call, wanted, volumeId)
      return { driver_volume_type: 'nbd' as const, data: { socket: this.#daemon.socketPath, export: volumeId, access_mode: how.readOnly ? 'ro' as const : 'rw' as const } }
    }))
  }

  unexport(call: CallContext, volumeId: string): Promise<void> {
    return this.#inTurn(volumeId, () => this.#inTurn('daemon', async () => {
      const { [volumeId]: _, ...rest } = await this.#daemon.recorded()
      await this.#daemon.record(rest)
      await this.#daemon.serve(call, rest)
      if (Object.keys(rest).length === 0) await this.#daemon.stop()
    }))
  }

  ensure(call: CallContext): Promise<readonly string[]> {
    return this.#inTurn('daemon', async () => {
      const wanted = await this.#daemon.recorded()
      await this.#daemon.serve(call, wanted)
      return Object.keys(wanted).sort()
    })
  }

  async inventory(call: CallContext): Promise<BackendInventory> {
    const [volumes, unfinished] = [await this.list(call), await this.#files.unfinished()]
    return { volumes, served: await this.#inTurn('daemon', () => this.#daemon.served()), unfinished }
  }

  discardUnfinished(_call: CallContext, volumeId: string): Promise<void> {
    return this.#inTurn(volumeId, () => this.#files.discardUnfinished(volumeId))
  }

  async list(_call: CallContext): Promise<readonly FoundVolume[]> {
    const exported = await this.#daemon.recorded()
    return Promise.all((await this.#files.ids()).map(async (volumeId) => ({
      volumeId, sizeGiB: (await this.#files.size(volumeId) ?? 0) / 1024 ** 3, exported: exported[volumeId] !== undefined,
    })))
  }

  stats(_call: CallContext): Promise<BackendStats> {
    return this.#files.stats()
  }

  async #refuseExported(volumeId: string): Promise<void> {
    if ((await this.#daemon.recorded())[volumeId] !== undefined) throw new VolumeBusy('The volume is in use.', { volumeId })
  }

  /** Guests wait for their disks: bring the daemon back at once, and again until it is there. */
  #revive(): void {
    const call = this.#opened
    if (call === undefined) return
    call.log.warn({}, 'the storage daemon ended; starting it again')
    this.ensure(call).catch((error: unknown) => {
      call.log.error({ reason: String(error) }, 'the storage daemon could not be started')
      this.#options.capabilities.clock.after(secondsBetweenRevivals * 1000, () => this.#revive())
    })
  }
}
