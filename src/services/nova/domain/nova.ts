// What nova's domain works with: the runtime, the settings, the databases, the operations, and the other parts of nova.
import type { RequestContext } from '#core/context'
import { createOperations, type Definition, type Operations } from '#core/operations'
import type { Policy } from '#core/policy'
import { type RpcClient, rpcClient } from '#core/rpc'
import type { Runtime } from '#core/service'
import { computeRpc } from '../contract/compute-rpc.ts'
import { conductorRpc } from '../contract/conductor-rpc.ts'
import { schedulerRpc } from '../contract/scheduler-rpc.ts'
import type { NovaSettings } from '../config.ts'
import type { Databases } from '../db/open.ts'

export interface Nova extends Databases {
  readonly runtime: Runtime
  /** Monotonic: since when this part runs. */
  readonly startedAt: number
  readonly settings: NovaSettings
  readonly policy: Policy
  /** Builds and deletions live in the API database, all else in the cell. */
  readonly operations: { readonly api: Operations<Nova>; readonly cell: Operations<Nova> }
  readonly conductor: RpcClient<typeof conductorRpc>
  readonly scheduler: RpcClient<typeof schedulerRpc>
  readonly compute: RpcClient<typeof computeRpc>
}

export interface Definitions {
  readonly api: readonly Definition<Nova>[]
  readonly cell: readonly Definition<Nova>[]
}

export function createNova(runtime: Runtime, settings: NovaSettings, policy: Policy, databases: Databases, definitions: Definitions, role: string): Nova {
  const owner = `${runtime.host}/${role}`
  return {
    runtime, startedAt: runtime.clock.monotonic(), settings, policy, ...databases,
    operations: {
      api: createOperations<Nova>({ database: databases.api, definitions: definitions.api, capabilities: runtime, owner, concurrency: 128 }),
      cell: createOperations<Nova>({ database: databases.cells.cell1, definitions: definitions.cell, capabilities: runtime, owner }),
    },
    conductor: rpcClient(runtime.bus, runtime, conductorRpc),
    scheduler: rpcClient(runtime.bus, runtime, schedulerRpc),
    compute: rpcClient(runtime.bus, runtime, computeRpc),
  }
}

export function now(nova: Pick<Nova, 'runtime'>): string {
  return nova.runtime.clock.now().toISOString()
}

/** Let the conductors know of operations that were begun or called off. When none listens, their slow poll finds them. */
export async function ring(nova: Pick<Nova, 'conductor'>, ctx: RequestContext, database: 'api' | 'cell', cancelled: readonly string[] = []): Promise<void> {
  await nova.conductor.everyone().operationsChanged(ctx, { database, cancelled: [...cancelled] })
}
