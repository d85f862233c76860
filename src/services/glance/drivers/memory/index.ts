// A store in memory, for the simulation: its world outlives the driver, as files outlive a process.
import { Readable } from 'node:stream'
import { NotFound } from '#core/errors'
import type { BitsWriter, ImageStore, StoredBits } from '../../model/store.ts'

export interface MemoryStoreOptions {
  readonly world: MemoryStoreWorld
  /** Called before and after each effect: to delay it, to fail it, to lose its answer. */
  readonly before: (effect: string) => Promise<void>
  readonly after: (effect: string) => Promise<void>
}

export class MemoryStoreWorld {
  readonly partial = new Map<string, Buffer>()
  readonly kept = new Map<string, Buffer>()
}

export function createMemoryStore({ world, before, after }: MemoryStoreOptions): ImageStore {
  async function does<T>(effect: string, run: () => T): Promise<T> {
    await before(effect)
    const result = run()
    await after(effect)
    return result
  }
  return {
    id: 'memory', type: 'memory', properties: {},
    create: (bits) => does('create', (): BitsWriter => {
      world.partial.set(bits, Buffer.alloc(0))
      return {
        write: (bytes, at) => does('write', () => {
          // As of a file: what was removed is written to by whoever has it open still, and is nowhere afterwards.
          const known = world.partial.get(bits)
          if (!known) return
          const larger = Buffer.alloc(Math.max(known.length, at + bytes.length))
          known.copy(larger)
          larger.set(bytes, at)
          world.partial.set(bits, larger)
        }),
        keep: () => does('keep', () => {
          const bytes = world.partial.get(bits)
          if (!bytes) throw new Error('what was written was removed meanwhile')
          world.kept.set(bits, bytes)
          world.partial.delete(bits)
        }),
        close: async () => {},
      }
    }),
    open: (bits, from, to) => does('open', () => {
      const bytes = world.kept.get(bits)
      if (!bytes) throw new NotFound('The data of this image is not in its store.')
      return Readable.from([bytes.subarray(from, to + 1)], { objectMode: false })
    }),
    remove: (bits) => does('remove', () => {
      world.partial.delete(bits)
      world.kept.delete(bits)
    }),
    list: () => does('list', (): StoredBits[] => [
      ...[...world.kept].map(([bits, bytes]) => ({ bits, sizeBytes: bytes.length, partial: false })),
      ...[...world.partial].map(([bits, bytes]) => ({ bits, sizeBytes: bytes.length, partial: true })),
    ]),
  }
}
