// The answer of allocation candidates. It may name hundreds of providers, so its text is written directly.
import { type Handlers, PreparedJson } from '#core/http'
import type { Version } from '#core/spec'
import type { candidateRoutes } from '../contract/candidates.ts'
import { type Candidate, findCandidates } from '../domain/candidates.ts'
import type { Placement } from '../domain/change.ts'
import { capacityOf, type Provider } from '../model/providers.ts'
import { fresh } from './headers.ts'
import { type Query, readCandidateRequest } from './query.ts'

type RequestBody = { allocations: unknown; mappings?: Record<string, string[]> }

function viewRequest({ takings, mappings }: Candidate, version: Version): RequestBody {
  const byProvider: Record<string, { resources: Record<string, number> }> = {}
  for (const { provider, resourceClass, amount } of takings) (byProvider[provider.uuid] ??= { resources: {} }).resources[resourceClass] = amount
  if (!version.atLeast('1.12')) return { allocations: Object.entries(byProvider).map(([uuid, { resources }]) => ({ resource_provider: { uuid }, resources })) }
  if (!version.atLeast('1.34')) return { allocations: byProvider }
  return { allocations: byProvider, mappings: Object.fromEntries([...mappings].map(([suffix, providers]) => [suffix, [...providers]])) }
}

const traitTexts = new WeakMap<ReadonlySet<string>, string>()

function traitText(traits: ReadonlySet<string>): string {
  let text = traitTexts.get(traits)
  if (text === undefined) traitTexts.set(traits, (text = JSON.stringify([...traits])))
  return text
}

/** Names of classes and uuids need no escaping. */
function summaryText(provider: Provider, version: Version, requested: ReadonlySet<string>): string {
  const resources: string[] = []
  for (const [name, inventory] of provider.inventories) {
    if (!version.atLeast('1.27') && !requested.has(name)) continue
    resources.push(`"${name}":{"capacity":${Math.trunc(capacityOf(inventory))},"used":${provider.used.get(name) ?? 0}}`)
  }
  let text = `"${provider.uuid}":{"resources":{${resources.join(',')}}`
  if (version.atLeast('1.17')) text += `,"traits":${traitText(provider.traits)}`
  if (version.atLeast('1.29')) text += `,"parent_provider_uuid":${provider.parent === undefined ? 'null' : `"${provider.parent}"`},"root_provider_uuid":"${provider.root}"`
  return `${text}}`
}

export const candidateHandlers = (placement: Placement): Handlers<typeof candidateRoutes> => ({
  async listAllocationCandidates({ query, version }) {
    const request = readCandidateRequest(query as Query, version)
    const { candidates, providers } = findCandidates(await placement.view.current(), request)
    const requested = new Set(request.groups.flatMap((group) => [...group.resources.keys()]))
    const requests = candidates.map((candidate) => JSON.stringify(viewRequest(candidate, version)))
    const summaries = providers.map((provider) => summaryText(provider, version, requested))
    const text = `{"allocation_requests":[${requests.join(',')}],"provider_summaries":{${summaries.join(',')}}}`
    return { status: 200, headers: fresh(version, placement.clock.now()), body: new PreparedJson(text) as never }
  },
})
