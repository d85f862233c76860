// Work on one volume happens one after the other, and only for the lease that holds its operation.
import type { Database } from '#core/db'
import { leaseOf } from '#core/operations'
import type { CinderTables } from '../db/tables.ts'
import { StaleLease } from '../model/errors.ts'

export interface Lease {
  readonly operation?: string
  readonly epoch?: number
}

export class VolumeTurns {
  readonly #database: Pick<Database<CinderTables>, 'read'>
  readonly #last = new Map<string, Promise<unknown>>()

  constructor(database: Pick<Database<CinderTables>, 'read'>) {
    this.#database = database
  }

  /** @throws StaleLease for what comes late: its operation has another holder by now, turned back, or is over */
  async take<T>(volumeId: string, lease: Lease, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(volumeId)
    const mine = (async () => {
      await before?.catch(() => {})
      await this.admit(lease)
      return work()
    })()
    this.#last.set(volumeId, mine)
    try {
      return await mine
    } finally {
      if (this.#last.get(volumeId) === mine) this.#last.delete(volumeId)
    }
  }

  /** @throws StaleLease */
  async admit({ operation, epoch }: Lease): Promise<void> {
    if (operation === undefined || epoch === undefined) return
    const held = await leaseOf(this.#database.read, operation)
    if (held !== epoch) throw new StaleLease('Another worker has taken over this operation, or it is over.', { operation, epoch, held })
  }
}
