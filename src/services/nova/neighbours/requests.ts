// Taking back what nova asked of a neighbour and heard no answer to: it may still be on its way.
import { client } from '#core/client'
import type { RequestContext } from '#core/context'
import { requestRoutes } from '#core/events'
import { asService, type Runtime } from '#core/service'

/**
 * From now on the create with this key has no effect, however late it comes. Idempotent.
 *
 * @returns what it made, if it came before
 */
export async function takeBackCreate(runtime: Pick<Runtime, 'credentials' | 'services'>, ctx: RequestContext, service: 'neutron' | 'cinder', key: string): Promise<unknown> {
  const { name, transport, origin } = runtime.services[service]
  const caller = { ...(await asService(runtime, ctx)), idempotencyKey: key }
  return (await client(requestRoutes, { name, transport, origin, prefix: '/v1' }, caller).takeBackRequest({})).body.made
}
