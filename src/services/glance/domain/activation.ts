// Deactivating an image, so that only administrators can have its data, and taking that back.
import type { RequestContext } from '#core/context'
import { transition } from '#core/db'
import { Forbidden } from '#core/errors'
import { imageMachine } from '../model/states.ts'
import { authorize, seeImage } from './access.ts'
import type { Glance } from './glance.ts'

export async function setActivation(glance: Glance, ctx: RequestContext, id: string, event: 'deactivate' | 'reactivate'): Promise<void> {
  await glance.database.transaction(async (tx) => {
    const seen = await seeImage(glance, tx, ctx, id)
    authorize(glance, ctx, event, seen)
    const moved = await transition(tx, imageMachine, {
      table: 'images', idColumn: 'id', statusColumn: 'status', id, event, set: { updated_at: glance.clock.now().toISOString() },
    })
    if (!moved) throw new Forbidden(`Not allowed to ${event} image in status '${seen.image.status}'`)
  })
}
