// Where the bytes of an image lie for the time of one use.
import { createWriteStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { isDiskFull } from '#core/errors'
import { BackendFull } from '../drivers/index.ts'

export interface Scratch {
  /** What an earlier incarnation left goes. */
  clear(): Promise<void>
  /** @returns the path for whoever uses the file */
  write(name: string, chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<string>
  remove(name: string): Promise<void>
}

export function scratchOnDisk(directory: string): Scratch {
  return {
    async clear() {
      await rm(directory, { recursive: true, force: true })
      await mkdir(directory, { recursive: true, mode: 0o700 })
    },
    async write(name, chunks, signal) {
      const file = join(directory, name)
      try {
        await pipeline(chunks, createWriteStream(file, { mode: 0o600, flags: 'wx' }), { signal })
      } catch (error) {
        throw isDiskFull(error) ? new BackendFull('The backend has no room left.', {}, error) : error
      }
      return file
    },
    remove: (name) => rm(join(directory, name), { force: true }),
  }
}

/** For the simulation, whose engines look at no file. */
export function scratchInMemory(): Scratch {
  return {
    clear: async () => {},
    async write(name, chunks, signal) {
      for await (const _chunk of chunks) signal.throwIfAborted()
      return `/nonexistent/${name}`
    },
    remove: async () => {},
  }
}
