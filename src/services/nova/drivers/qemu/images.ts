// The host's image cache and the disks that stand on it. A cached file is written once, verified, and read-only.
import { createHash } from 'node:crypto'
import { chmod, mkdir, open, readdir, readFile, rename, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { CallContext } from '#core/context'
import { isDiskFull } from '#core/errors'
import { FormatInspector, reasonsAgainst } from '#core/image-format'
import type { Privileged, ProcessRunner } from '#core/process'
import { HostUnfit } from '../../model/errors.ts'
import { UnusableImage, type GuestDisk, type ImageFormat, type ImageRequest, type ImageSource, type PreparedImage } from '../interface.ts'
import { diskLabel } from './command-line.ts'
import { makeFormatted } from './file-systems.ts'
import { uuidPattern, type GuestPaths, type Paths } from './paths.ts'
import { writeDurably } from './records.ts'

/** qemu-img works on content from outside: it gets little memory and little time. */
export const qemuImgLimits = { timeoutSeconds: 60, limits: { addressSpaceBytes: 1024 ** 3, cpuSeconds: 30 } } as const

/** What stays free beside a new image. */
const spareBytes = 64 * 1024 ** 2
const noRoom = (cause: unknown) => new HostUnfit('The chosen host has no room for the image.', {}, cause)

const hashes: Readonly<Record<string, string>> = { md5: 'md5', sha1: 'sha1', sha256: 'sha256', sha512: 'sha512' }

interface CachedImage {
  readonly format: ImageFormat
  readonly virtualSizeBytes: number
  readonly hash: ImageRequest['hash']
}

export class ImageCache {
  readonly #paths: Paths
  readonly #runner: ProcessRunner
  readonly #privileged: Privileged
  readonly #fetching = new Map<string, Promise<PreparedImage>>()

  constructor(paths: Paths, runner: ProcessRunner, privileged: Privileged) {
    this.#paths = paths
    this.#runner = runner
    this.#privileged = privileged
  }

  /** What an interrupted download left. */
  async discardPartial(): Promise<void> {
    for (const name of await readdir(this.#paths.images)) {
      if (name.endsWith('.part') || name.endsWith('.new')) await rm(join(this.#paths.images, name), { force: true })
    }
  }

  async prepare(call: CallContext, image: ImageRequest, source: ImageSource): Promise<PreparedImage> {
    const cached = await this.#cached(image.imageId)
    if (cached !== undefined && cached.hash.value === image.hash.value && cached.format === image.format) {
      return { imageId: image.imageId, virtualSizeBytes: cached.virtualSizeBytes, fromCache: true }
    }
    // Many guests may ask for the same image at once: one fetches, all wait.
    const running = this.#fetching.get(image.imageId)
    if (running !== undefined) return { ...await running, fromCache: true }
    const fetching = this.#fetch(call, image, source).finally(() => this.#fetching.delete(image.imageId))
    this.#fetching.set(image.imageId, fetching)
    return fetching
  }

  async #fetch(call: CallContext, image: ImageRequest, source: ImageSource): Promise<PreparedImage> {
    const algorithm = hashes[image.hash.algorithm]
    if (algorithm === undefined) throw new UnusableImage(`The image's hash is of an unknown kind: ${image.hash.algorithm}.`)
    const path = this.#paths.image(image.imageId)
    const partial = `${path}.part`
    const hash = createHash(algorithm)
    const inspector = new FormatInspector()
    let written = 0
    await rm(partial, { force: true })
    await this.#checkRoom(image.sizeBytes)
    const file = await open(partial, 'wx', 0o640)
    try {
      for await (const chunk of await source(call.signal)) {
        call.signal.throwIfAborted()
        written += chunk.length
        if (written > image.sizeBytes) throw new UnusableImage('The image is longer than its record says.')
        hash.update(chunk)
        inspector.take(chunk)
        await file.writeFile(chunk)
      }
      await file.sync()
      const report = inspector.finish()
      if (written !== image.sizeBytes) throw new UnusableImage(`The image ended after ${written} of ${image.sizeBytes} bytes.`)
      if (hash.digest('hex') !== image.hash.value) throw new UnusableImage('The image does not match its hash.')
      const reasons = reasonsAgainst(report, image.format)
      if (reasons.length > 0 || report.virtualSizeBytes === undefined) throw new UnusableImage(`The image cannot be used: ${reasons.join(' ')}`)
      await file.chmod(0o440)
      const record: CachedImage = { format: image.format, virtualSizeBytes: report.virtualSizeBytes, hash: image.hash }
      await rename(partial, path)
      await this.#privileged.giveToQemu(path)
      // The record comes last: an image without one is fetched anew.
      await writeDurably(`${path}.json`, JSON.stringify(record))
      call.log.info({ imageId: image.imageId, bytes: written }, 'image cached')
      return { imageId: image.imageId, virtualSizeBytes: record.virtualSizeBytes, fromCache: false }
    } catch (error) {
      await rm(partial, { force: true })
      throw isDiskFull(error) ? noRoom(error) : error
    } finally {
      await file.close()
    }
  }

  /** An image is not begun that would take the room which everything else on the host needs. */
  async #checkRoom(bytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.#paths.images)
    if (bavail * bsize < bytes + spareBytes) throw noRoom(new Error(`${bavail * bsize} bytes are free, the image has ${bytes}, and ${spareBytes} are kept free`))
  }

  async #cached(imageId: string): Promise<CachedImage | undefined> {
    const path = this.#paths.image(imageId)
    const text = await readFile(`${path}.json`, 'utf8').catch(() => undefined)
    if (text === undefined || await stat(path).catch(() => undefined) === undefined) return undefined
    return JSON.parse(text) as CachedImage
  }

  /** Make a guest's local disk unless it is there. @throws UnusableImage */
  async makeDisk(call: CallContext, disk: GuestDisk, guest: GuestPaths): Promise<void> {
    if (disk.kind === 'volume') return
    const path = guest.disk(diskLabel(disk))
    if (await stat(path).catch(() => undefined) !== undefined) return
    const partial = `${path}.part`
    await rm(partial, { force: true })
    if (disk.kind === 'blank') {
      await makeFormatted((program, args) => this.#run(call, program, args), disk, partial)
    } else {
      const image = await this.#cached(disk.imageId)
      if (image === undefined) throw new UnusableImage('The image is not in the cache of this host.', { imageId: disk.imageId })
      const bytes = disk.sizeGiB * 1024 ** 3
      // A flavor without a disk gives the image its own size.
      if (disk.sizeGiB > 0 && image.virtualSizeBytes > bytes) {
        throw new UnusableImage(`The image needs a disk of ${Math.ceil(image.virtualSizeBytes / 1024 ** 3)} GiB; the flavor has ${disk.sizeGiB} GiB.`)
      }
      await this.#run(call, 'qemu-img', [
        'create', '-q', '-f', 'qcow2', '-F', image.format, '-b', this.#paths.image(disk.imageId), partial, String(disk.sizeGiB > 0 ? bytes : image.virtualSizeBytes),
      ])
    }
    // What lies in its place is QEMU's already: whoever finds it there asks no more.
    await chmod(partial, 0o660)
    await this.#privileged.giveToQemu(partial)
    await rename(partial, path)
  }

  async ids(): Promise<string[]> {
    return (await readdir(this.#paths.images)).filter((name) => uuidPattern.test(name) && !this.#fetching.has(name)).sort()
  }

  async trim(keep: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.#paths.images)) {
      if (!uuidPattern.test(name) || keep.has(name) || this.#fetching.has(name)) continue
      await rm(join(this.#paths.images, `${name}.json`), { force: true })
      await rm(join(this.#paths.images, name), { force: true })
    }
  }

  async #run(call: CallContext, program: string, args: readonly string[]): Promise<void> {
    await this.#runner.run(program, args, { ...qemuImgLimits, signal: call.signal })
  }
}

/** A directory that QEMU's user may pass through but not list. */
export async function passableDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true })
  await chmod(path, 0o711)
}
