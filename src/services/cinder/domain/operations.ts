// All durable operations of cinder.
import type { Definition } from '#core/operations'
import type { Cinder } from './cinder.ts'
import { createVolumeOperation } from './volumes/create.ts'
import { deleteVolumeOperation } from './volumes/delete.ts'

export const operations: readonly Definition<Cinder>[] = [createVolumeOperation, deleteVolumeOperation]
