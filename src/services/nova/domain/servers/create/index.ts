// Accepts a request for servers: everything it names is checked side by side, then one transaction counts the quota and
// writes request, mapping and operation. The build itself is the operation.
import type { RequestContext } from '#core/context'
import { BadRequest, Conflict, Forbidden } from '#core/errors'
import { answeredBefore, once } from '#core/operations'
import { mark, markTokenCheck, traced } from '#core/trace'
import { insertBuildRequests, keptServers, type ServerPlan } from '../../../db/build-requests.ts'
import { listComputeNodes } from '../../../db/hosts.ts'
import { findKeypair } from '../../../db/keypairs.ts'
import { findFlavor } from '../../../db/flavor-lookup.ts'
import { FixedIpAlreadyInUse, NetworkNotFound, OverQuota, PortNotFound } from '../../../model/errors.ts'
import type { FlavorSnapshot, InjectedFile } from '../../../model/server.ts'
import { listHosts } from '../../hosts.ts'
import { requestLimits } from '../../limits.ts'
import { type Nova, ring } from '../../nova.ts'
import { readQuery } from '../../scheduling/json-query.ts'
import { buildServer } from '../build.ts'
import { checkItemCount } from '../metadata.ts'
import { checkDevices, checkFlavorForImage } from './devices.ts'
import { countWithPorts, resolveNetworks, resolveSecurityGroups } from './networks.ts'
import { newReservation, placementRequest, planServer, type Resolved } from './plan.ts'
import { allowedCount } from './quota.ts'
import { joinGroup } from './group.ts'
import type { NewServers } from './request.ts'

/** What the answer says of the first server; a repeat of the request is answered the same. */
export interface Accepted {
  readonly serverIds: readonly string[]
  readonly autoDiskConfig: boolean
  readonly reservation: string
}

/** @throws Conflict when the request is repeated and the server that it made is gone */
export async function createServers(nova: Nova, ctx: RequestContext, request: NewServers): Promise<Accepted> {
  // A port or a volume that was free the first time is this server's own by now.
  const before = await answeredBefore<Accepted>(nova.api.read, ctx)
  if (before) return stillThere(nova, before.value)
  // Before all that is asked for each network.
  const most = await countWithPorts(nova, ctx, request)
  const resolved = await resolve(nova, ctx, request)
  const { runtime, settings } = nova
  const reservation = newReservation(nova)
  const projectId = ctx.identity.projectId ?? ''
  const startedAt = runtime.clock.now().getTime()
  const started = runtime.clock.monotonic()
  const traces: RequestContext[] = []
  let plans: readonly ServerPlan[] = []
  const { value: accepted, repeated } = await nova.api.transaction((tx) => once(tx, ctx, runtime, async (): Promise<Accepted> => {
    const count = await allowedCount(tx, settings, { projectId, userId: ctx.identity.userId }, resolved.flavor, { min: request.minCount, max: most })
    // A transaction that met another is run again from here.
    traces.length = 0
    // The name gets a number when several were asked for, even if the quota leaves room for one only.
    plans = Array.from({ length: count }, (_each, index) => planServer(nova, ctx, request, resolved, reservation, { index, count: request.maxCount }))
    if (request.groupId !== undefined) await joinGroup(nova, tx, ctx, request.groupId, plans.map(({ instance }) => instance.uuid))
    await insertBuildRequests(tx, plans, plans.map((plan) => placementRequest(request, resolved, plan)))
    for (const { instance } of plans) {
      const own: RequestContext = { ...ctx, traceId: runtime.ids.uuid() }
      traces.push(own)
      await nova.operations.api.begin(tx, own, buildServer, { resourceId: instance.uuid, input: { serverId: instance.uuid }, projectId, deadlineSeconds: settings.build_timeout })
    }
    return { serverIds: plans.map(({ instance }) => instance.uuid), autoDiskConfig: plans[0]?.instance.auto_disk_config === 1, reservation }
  }))
  if (repeated) return stillThere(nova, accepted)
  plans.forEach((plan, at) => beginTrace(nova, traces[at] ?? ctx, plan, { startedAt, durationMs: runtime.clock.monotonic() - started }))
  const [first = ctx] = traces
  await traced(runtime.trace, runtime.clock, first, 8, () => ring(nova, ctx, 'api'))
  for (const other of traces.slice(1)) mark(runtime.trace, runtime.clock, other, 8)
  return accepted
}

async function stillThere(nova: Nova, accepted: Accepted): Promise<Accepted> {
  const there = await keptServers(nova.api.read, accepted.serverIds)
  const gone = accepted.serverIds.filter((id) => !there.includes(id))
  if (gone.length > 0) throw new Conflict(`What this request made the first time is gone: ${gone.join(', ')}.`)
  return accepted
}

function beginTrace({ runtime: { trace, clock } }: Nova, ctx: RequestContext, { instance }: ServerPlan, stored: { startedAt: number; durationMs: number }): void {
  const { traceId, arrival } = ctx
  if (traceId === undefined) return
  const receivedAt = arrival?.receivedAt ?? stored.startedAt
  trace.begin({
    traceId, serverId: instance.uuid, name: instance.display_name, projectId: instance.project_id, startedAt: receivedAt,
    ...(ctx.identity.auditId !== undefined && { auditId: ctx.identity.auditId }),
  })
  trace.record({ traceId, step: 3, outcome: 'done', startedAt: receivedAt, durationMs: 0 })
  markTokenCheck(trace, ctx, 4, 5)
  trace.record({ traceId, step: 6, outcome: 'done', ...stored })
  mark(trace, clock, ctx, 7)
}

async function resolve(nova: Nova, ctx: RequestContext, request: NewServers): Promise<Resolved> {
  const { identity } = ctx
  const flavor = await findFlavor(nova.api.read, request.flavorId, identity.projectId, identity.roles.includes('admin'))
  if (!flavor) throw new BadRequest(`Flavor ${request.flavorId} could not be found.`)
  await checkItemCount(nova, ctx, request.metadata)
  await checkFiles(nova, ctx, request.files)
  if (request.hints?.query !== undefined && nova.settings.enabled_filters.includes('JsonFilter')) readQuery(request.hints.query)
  await checkPlace(nova, request)
  const [disks, networks, securityGroups, key] = await Promise.all([
    checkDevices(nova, ctx, request, flavor),
    namedNetworks(nova, ctx, request),
    resolveSecurityGroups(nova, ctx, request.securityGroups),
    findKey(nova, ctx, request.keyName),
  ])
  const root = disks.devices.find(({ bootIndex }) => bootIndex === 0)
  if (disks.image) checkFlavorForImage(flavor, disks.image, root)
  checkZeroDisk(nova, ctx, flavor, root?.destination === 'volume')
  return {
    flavor, devices: disks.devices, networks, securityGroups, ...(key && { key }),
    ...(disks.image && { image: disks.image }), ...(disks.bootVolume && { volumeImage: disks.bootVolume.imageProperties }),
  }
}

/** The server is what is asked for: of networks that it cannot have the request is to blame. */
async function namedNetworks(nova: Nova, ctx: RequestContext, { networks, maxCount }: NewServers): Promise<Resolved['networks']> {
  try {
    return await resolveNetworks(nova, ctx, networks, maxCount)
  } catch (error) {
    const named = error instanceof NetworkNotFound || error instanceof PortNotFound || error instanceof FixedIpAlreadyInUse
    throw named ? new BadRequest(error.message, {}, error) : error
  }
}

function checkZeroDisk(nova: Nova, { identity }: RequestContext, flavor: FlavorSnapshot, rootOnVolume: boolean): void {
  if (rootOnVolume || flavor.rootGiB > 0) return
  if (!nova.policy.allows('os_compute_api:servers:create:zero_disk_flavor', identity, { project_id: identity.projectId })) {
    throw new Forbidden('Only volume-backed servers are allowed for flavors with zero disk.')
  }
}

async function checkPlace(nova: Nova, { zone, forcedHost, forcedNode, wished }: NewServers): Promise<void> {
  if (zone !== undefined && !(await availableZones(nova)).includes(zone)) throw new BadRequest('The requested availability zone is not available')
  if (!wished) return
  const nodes = await listComputeNodes(nova.cells.cell1.read)
  const found = nodes.some(({ host, hypervisor_hostname: node }) => (forcedHost === undefined || host === forcedHost) && (forcedNode === undefined || node === forcedNode))
  if (!found) throw new BadRequest(`Compute host ${forcedHost ?? forcedNode ?? ''} could not be found.`)
}

/** Zones with a host that takes servers now. */
async function availableZones(nova: Nova): Promise<readonly string[]> {
  return (await listHosts(nova)).filter(({ enabled, up }) => enabled && up).map(({ zone }) => zone)
}

/** Paths are judged before contents, and both as they were given: base64 (nova/compute/api.py, _check_injected_file_quota). */
async function checkFiles(nova: Nova, { identity }: RequestContext, files: readonly InjectedFile[]): Promise<void> {
  if (files.length === 0) return
  const limits = await requestLimits(nova, identity.projectId ?? '', identity.userId)
  const longest = (lengths: readonly number[], limit: number) => limit >= 0 && Math.max(...lengths) > limit
  if (limits.injected_files >= 0 && files.length > limits.injected_files) throw new OverQuota('Personality file limit exceeded')
  if (longest(files.map(({ path }) => path.length), limits.injected_file_path_bytes)) throw new OverQuota(`Personality file path exceeds maximum ${limits.injected_file_path_bytes}`)
  if (longest(files.map(({ contents }) => contents.length), limits.injected_file_content_bytes)) throw new OverQuota(`Personality file content exceeds maximum ${limits.injected_file_content_bytes}`)
}

async function findKey(nova: Nova, { identity }: RequestContext, name: string | undefined): Promise<Resolved['key']> {
  if (name === undefined) return undefined
  const found = await findKeypair(nova.api.read, identity.userId, name)
  if (!found) throw new BadRequest('Invalid key_name provided.')
  return { name: found.name, publicKey: found.publicKey, type: found.type }
}
