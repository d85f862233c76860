// Host aggregates: which hosts belong together, and the availability zone that an aggregate gives them. A host has one
// zone at most, and the zone of a host with servers does not change.
import type { RequestContext } from '#core/context'
import { type Db, isUniqueViolation } from '#core/db'
import { AppError, BadRequest, Conflict, NotFound } from '#core/errors'
import {
  addHost, deleteAggregate, findAggregate, insertAggregate, listAggregates, mergeMetadata, removeHost, updateAggregate, zonesByHost,
} from '../db/aggregates.ts'
import type { ApiTables } from '../db/api-tables.ts'
import { countServersOn, findService, nodesOf } from '../db/compute-hosts.ts'
import { type Aggregate, zoneKey } from '../model/aggregate.ts'
import { mirrorMembership } from '../neighbours/placement-aggregates.ts'
import { type Nova, now } from './nova.ts'

export async function allAggregates(nova: Nova): Promise<Aggregate[]> {
  return listAggregates(nova.api.read)
}

/** @throws NotFound */
export async function showAggregate(nova: Nova, id: number, db: Db<ApiTables> = nova.api.read): Promise<Aggregate> {
  const aggregate = await findAggregate(db, id)
  if (!aggregate) throw new NotFound(`Aggregate ${id} could not be found.`)
  return aggregate
}

export async function createAggregate(nova: Nova, ctx: RequestContext, name: string, zone: string | null): Promise<Aggregate> {
  const id = await named(name, () => nova.api.transaction(async (tx) => {
    const made = await insertAggregate(tx, { uuid: nova.runtime.ids.uuid(), name }, now(nova))
    if (zone !== null) await mergeMetadata(tx, made, { [zoneKey]: zone })
    return made
  }))
  await announce(nova, ctx)
  return showAggregate(nova, id)
}

export interface AggregateChange {
  readonly name?: string
  readonly zone?: string | null
}

export async function changeAggregate(nova: Nova, ctx: RequestContext, id: number, { name, zone }: AggregateChange): Promise<Aggregate> {
  const aggregate = await showAggregate(nova, id)
  const what = 'update'
  if (zone !== undefined) await refuseServersChangingZone(nova, aggregate, zone, what)
  await named(name ?? aggregate.name, () => nova.api.transaction(async (tx) => {
    if (zone !== undefined) {
      await refuseSecondZone(nova, tx, aggregate, aggregate.hosts, zone, what)
      await mergeMetadata(tx, id, { [zoneKey]: zone })
    }
    await updateAggregate(tx, id, { ...(name !== undefined && { name }), updated_at: now(nova) })
  }))
  await announce(nova, ctx)
  return showAggregate(nova, id)
}

/** What has no value is removed, what is not named stays. */
export async function setAggregateMetadata(nova: Nova, ctx: RequestContext, id: number, metadata: Readonly<Record<string, string | null>>): Promise<Aggregate> {
  const aggregate = await showAggregate(nova, id)
  const zone = metadata[zoneKey]
  const what = 'update metadata of'
  if (zone !== undefined) await refuseServersChangingZone(nova, aggregate, zone, what)
  await nova.api.transaction(async (tx) => {
    if (zone !== undefined) await refuseSecondZone(nova, tx, aggregate, aggregate.hosts, zone, what)
    await mergeMetadata(tx, id, metadata)
    await updateAggregate(tx, id, { updated_at: now(nova) })
  })
  await announce(nova, ctx)
  return showAggregate(nova, id)
}

export async function removeAggregate(nova: Nova, ctx: RequestContext, id: number): Promise<void> {
  await nova.api.transaction(async (tx) => {
    const { hosts } = await showAggregate(nova, id, tx)
    if (hosts.length > 0) throw new BadRequest(`Cannot remove host from aggregate ${id}. Reason: Host aggregate is not empty.`)
    await deleteAggregate(tx, id)
  })
  await announce(nova, ctx)
}

export async function addAggregateHost(nova: Nova, ctx: RequestContext, id: number, host: string): Promise<Aggregate> {
  const service = await findService(nova.cells.cell1.read, { host, binary: 'nova-compute' })
  if (!service) throw new NotFound(`Compute host ${host} could not be found.`)
  const servers = await countServersOn(nova.cells.cell1.read, [host])
  await nova.api.transaction(async (tx) => {
    const aggregate = await showAggregate(nova, id, tx)
    if (aggregate.hosts.includes(host)) throw new Conflict(`Aggregate ${id} already has host ${host}.`)
    const zone = aggregate.metadata[zoneKey]
    if (zone !== undefined) {
      await refuseSecondZone(nova, tx, aggregate, [host], zone, 'add host to')
      const before = (await zonesByHost(tx, host)).get(host)
      if (servers > 0 && before !== zone) throw new Conflict(`Cannot add host to aggregate ${id}. Reason: ${moving('added to', before, zone, servers)}.`)
    }
    await addHost(tx, id, host)
    await updateAggregate(tx, id, { updated_at: now(nova) })
  })
  await announce(nova, ctx)
  const aggregate = await showAggregate(nova, id)
  await mirror(nova, ctx, aggregate, host, true)
  return aggregate
}

export async function removeAggregateHost(nova: Nova, ctx: RequestContext, id: number, host: string): Promise<Aggregate> {
  const servers = await countServersOn(nova.cells.cell1.read, [host])
  await nova.api.transaction(async (tx) => {
    const aggregate = await findAggregate(tx, id)
    if (!aggregate?.hosts.includes(host)) throw new NotFound(`Cannot remove host ${host} in aggregate ${id}`)
    const zone = aggregate.metadata[zoneKey]
    await removeHost(tx, id, host)
    const after = (await zonesByHost(tx, host)).get(host)
    if (servers > 0 && zone !== undefined && after !== zone) {
      throw new Conflict(`Cannot remove host from aggregate ${id}. Reason: ${moving('removed from', zone, after, servers)}.`)
    }
    await updateAggregate(tx, id, { updated_at: now(nova) })
  })
  await announce(nova, ctx)
  const aggregate = await showAggregate(nova, id)
  await mirror(nova, ctx, aggregate, host, false)
  return aggregate
}

async function named<T>(name: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    if (isUniqueViolation(error, 'name')) throw new Conflict(`Aggregate ${name} already exists.`, {}, error)
    throw error
  }
}

function moving(how: string, before: string | undefined, after: string | undefined, servers: number): string {
  const quoted = (zone: string | undefined) => (zone === undefined ? 'None' : `'${zone}'`)
  return `The host cannot be ${how} the aggregate as its availability zone would change from ${quoted(before)} to ${quoted(after)} `
    + `but the host already has ${servers} instance(s). Move the instances away from this host then try again`
}

/** @throws BadRequest for an empty zone, or when other aggregates put one of the hosts in another zone; Conflict when a host is being added */
async function refuseSecondZone(nova: Nova, tx: Db<ApiTables>, aggregate: Aggregate, hosts: readonly string[], zone: string | null, what: string): Promise<void> {
  const refuse = (reason: string) => {
    const message = `Cannot ${what} aggregate ${aggregate.id}. Reason: ${reason}.`
    return what === 'add host to' ? new Conflict(message) : new BadRequest(message)
  }
  if (zone === null || zone === '') throw refuse(`Aggregate ${aggregate.name} does not support empty named availability zone`)
  const others = (await listAggregates(tx)).filter(({ id, metadata, hosts: theirs }) =>
    id !== aggregate.id && metadata[zoneKey] !== undefined && metadata[zoneKey] !== zone && theirs.some((host) => hosts.includes(host)))
  if (others.length > 0) throw refuse(`One or more hosts already in availability zone(s) ${[...new Set(others.map(({ metadata }) => metadata[zoneKey]))].join(', ')}`)
}

async function refuseServersChangingZone(nova: Nova, aggregate: Aggregate, zone: string | null, what: string): Promise<void> {
  if (aggregate.metadata[zoneKey] === zone) return
  if (await countServersOn(nova.cells.cell1.read, aggregate.hosts) === 0) return
  throw new BadRequest(`Cannot ${what} aggregate ${aggregate.id}. Reason: One or more hosts contain instances in this zone.`)
}

async function announce(nova: Nova, ctx: RequestContext): Promise<void> {
  await nova.scheduler.everyone().hostsChanged(ctx, {})
}

/** Placement's own aggregates follow; a failure is logged and not the caller's, as upstream. */
async function mirror(nova: Nova, ctx: RequestContext, aggregate: Aggregate, host: string, member: boolean): Promise<void> {
  try {
    for (const node of await nodesOf(nova.cells.cell1.read, host)) await mirrorMembership(nova.runtime, ctx, node.uuid, aggregate.uuid, member)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    ctx.log.warn({ aggregate: aggregate.uuid, host, err: error }, 'placement did not follow a change of an aggregate')
  }
}
