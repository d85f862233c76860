// What a fake host has, on disk, so that it is there in the next process as well: a file for each guest, one for the images.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { GuestSpec, PowerState } from '../interface.ts'

export interface FakeGuest {
  spec: GuestSpec
  state: PowerState
  /** Whether it was last told to run. */
  wanted: boolean
  pid: number
  console: string
  /** What the guest was shown of volumes that grew. */
  volumeBytes: Map<string, number>
}

export interface FakeImage {
  readonly virtualSizeBytes: number
  readonly hash: string
}

export class FakeRecords {
  readonly #guests: string
  readonly #images: string

  constructor(directory: string) {
    this.#guests = join(directory, 'guests')
    this.#images = join(directory, 'images.json')
    mkdirSync(this.#guests, { recursive: true, mode: 0o700 })
  }

  guests(): readonly (readonly [serverId: string, guest: FakeGuest])[] {
    return readdirSync(this.#guests).filter((name) => name.endsWith('.json')).map((name) => {
      const guest = JSON.parse(readFileSync(join(this.#guests, name), 'utf8')) as Omit<FakeGuest, 'volumeBytes'> & { volumeBytes: [string, number][] }
      return [name.slice(0, -'.json'.length), { ...guest, volumeBytes: new Map(guest.volumeBytes) }] as const
    })
  }

  images(): readonly (readonly [imageId: string, image: FakeImage])[] {
    try {
      return JSON.parse(readFileSync(this.#images, 'utf8')) as [string, FakeImage][]
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  }

  keepGuest(serverId: string, guest: FakeGuest | undefined): void {
    const file = join(this.#guests, `${serverId}.json`)
    if (guest) replace(file, { ...guest, volumeBytes: [...guest.volumeBytes] })
    else rmSync(file, { force: true })
  }

  keepImages(images: ReadonlyMap<string, FakeImage>): void {
    replace(this.#images, [...images])
  }
}

/** Either the old content or the new one is there, whenever the process dies. */
function replace(file: string, content: unknown): void {
  writeFileSync(`${file}.new`, JSON.stringify(content), { mode: 0o600 })
  renameSync(`${file}.new`, file)
}
