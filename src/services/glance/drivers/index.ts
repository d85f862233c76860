// The store of this cloud: files; in the simulation, memory that outlives the role.
import { join } from 'node:path'
import type { Runtime } from '#core/service'
import type { ImageStore } from '../model/store.ts'
import { createFileStore } from './file/index.ts'
import { createMemoryStore, MemoryStoreWorld } from './memory/index.ts'

export function storeOf({ stage, dataDirectory }: Pick<Runtime, 'stage' | 'dataDirectory'>): ImageStore {
  if (!stage) return createFileStore(join(dataDirectory, 'images'))
  return createMemoryStore({
    world: stage.kept('glance', () => new MemoryStoreWorld()), before: (effect) => stage.before(`glance ${effect}`), after: (effect) => stage.after(`glance ${effect}`),
  })
}
