// All of nova's operations, by the database they live in.
import { buildServer } from './servers/build.ts'
import { removeServer } from './servers/delete.ts'
import type { Definitions } from './nova.ts'

export const operationDefinitions: Definitions = {
  api: [buildServer, removeServer],
  cell: [],
}
