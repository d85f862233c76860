// Handlers and views of host aggregates.
import { BadRequest } from '#core/errors'
import type { Handlers } from '#core/http'
import type { Version } from '#core/spec'
import type { AggregateBody, aggregateRoutes } from '../contract/aggregates.ts'
import {
  addAggregateHost, allAggregates, changeAggregate, createAggregate, removeAggregate, removeAggregateHost, setAggregateMetadata, showAggregate,
} from '../domain/aggregates.ts'
import type { Nova } from '../domain/nova.ts'
import { type Aggregate, zoneKey } from '../model/aggregate.ts'
import { microseconds, rowNumber } from './values.ts'

export const aggregateHandlers = (nova: Nova): Handlers<typeof aggregateRoutes> => ({
  async listAggregates({ version }) {
    return { status: 200, body: { aggregates: (await allAggregates(nova)).map((aggregate) => viewAggregate(aggregate, version)) } }
  },
  async createAggregate({ ctx, body, version }) {
    const { name, availability_zone: zone = null } = body.aggregate
    const { hosts: _hosts, metadata: _metadata, ...aggregate } = viewAggregate(await createAggregate(nova, ctx, name.trim(), zone), version)
    return { status: 200, body: { aggregate } }
  },
  async showAggregate({ params, version }) {
    return { status: 200, body: { aggregate: viewAggregate(await showAggregate(nova, idOf(params)), version) } }
  },
  async updateAggregate({ ctx, params, body, version }) {
    const { name, availability_zone: zone } = body.aggregate
    const change = { ...(name !== undefined && { name: name.trim() }), ...(zone !== undefined && { zone }) }
    return { status: 200, body: { aggregate: viewAggregate(await changeAggregate(nova, ctx, idOf(params), change), version) } }
  },
  async deleteAggregate({ ctx, params }) {
    await removeAggregate(nova, ctx, idOf(params))
    return { status: 200 }
  },
  async addAggregateHost({ ctx, params, body, version }) {
    return { status: 200, body: { aggregate: viewAggregate(await addAggregateHost(nova, ctx, idOf(params), body.add_host.host), version) } }
  },
  async removeAggregateHost({ ctx, params, body, version }) {
    return { status: 200, body: { aggregate: viewAggregate(await removeAggregateHost(nova, ctx, idOf(params), body.remove_host.host), version) } }
  },
  async setAggregateMetadata({ ctx, params, body, version }) {
    return { status: 200, body: { aggregate: viewAggregate(await setAggregateMetadata(nova, ctx, idOf(params), body.set_metadata.metadata), version) } }
  },
})

function idOf({ id }: { readonly id: string }): number {
  const number = rowNumber(id)
  if (number === undefined) throw new BadRequest('Invalid input received: id must be an integer')
  return number
}

function viewAggregate(aggregate: Aggregate, version: Version): AggregateBody {
  const { id, uuid, name, hosts, metadata, createdAt, updatedAt } = aggregate
  return {
    id, name, hosts: [...hosts], metadata: { ...metadata }, availability_zone: metadata[zoneKey] ?? null, created_at: microseconds(createdAt),
    updated_at: updatedAt === null ? null : microseconds(updatedAt), deleted: false, deleted_at: null, ...(version.atLeast('2.41') && { uuid }),
  }
}
