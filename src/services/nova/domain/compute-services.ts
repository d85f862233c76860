// The services of nova and where they stand: listing, closing a host to new servers, declaring it dead, removing it.
import type { RequestContext } from '#core/context'
import { AppError, BadRequest, Conflict, NotFound } from '#core/errors'
import { forgetHost, zonesByHost } from '../db/aggregates.ts'
import { deleteService, findService, nodesOf, type Reference, updateService } from '../db/compute-hosts.ts'
import { listServices, type ServiceEntry } from '../db/hosts.ts'
import { removeProvider } from '../neighbours/placement-aggregates.ts'
import { type Nova, now } from './nova.ts'
import { isUp } from './service-status.ts'

export interface ServiceStatus {
  readonly service: ServiceEntry
  readonly zone: string
  readonly up: boolean
}

export interface ServiceChange {
  readonly disabled?: boolean
  readonly disabledReason?: string | null
  readonly forcedDown?: boolean
}

function statusOf(nova: Nova, zones: ReadonlyMap<string, string>, service: ServiceEntry): ServiceStatus {
  const { settings } = nova
  const zone = service.topic === 'compute' ? (zones.get(service.host) ?? settings.default_availability_zone) : settings.internal_service_availability_zone
  return { service, zone, up: isUp(nova, service) }
}

export async function allServices(nova: Nova): Promise<ServiceStatus[]> {
  const zones = await zonesByHost(nova.api.read)
  return (await listServices(nova.cells.cell1.read)).map((service) => statusOf(nova, zones, service))
}

/** By host and binary, as before 2.53. @throws NotFound, BadRequest for a service that is no compute service */
export async function changeServiceOn(nova: Nova, ctx: RequestContext, host: string, binary: string, change: ServiceChange): Promise<void> {
  requireCompute(binary)
  const service = await findService(nova.cells.cell1.read, { host, binary })
  if (!service) throw new NotFound(`Host '${host}' is not mapped to any cell`)
  await write(nova, ctx, service, change)
}

export async function changeService(nova: Nova, ctx: RequestContext, uuid: string, change: ServiceChange): Promise<ServiceStatus> {
  const cell = nova.cells.cell1
  const service = await findService(cell.read, { uuid })
  if (!service) throw new NotFound(`Service ${uuid} could not be found.`)
  requireCompute(service.binary)
  await write(nova, ctx, service, change)
  return statusOf(nova, await zonesByHost(nova.api.read, service.host), (await findService(cell.read, { uuid })) ?? service)
}

function requireCompute(binary: string): void {
  if (binary !== 'nova-compute') throw new BadRequest(`Updating a ${binary} service is not supported. Only nova-compute services can be updated.`)
}

async function write(nova: Nova, ctx: RequestContext, service: ServiceEntry, { disabled, disabledReason, forcedDown }: ServiceChange): Promise<void> {
  await nova.cells.cell1.transaction((tx) => updateService(tx, service.id, {
    ...(disabled !== undefined && { disabled: disabled ? 1 : 0, disabled_reason: disabled ? (disabledReason ?? null) : null }),
    ...(forcedDown !== undefined && { forced_down: forcedDown ? 1 : 0 }), updated_at: now(nova),
  }))
  await nova.scheduler.everyone().hostsChanged(ctx, {})
}

/** With a compute service go its nodes, its place in aggregates, and its providers in placement. @throws Conflict while its host carries servers */
export async function removeService(nova: Nova, ctx: RequestContext, by: Reference): Promise<void> {
  const cell = nova.cells.cell1
  const service = await findService(cell.read, by)
  if (!service) throw new NotFound(`Service ${'id' in by ? by.id : by.uuid} not found.`)
  const nodes = service.binary === 'nova-compute' ? await nodesOf(cell.read, service.host) : []
  const deleted = await cell.transaction((tx) => deleteService(tx, service))
  if (!deleted) throw new Conflict('Unable to delete compute service that is hosting instances. Migrate or delete the instances first.')
  if (service.binary === 'nova-compute') await nova.api.transaction((tx) => forgetHost(tx, service.host))
  await nova.scheduler.everyone().hostsChanged(ctx, {})
  for (const node of nodes) {
    try {
      await removeProvider(nova.runtime, ctx, node.uuid)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      ctx.log.error({ node: node.uuid, err: error }, 'the provider of a removed compute node could not be removed')
    }
  }
}
