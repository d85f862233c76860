// What the driver remembers of each guest, in a file beside its disks: written whole, made durable, then renamed.
import { open, readdir, readFile, rename, rm } from 'node:fs/promises'
import type { GuestSpec } from '../interface.ts'
import { uuidPattern, type Paths } from './paths.ts'

export interface GuestRecord {
  readonly spec: GuestSpec
  /** Whether the guest was last told to run. A guest that shut itself down is not wanted running. */
  readonly wanted: 'running' | 'stopped'
}

export async function writeDurably(path: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
  const partial = `${path}.new`
  const file = await open(partial, 'w', mode)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(partial, path)
}

export class Records {
  readonly #paths: Paths

  constructor(paths: Paths) {
    this.#paths = paths
  }

  async read(serverId: string): Promise<GuestRecord | undefined> {
    const text = await readFile(this.#paths.guest(serverId).record, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    return text === undefined ? undefined : JSON.parse(text) as GuestRecord
  }

  write(record: GuestRecord): Promise<void> {
    return writeDurably(this.#paths.guest(record.spec.serverId).record, JSON.stringify(record))
  }

  async remove(serverId: string): Promise<void> {
    await rm(this.#paths.guest(serverId).directory, { recursive: true, force: true })
  }

  /** Ids of all guests that have a directory here, also a half-made one. */
  async ids(): Promise<string[]> {
    return (await readdir(this.#paths.servers)).filter((name) => uuidPattern.test(name)).sort()
  }
}
