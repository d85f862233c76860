// All durable operations of cinder.
import type { Definition } from '#core/operations'
import type { Cinder } from './cinder.ts'
import { connectOperation } from './attachments/connect.ts'
import { disconnectOperation } from './attachments/disconnect.ts'
import { createVolumeOperation } from './volumes/create.ts'
import { deleteVolumeOperation } from './volumes/delete.ts'
import { extendVolumeOperation } from './volumes/extend.ts'

export const operations: readonly Definition<Cinder>[] = [
  createVolumeOperation, deleteVolumeOperation, extendVolumeOperation, connectOperation, disconnectOperation,
]
