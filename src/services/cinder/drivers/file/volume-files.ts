// Volumes as qcow2 files, made by qemu-img under limits and always with the format given. A finished file has its
// final name; anything else is scratch.
import { chmod, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { CallContext } from '#core/context'
import { FormatInspector, reasonsAgainst } from '#core/image-format'
import { CommandFailed, type Privileged, type ProcessRunner } from '#core/process'
import { BackendFull, ImageTooLarge, ImageUnusable, VolumeAbsent, VolumeDiffers, type BackendStats, type ImageFile, type VolumeSpec } from '../interface.ts'

const gibibyte = 1024 ** 3
const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

export class VolumeFiles {
  readonly #directory: string
  readonly #runner: ProcessRunner
  readonly #privileged: Privileged

  constructor(directory: string, runner: ProcessRunner, privileged: Privileged) {
    this.#directory = directory
    this.#runner = runner
    this.#privileged = privileged
  }

  path(volumeId: string): string {
    if (!uuidPattern.test(volumeId)) throw new VolumeAbsent(`"${volumeId}" is not an id.`)
    return join(this.#directory, `${volumeId}.qcow2`)
  }

  async create(call: CallContext, { volumeId, sizeGiB }: VolumeSpec): Promise<void> {
    if (await this.#isThere(volumeId, sizeGiB)) return
    const partial = `${this.path(volumeId)}.part`
    await rm(partial, { force: true })
    await this.#qemuImg(call, ['create', '-q', '-f', 'qcow2', partial, String(sizeGiB * gibibyte)])
    await this.#publish(volumeId, partial)
  }

  async createFromImage(call: CallContext, { volumeId, sizeGiB }: VolumeSpec, image: ImageFile): Promise<void> {
    if (await this.#isThere(volumeId, sizeGiB)) return
    await checkImage(image, sizeGiB)
    const partial = `${this.path(volumeId)}.part`
    await rm(partial, { force: true })
    try {
      await this.#qemuImg(call, ['convert', '-q', '-f', image.format, '-O', 'qcow2', image.path, partial], sizeGiB)
      await this.#qemuImg(call, ['resize', '-q', '-f', 'qcow2', partial, String(sizeGiB * gibibyte)])
    } catch (error) {
      await rm(partial, { force: true })
      throw error
    }
    await this.#publish(volumeId, partial)
  }

  async extend(call: CallContext, volumeId: string, sizeGiB: number): Promise<void> {
    const bytes = await this.size(volumeId)
    if (bytes === undefined) throw new VolumeAbsent('The volume is not on this backend.', { volumeId })
    if (bytes >= sizeGiB * gibibyte) return
    await this.#qemuImg(call, ['resize', '-q', '-f', 'qcow2', this.path(volumeId), String(sizeGiB * gibibyte)])
  }

  async remove(volumeId: string): Promise<void> {
    await rm(`${this.path(volumeId)}.part`, { force: true })
    await rm(this.path(volumeId), { force: true })
  }

  /** Virtual size in bytes, read from the header; undefined when there is no such volume. */
  async size(volumeId: string): Promise<number | undefined> {
    const file = await open(this.path(volumeId), 'r').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    if (file === undefined) return undefined
    try {
      const header = Buffer.alloc(32)
      await file.read(header, 0, 32, 0)
      return Number(header.readBigUInt64BE(24))
    } finally {
      await file.close()
    }
  }

  async ids(): Promise<string[]> {
    const names = await readdir(this.#directory)
    return names.filter((name) => name.endsWith('.qcow2')).map((name) => name.slice(0, -'.qcow2'.length)).filter((id) => uuidPattern.test(id)).sort()
  }

  async discardPartial(): Promise<void> {
    for (const name of await readdir(this.#directory)) if (name.endsWith('.part')) await rm(join(this.#directory, name), { force: true })
  }

  /** Ids of volumes that were begun. */
  async unfinished(): Promise<string[]> {
    const names = await readdir(this.#directory)
    return names.filter((name) => name.endsWith('.qcow2.part')).map((name) => name.slice(0, -'.qcow2.part'.length)).filter((id) => uuidPattern.test(id)).sort()
  }

  async discardUnfinished(volumeId: string): Promise<void> {
    await rm(`${this.path(volumeId)}.part`, { force: true })
  }

  async stats(): Promise<BackendStats> {
    const space = await statfs(this.#directory)
    const gib = (blocks: number) => Math.floor(blocks * space.bsize / gibibyte)
    const sizes = await Promise.all((await this.ids()).map((id) => this.size(id)))
    const provisioned = sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0)
    return { totalGiB: gib(space.blocks), freeGiB: gib(space.bavail), provisionedGiB: Math.ceil(provisioned / gibibyte) }
  }

  async #isThere(volumeId: string, sizeGiB: number): Promise<boolean> {
    const bytes = await this.size(volumeId)
    if (bytes === undefined) return false
    if (bytes !== sizeGiB * gibibyte) throw new VolumeDiffers('A volume of this id exists with another size.', { volumeId })
    return true
  }

  async #publish(volumeId: string, partial: string): Promise<void> {
    await chmod(partial, 0o660)
    await this.#privileged.giveToQemu(partial)
    await rename(partial, this.path(volumeId))
  }

  async #qemuImg(call: CallContext, args: readonly string[], copiedGiB = 0): Promise<void> {
    try {
      await this.#runner.run('qemu-img', args, {
        timeoutSeconds: 60 + copiedGiB * 30, signal: call.signal, limits: { addressSpaceBytes: gibibyte, cpuSeconds: 30 + copiedGiB * 10 },
      })
    } catch (error) {
      if (error instanceof CommandFailed && /No space left/i.test(error.stderr)) throw new BackendFull('The backend has no room left.', {}, error)
      throw error
    }
  }
}

/** The image's own word on its size and format, read again here by our own inspector. */
async function checkImage(image: ImageFile, sizeGiB: number): Promise<void> {
  const inspector = new FormatInspector()
  const file = await open(image.path, 'r')
  try {
    const start = Buffer.alloc(1024 * 1024)
    const { bytesRead } = await file.read(start, 0, start.length, 0)
    inspector.take(start.subarray(0, bytesRead))
  } finally {
    await file.close()
  }
  const report = inspector.finish()
  const reasons = reasonsAgainst(report, image.format)
  if (reasons.length > 0) throw new ImageUnusable(`The image cannot be used: ${reasons.join(' ')}`)
  const bytes = image.format === 'raw' ? (await stat(image.path)).size : report.virtualSizeBytes ?? Infinity
  if (bytes > sizeGiB * gibibyte) throw new ImageTooLarge(`The image needs ${Math.ceil(bytes / gibibyte)} GiB; the volume has ${sizeGiB} GiB.`)
}
