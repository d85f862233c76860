// Every create of neutron's: all that a request asks for or nothing, in one transaction, and once for one idempotency key.
import type { RequestContext } from '#core/context'
import { Conflict } from '#core/errors'
import { once } from '#core/operations'
import type { Tx } from '../db/networks.ts'
import type { Neutron } from './neutron.ts'

/** What is kept as a row with what belongs to it. */
interface Kept {
  readonly row: { readonly id: string }
}

interface Making<Body, Made> {
  /** One of what the request asks for. */
  make(tx: Tx, body: Body, at: number): Promise<Made>
  /** The same when the request is repeated: as it is now. */
  find(tx: Tx, id: string): Promise<Made | undefined>
  /** What follows once all are there. */
  after?(tx: Tx, made: readonly Made[]): Promise<void>
}

/** @throws Conflict when the request is repeated and something that it made has been deleted meanwhile */
export async function createOnce<Body, Made extends Kept>(neutron: Neutron, ctx: RequestContext, bodies: readonly Body[], { make, find, after }: Making<Body, Made>): Promise<Made[]> {
  return neutron.database.transaction(async (tx) => {
    const made: Made[] = []
    const { value: ids, repeated } = await once(tx, ctx, neutron, async () => {
      for (const [at, body] of bodies.entries()) made.push(await make(tx, body, at))
      await after?.(tx, made)
      return made.map(({ row }) => row.id)
    })
    if (!repeated) return made
    const present: Made[] = []
    for (const id of ids) {
      const found = await find(tx, id)
      if (found === undefined) throw new Conflict(`What this request made the first time is gone: ${id}.`)
      present.push(found)
    }
    return present
  })
}

