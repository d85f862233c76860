// What is gone is refused without a look at the request.
import { errorClass } from '#core/errors'
import type { Handlers } from '#core/http'
import { removedRoutes } from '../contract/removed.ts'

const Gone = errorClass('Gone', 410, 'nova.gone')

async function gone(): Promise<never> {
  throw new Gone('This resource is no longer available.  No forwarding address is given.')
}

export const removedHandlers: Handlers<typeof removedRoutes> = Object.fromEntries(Object.keys(removedRoutes.routes).map((name) => [name, gone]))
