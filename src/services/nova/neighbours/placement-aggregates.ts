// Telling placement which of its aggregates a host's provider belongs to, and when the host is gone.
import { providerRoutes } from '#contract/placement'
import { client } from '#core/client'
import type { RequestContext } from '#core/context'
import { AppError } from '#core/errors'
import { asService, type Runtime } from '#core/service'
import { unlessAbsent } from './absent.ts'

type Access = Pick<Runtime, 'credentials' | 'services'>
type Asker = Pick<RequestContext, 'requestId' | 'traceId' | 'signal'>

const version = '1.36'
const attempts = 3

/** Put a provider into an aggregate or take it out; repeating it changes nothing. A provider that is not known stays so. */
export async function mirrorMembership(runtime: Access, ctx: Asker, providerId: string, aggregate: string, member: boolean): Promise<void> {
  const providers = client(providerRoutes, runtime.services.placement, { ...(await asService(runtime, ctx)), version })
  for (let attempt = 1; ; attempt++) {
    const known = await unlessAbsent(providers.listProviderAggregates({ params: { uuid: providerId } }))
    if (!known) return
    const { aggregates, resource_provider_generation: generation = 0 } = known.body
    if (aggregates.includes(aggregate) === member) return
    const wanted = member ? [...aggregates, aggregate] : aggregates.filter((each) => each !== aggregate)
    try {
      await providers.replaceProviderAggregates({ params: { uuid: providerId }, body: { aggregates: wanted, resource_provider_generation: generation } })
      return
    } catch (error) {
      // Somebody else changed the provider meanwhile.
      if (!(error instanceof AppError) || error.status !== 409 || attempt === attempts) throw error
    }
  }
}

export async function removeProvider(runtime: Access, ctx: Asker, providerId: string): Promise<void> {
  await unlessAbsent(client(providerRoutes, runtime.services.placement, { ...(await asService(runtime, ctx)), version }).deleteProvider({ params: { uuid: providerId } }))
}
