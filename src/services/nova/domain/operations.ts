// All of nova's operations, by the database they live in.
import { buildServer } from './servers/build.ts'
import { removeServer } from './servers/delete.ts'
import type { Definitions } from './nova.ts'
import { addFixedIpOperation, removeFixedIpOperation } from './servers/fixed-addresses.ts'
import { attachInterfaceOperation, detachInterfaceOperation } from './servers/interfaces.ts'
import { loseInterfaceOperation } from './servers/port-deleted.ts'
import { rebootOperation, startOperation, stopOperation } from './servers/power.ts'
import { extendVolumeOperation } from './servers/volume-extended.ts'
import { attachVolumeOperation, detachVolumeOperation } from './servers/volumes.ts'

export const operationDefinitions: Definitions = {
  api: [buildServer, removeServer],
  cell: [
    startOperation, stopOperation, rebootOperation, attachVolumeOperation, detachVolumeOperation, extendVolumeOperation, attachInterfaceOperation, detachInterfaceOperation, loseInterfaceOperation,
    addFixedIpOperation, removeFixedIpOperation,
  ],
}
