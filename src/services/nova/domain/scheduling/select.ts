// Chooses a host for a server and claims there what it needs: placement offers, filters and weighers choose, the claim decides.
import type { RequestContext } from '#core/context'
import type { Runtime } from '#core/service'
import { mark, traced } from '#core/trace'
import type { NovaSettings } from '../../config.ts'
import type { Destination, PlacementRequest } from '../../model/server.ts'
import { type Candidates, claim, findCandidates, heldBy } from '../../neighbours/placement.ts'
import { noValidHost, type Part } from './explain.ts'
import { applyFilters, type Filtered } from './filters.ts'
import type { HostState } from './hosts.ts'
import { type Demand, demandOf } from './resources.ts'
import { rank } from './weighers.ts'

export interface Scheduling {
  readonly runtime: Runtime
  readonly settings: NovaSettings
  /** All hosts of the cloud, as they are now. */
  hosts(ctx: RequestContext): Promise<readonly HostState[]>
}

interface Offer {
  readonly host: HostState
  readonly room: { readonly vcpus: number; readonly ramMiB: number; readonly diskGiB: number }
  readonly allocations: Candidates['requests'][number]
}

/** @throws NoValidHost with what each filter left over, and by host as its cause */
export async function selectDestination(scheduling: Scheduling, ctx: RequestContext, request: PlacementRequest): Promise<Destination> {
  const { runtime } = scheduling
  mark(runtime.trace, runtime.clock, ctx, 9)
  const all = await scheduling.hosts(ctx)
  const forced = all.filter(({ host, node }) => host === request.forcedHost || node === request.forcedNode)
  const demand = demandOf(request)
  const candidates = await traced(runtime.trace, runtime.clock, ctx, 10,
    () => findCandidates(runtime, ctx, demand.resources, demand.required, forced[0]?.providerId),
    ({ requests }) => `${requests.length} of ${all.length} hosts have ${words(demand)}`)
  const destination = await traced(runtime.trace, runtime.clock, ctx, 11,
    () => choose(scheduling, ctx, request, all, forced, candidates, demand),
    ({ host, considered }) => `${considered.map(({ filter, left }) => `${filter} left ${left}`).join(', ')}; ${host} weighs most`)
  mark(runtime.trace, runtime.clock, ctx, 12)
  return destination
}

async function choose(scheduling: Scheduling, ctx: RequestContext, request: PlacementRequest, all: readonly HostState[], forced: readonly HostState[], candidates: Candidates, demand: Demand): Promise<Destination> {
  const { runtime, settings } = scheduling
  const before = request.ignoredHosts
  const wantsForced = request.forcedHost !== undefined || request.forcedNode !== undefined
  const withRoom = toOffers(all, candidates)
  const offers = withRoom.filter(({ host }) => !before.includes(host.host) && (!wantsForced || forced.includes(host)))
  const filtered: Filtered = request.pastFilters ? { hosts: offers.map(({ host }) => host), steps: [] } : applyFilters(settings.enabled_filters, offers.map(({ host }) => host), request)
  const considered = [{ filter: 'placement', left: offers.length }, ...filtered.steps]
  const left = rank(offers.filter(({ host }) => filtered.hosts.includes(host)), settings, request.group)
  for (const { host, allocations } of chooseFrom(left, settings.host_subset_size, runtime)) {
    if (await claimOnce(runtime, ctx, request, host, allocations)) return toDestination(host, considered)
  }
  // It may hold its place already: this was asked before, and the answer was lost.
  const held = await heldBy(runtime, ctx, request.serverId)
  const known = all.find(({ providerId, host }) => held.includes(providerId) && !before.includes(host))
  if (known) return toDestination(known, considered)
  const forcedName = request.forcedHost ?? request.forcedNode
  throw noValidHost({
    hosts: all.map(({ host }) => host), wanted: words(demand), withRoom: withRoom.map(({ host }) => host.host),
    parts: withRoom.length === 0 ? await roomForEach(runtime, ctx, all, demand) : [], triedBefore: before, filters: filtered.steps, lost: left.map(({ host }) => host.host),
    ...(forcedName !== undefined && { forced: forcedName }),
  })
}

/** Who could give each part of it alone: one more question to placement for each. */
async function roomForEach(runtime: Runtime, ctx: RequestContext, all: readonly HostState[], { resources, required }: Demand): Promise<Part[]> {
  const hostsFor = async (some: Demand['resources'], traits: readonly string[]) =>
    toOffers(all, await findCandidates(runtime, ctx, some, traits)).map(({ host }) => host.host)
  return Promise.all([
    ...Object.entries(resources).map(async ([name, amount]) => ({ what: `${name} ${amount}`, hosts: await hostsFor({ [name]: amount }, []) })),
    ...(required.length === 0 ? [] : [hostsFor({ VCPU: 1 }, required).then((hosts) => ({ what: `traits ${required.join(', ')}`, hosts }))]),
  ])
}

function words({ resources, required }: Demand): string {
  return [...Object.entries(resources).map(([name, amount]) => `${name} ${amount}`), ...(required.length === 0 ? [] : [`traits ${required.join(', ')}`])].join(', ')
}

async function claimOnce(runtime: Runtime, ctx: RequestContext, request: PlacementRequest, host: HostState, allocations: Offer['allocations']): Promise<boolean> {
  if (await claim(runtime, ctx, request, allocations)) return true
  return (await heldBy(runtime, ctx, request.serverId)).includes(host.providerId)
}

function toOffers(all: readonly HostState[], { requests, room }: Candidates): Offer[] {
  const byProvider = new Map(all.map((host) => [host.providerId, host]))
  const offers = new Map<string, Offer>()
  for (const allocations of requests) {
    const provider = Object.keys(allocations).find((id) => byProvider.has(id))
    const host = provider === undefined ? undefined : byProvider.get(provider)
    if (!host || provider === undefined || offers.has(host.host)) continue
    const free = room.get(provider) ?? {}
    offers.set(host.host, { host, allocations, room: { vcpus: free['VCPU'] ?? 0, ramMiB: free['MEMORY_MB'] ?? 0, diskGiB: free['DISK_GB'] ?? 0 } })
  }
  return [...offers.values()]
}

/** The best first, but one of the `subset` best at random before them. */
function chooseFrom<T>(ranked: readonly T[], subset: number, { random }: Pick<Runtime, 'random'>): readonly T[] {
  if (subset < 2 || ranked.length < 2) return ranked
  const at = random.integer(Math.min(subset, ranked.length))
  const chosen = ranked[at]
  return chosen === undefined ? ranked : [chosen, ...ranked.filter((_each, index) => index !== at)]
}

function toDestination(host: HostState, considered: readonly { filter: string; left: number }[]): Destination {
  return { host: host.host, node: host.node, providerId: host.providerId, zone: host.zone, considered: considered.map(({ filter, left }) => ({ filter, left })) }
}
