// What other services say of servers: handed to the host of each, or to the conductor.
import { NotFound } from '#core/errors'
import type { Handlers } from '#core/http'
import type { externalEventRoutes } from '../contract/server-external-events.ts'
import { findInstance } from '../db/instances.ts'
import type { Nova } from '../domain/nova.ts'
import { portDeleted } from '../domain/servers/interfaces.ts'

export const externalEventHandlers = (nova: Nova): Handlers<typeof externalEventRoutes> => ({
  async createExternalEvents({ ctx, body }) {
    const hosts = new Map<string, string | null | undefined>()
    for (const { server_uuid: id } of body.events) {
      if (!hosts.has(id)) hosts.set(id, (await findInstance(nova.cells.cell1.read, id))?.host)
    }
    const answered = []
    for (const event of body.events) {
      const host = hosts.get(event.server_uuid)
      const status = event.status ?? 'completed'
      const tag = event.tag === undefined ? {} : { tag: event.tag }
      const told = { server_uuid: event.server_uuid, name: event.name, ...tag }
      // As upstream: 404 for an unknown server, 422 for one that is on no host yet.
      if (host === undefined) answered.push({ ...told, status: 'failed', code: 404 })
      else if (host === null) answered.push({ ...told, status: 'failed', code: 422 })
      else {
        if (event.name === 'network-changed') await nova.conductor.any().refreshPorts(ctx, { serverId: event.server_uuid })
        else if (event.name === 'network-vif-deleted' && event.tag !== undefined) await portDeleted(nova, ctx, event.server_uuid, event.tag)
        else await nova.compute.on(host).externalEvent(ctx, { serverId: event.server_uuid, name: event.name, status, ...tag })
        answered.push({ ...told, status, code: 200 })
      }
    }
    if (answered.every(({ code }) => code === 404 || code === 422)) throw new NotFound('No instances found for any event')
    return { status: answered.every(({ code }) => code === 200) ? 200 : 207, body: { events: answered } }
  },
})
