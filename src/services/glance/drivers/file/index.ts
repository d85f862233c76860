// A store of files in one directory: written under a temporary name, made durable, then renamed.
import { constants } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { NotFound } from '#core/errors'
import { StoreFull } from '../../model/errors.ts'
import type { BitsWriter, ImageStore, StoredBits } from '../../model/store.ts'

const uuid = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/
const readAtOnce = 512 * 1024

export function createFileStore(directory: string): ImageStore {
  const fileOf = (bits: string): string => {
    // The name comes from us; that it is one of ours is checked where a path is made, too.
    if (!uuid.test(bits)) throw new Error(`${bits} does not name bytes of an image`)
    return join(directory, bits)
  }
  const partialOf = (bits: string): string => `${fileOf(bits)}.partial`

  return {
    id: 'file', type: 'file', properties: { data_dir: directory, chunk_size: readAtOnce, thin_provisioning: false },

    async create(bits): Promise<BitsWriter> {
      await mkdir(directory, { recursive: true, mode: 0o700 })
      const partial = partialOf(bits)
      const handle = await open(partial, constants.O_CREAT | constants.O_TRUNC | constants.O_WRONLY | constants.O_NOFOLLOW, 0o600)
      return {
        async write(bytes, at) {
          try {
            for (let done = 0; done < bytes.length; ) done += (await handle.write(bytes, done, bytes.length - done, at + done)).bytesWritten
          } catch (error) {
            const { code } = error as NodeJS.ErrnoException
            if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') throw new StoreFull('Image storage media is full.', {}, error)
            throw error
          }
        },
        async keep() {
          await handle.sync()
          await handle.close()
          await rename(partial, fileOf(bits))
          const folder = await open(directory, constants.O_RDONLY)
          try {
            await folder.sync()
          } finally {
            await folder.close()
          }
        },
        close: () => handle.close(),
      }
    },

    async open(bits, from, to): Promise<Readable> {
      const handle = await open(fileOf(bits), constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: unknown) => {
        throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? new NotFound('The data of this image is not in its store.', {}, error) : error
      })
      return handle.createReadStream({ start: from, end: to, highWaterMark: readAtOnce, autoClose: true })
    },

    async remove(bits) {
      await rm(partialOf(bits), { force: true })
      await rm(fileOf(bits), { force: true })
    },

    async list() {
      const names = await readdir(directory).catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
        throw error
      })
      const found: StoredBits[] = []
      for (const name of names) {
        const bits = name.replace(/\.partial$/, '')
        // It may go while we look.
        const file = uuid.test(bits) ? await stat(join(directory, name)).catch(() => undefined) : undefined
        if (file) found.push({ bits, sizeBytes: file.size, partial: name !== bits })
      }
      return found
    },
  }
}
