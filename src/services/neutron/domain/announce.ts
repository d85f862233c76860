// What nova is told of its servers' ports: plugged, changed, deleted.
import { externalEventRoutes } from '#contract/nova'
import { client } from '#core/client'
import type { RequestContext } from '#core/context'
import { AppError, ServiceUnavailable } from '#core/errors'
import { defineOperation, step } from '#core/operations'
import { asService } from '#core/service'
import { type Static, Type } from '#core/spec'
import type { Tx } from '../db/networks.ts'
import { portRow } from '../db/ports.ts'
import type { PortRow } from '../db/tables.ts'
import type { Neutron } from './neutron.ts'

const ServerEvent = Type.Object({ name: Type.String(), serverId: Type.String(), portId: Type.String(), status: Type.String() })
export type ServerEvent = Static<typeof ServerEvent>

/** Nova's word for a server that it knows but that has no host. */
const notOnHostYet = 422
const uuid = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i

/** The server that a port belongs to; empty for none of nova's. */
export function serverOf(row: Pick<PortRow, 'device_owner' | 'device_id'>): string {
  return row.device_owner.startsWith('compute:') && uuid.test(row.device_id) ? row.device_id : ''
}

/** A server that nova does not know (any more) is no failure: there is nobody left to tell. */
export async function tellNova(neutron: Neutron, ctx: RequestContext, { name, serverId, portId, status }: ServerEvent): Promise<void> {
  const caller = await asService(neutron.runtime, ctx)
  try {
    // The table's literals are made from lists, which TypeScript cannot follow.
    const events = { events: [{ name, server_uuid: serverId, tag: portId, status }] } as never
    const { body } = await client(externalEventRoutes, neutron.runtime.services.nova, caller).createExternalEvents({ body: events })
    if (name === 'network-vif-plugged' && body.events.some((event) => event.code === notOnHostYet)) throw new ServiceUnavailable('The server is not on its host yet.')
  } catch (error) {
    if (!(error instanceof AppError) || error.status !== 404) throw error
  }
}

/** That a port could not be plugged in is no news any more once it is bound again. */
async function tellWhatHolds(neutron: Neutron, ctx: RequestContext, event: ServerEvent): Promise<void> {
  if (event.name === 'network-vif-plugged' && (await portRow(neutron.database.read, event.portId))?.vif_type !== 'binding_failed') return
  await tellNova(neutron, ctx, event)
}

export const announce = defineOperation<Neutron, ServerEvent>('port.announce', {
  input: ServerEvent, deadlineSeconds: 7200, onCrash: 'resume',
  steps: [step<Neutron, ServerEvent>('tell-nova', { retries: 60, run: (neutron, run) => tellWhatHolds(neutron, run.ctx, run.input) })],
})

export async function beginAnnounce(neutron: Neutron, tx: Tx, ctx: RequestContext, projectId: string, event: ServerEvent): Promise<void> {
  await neutron.operations.begin(tx, ctx, announce, { resourceId: event.portId, projectId, input: event })
}

/** Let nova know that a port of a server has other addresses, or is gone; not when nova itself is at work on it. */
export async function announcePort(neutron: Neutron, tx: Tx, ctx: RequestContext, row: PortRow, name: 'network-changed' | 'network-vif-deleted'): Promise<void> {
  const serverId = serverOf(row)
  if (serverId === '' || ctx.identity.roles.includes('service')) return
  await beginAnnounce(neutron, tx, ctx, row.project_id, { name, serverId, portId: row.id, status: 'completed' })
}
