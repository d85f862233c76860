// Accepts a request for servers: everything it names is checked side by side, then one transaction counts the quota and
// writes request, mapping and operation. The build itself is the operation.
import type { RequestContext } from '#core/context'
import { BadRequest, Forbidden } from '#core/errors'
import { mark, markTokenCheck, traced } from '#core/trace'
import { insertBuildRequests, type ServerPlan } from '../../../db/build-requests.ts'
import { listComputeNodes } from '../../../db/hosts.ts'
import { findKeypair } from '../../../db/keypairs.ts'
import { findFlavor } from '../../../db/flavor-lookup.ts'
import { OverQuota } from '../../../model/errors.ts'
import type { FlavorSnapshot, InjectedFile } from '../../../model/server.ts'
import { listHosts } from '../../hosts.ts'
import { projectLimits } from '../../limits.ts'
import { type Nova, ring } from '../../nova.ts'
import { readQuery } from '../../scheduling/json-query.ts'
import { buildServer } from '../build.ts'
import { checkDevices, checkFlavorForImage } from './devices.ts'
import { resolveNetworks, resolveSecurityGroups } from './networks.ts'
import { newReservation, placementRequest, planServer, type Resolved } from './plan.ts'
import { allowedCount } from './quota.ts'
import { joinGroup } from './group.ts'
import type { NewServers } from './request.ts'

export interface Accepted {
  readonly plans: readonly ServerPlan[]
  readonly reservation: string
}

export async function createServers(nova: Nova, ctx: RequestContext, request: NewServers): Promise<Accepted> {
  const resolved = await resolve(nova, ctx, request)
  const { runtime, settings } = nova
  const reservation = newReservation(nova)
  const projectId = ctx.identity.projectId ?? ''
  const startedAt = runtime.clock.now().getTime()
  const started = runtime.clock.monotonic()
  const accepted = await nova.api.transaction(async (tx) => {
    const count = await allowedCount(tx, settings, { projectId, userId: ctx.identity.userId }, resolved.flavor, { min: request.minCount, max: request.maxCount })
    // The name gets a number when several were asked for, even if the quota leaves room for one only.
    const plans = Array.from({ length: count }, (_each, index) => planServer(nova, ctx, request, resolved, reservation, { index, count: request.maxCount }))
    if (request.groupId !== undefined) await joinGroup(nova, tx, ctx, request.groupId, plans.map(({ instance }) => instance.uuid))
    await insertBuildRequests(tx, plans, plans.map((plan) => placementRequest(request, resolved, plan)))
    const traces: RequestContext[] = []
    for (const { instance } of plans) {
      const own: RequestContext = { ...ctx, traceId: runtime.ids.uuid() }
      traces.push(own)
      await nova.operations.api.begin(tx, own, buildServer, { resourceId: instance.uuid, input: { serverId: instance.uuid }, projectId, deadlineSeconds: settings.build_timeout })
    }
    return { plans, traces }
  })
  accepted.plans.forEach((plan, at) => beginTrace(nova, accepted.traces[at] ?? ctx, plan, { startedAt, durationMs: runtime.clock.monotonic() - started }))
  const [first = ctx] = accepted.traces
  await traced(runtime.trace, runtime.clock, first, 8, () => ring(nova, ctx, 'api'))
  for (const other of accepted.traces.slice(1)) mark(runtime.trace, runtime.clock, other, 8)
  return { plans: accepted.plans, reservation }
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
  checkMetadata(nova, request)
  await checkFiles(nova, identity.projectId ?? '', request.files)
  if (request.hints?.query !== undefined && nova.settings.enabled_filters.includes('JsonFilter')) readQuery(request.hints.query)
  await checkPlace(nova, request)
  const [disks, networks, securityGroups, key] = await Promise.all([
    checkDevices(nova, ctx, request, flavor),
    resolveNetworks(nova, ctx, request.networks, request.maxCount),
    resolveSecurityGroups(nova, ctx, request.securityGroups),
    findKey(nova, ctx, request.keyName),
  ])
  const rootOnVolume = disks.devices.some(({ bootIndex, destination }) => bootIndex === 0 && destination === 'volume')
  if (disks.image) checkFlavorForImage(flavor, disks.image, rootOnVolume)
  checkZeroDisk(nova, ctx, flavor, rootOnVolume)
  return {
    flavor, devices: disks.devices, networks, securityGroups, ...(key && { key }),
    ...(disks.image && { image: disks.image }), ...(disks.bootVolume && { volumeImage: disks.bootVolume.imageProperties }),
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

function checkMetadata({ settings }: Nova, { metadata }: NewServers): void {
  const limit = settings.quota_metadata_items
  if (limit >= 0 && Object.keys(metadata).length > limit) throw new Forbidden(`Maximum number of metadata items exceeds ${limit}`)
}

/** Paths are judged before contents, and both as they were given: base64 (nova/compute/api.py, _check_injected_file_quota). */
async function checkFiles(nova: Nova, projectId: string, files: readonly InjectedFile[]): Promise<void> {
  if (files.length === 0) return
  const limits = await projectLimits(nova, projectId)
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
