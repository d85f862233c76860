// Durable operations on a database of their own, for tests of what carries them out.
import type { TestContext } from 'node:test'
import { type Capabilities, type Clock, type RequestContext, systemClock, systemIds, systemRandom } from '#core/context'
import { type Database, openDatabase } from '#core/db'
import { silentLog } from '#core/observe'
import { createOperations, type Definition, operationMigration, type OperationTables } from '#core/operations'

export const systemCapabilities: Capabilities = { clock: systemClock, random: systemRandom, ids: systemIds, log: silentLog }

export const requestContext: RequestContext = {
  requestId: 'req-1', signal: new AbortController().signal, log: silentLog,
  identity: { userId: 'u', userName: 'u', userDomainId: 'default', userDomainName: 'Default', projectId: 'p', roles: ['member'] },
}

/** The service of the operations: what they did. */
export interface Bench {
  readonly events: string[]
}

export interface BenchOptions {
  /** Asked before each transaction of a worker: why it is refused. */
  readonly refuse?: () => Error | undefined
  readonly clock?: Clock
  /** How many operations work side by side. */
  readonly concurrency?: number
}

export const noRoom = new Error('database or disk is full')

/** Operations of one owner on a database in memory, as often as an incarnation is wanted, and their rows. The resource is `r`. */
export async function operationsBench(t: TestContext, definitions: readonly Definition<Bench>[], { refuse = () => undefined, clock = systemClock, concurrency }: BenchOptions = {}) {
  const database = await openDatabase<OperationTables>({ name: 'test', file: ':memory:', migrations: [operationMigration], clock: systemClock, log: silentLog })
  t.after(() => database.close())
  const transaction: Database<OperationTables>['transaction'] = (work, options) => {
    const refusal = refuse()
    return refusal ? Promise.reject(refusal) : database.transaction(work, options)
  }
  const make = () => createOperations<Bench>({
    database: { ...database, read: database.read, transaction }, definitions, capabilities: { ...systemCapabilities, clock }, owner: 'host/worker',
    ...(concurrency !== undefined && { concurrency }),
  })
  const begin = (operations: ReturnType<typeof make>, definition: Definition<Bench>, resourceId = 'r') =>
    database.transaction((tx) => operations.begin(tx, requestContext, definition, { resourceId, input: {} }))
  /** An incarnation that works until it is stopped, at the latest after the test. */
  const work = (events: string[] = []) => {
    const operations = make()
    const worker = operations.work({ events })
    t.after(() => worker.stop())
    return { operations, worker, events, settled: () => operations.settled('r', { signal: AbortSignal.timeout(20_000) }) }
  }
  /** The same, with an operation for it. */
  const start = async (definition: Definition<Bench>, events?: string[]) => {
    const working = work(events)
    return { ...working, id: await begin(working.operations, definition) }
  }
  const row = (id: string) => database.read.selectFrom('operations').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
  return { database, make, begin, work, start, row }
}
