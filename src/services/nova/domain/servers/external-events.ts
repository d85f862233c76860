// What other services say of servers, given to whoever acts on it: the host, the conductor, or an operation.
import type { RequestContext } from '#core/context'
import { findInstance, type Instance } from '../../db/instances.ts'
import type { Nova } from '../nova.ts'
import { portDeleted } from './port-deleted.ts'
import { powerReported } from './power-reported.ts'
import { volumeExtended } from './volume-extended.ts'

export interface ExternalEvent {
  readonly serverId: string
  readonly name: string
  readonly status: string
  readonly tag?: string
}

/** These are about nothing without their tag (nova/api/openstack/compute/server_external_events.py, TAG_REQUIRED). */
const withTag: readonly string[] = ['volume-extended', 'power-update', 'accelerator-request-bound']

/** @returns a code for each: 200 taken, 400 without the tag that it needs, 404 for an unknown server, 422 for one on no host */
export async function takeExternalEvents(nova: Nova, ctx: RequestContext, events: readonly ExternalEvent[]): Promise<readonly number[]> {
  const instances = new Map<string, Instance | undefined>()
  for (const { serverId } of events) if (!instances.has(serverId)) instances.set(serverId, await findAnywhere(nova, serverId))
  const codes: number[] = []
  for (const event of events) {
    const instance = instances.get(event.serverId)
    if (!instance) codes.push(404)
    else if (event.tag === undefined && withTag.includes(event.name)) codes.push(400)
    else if (instance.host === null) codes.push(422)
    else {
      await take(nova, ctx, event, instance.host)
      codes.push(200)
    }
  }
  return codes
}

/** Also one that no host could take. */
async function findAnywhere({ cells }: Nova, serverId: string): Promise<Instance | undefined> {
  return (await findInstance(cells.cell1.read, serverId)) ?? findInstance(cells.cell0.read, serverId)
}

async function take(nova: Nova, ctx: RequestContext, { serverId, name, status, tag }: ExternalEvent, host: string): Promise<void> {
  if (name === 'network-changed') await nova.conductor.any().refreshPorts(ctx, { serverId })
  else if (name === 'network-vif-deleted' && tag !== undefined) await portDeleted(nova, ctx, { serverId, host, portId: tag })
  else if (name === 'volume-extended' && tag !== undefined) await volumeExtended(nova, ctx, serverId, tag)
  else if (name === 'power-update' && tag !== undefined) await powerReported(nova, ctx, serverId, tag)
  else await nova.compute.on(host).externalEvent(ctx, { serverId, name, status, ...(tag !== undefined && { tag }) })
}
