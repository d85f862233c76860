// What other services say of servers, answered event by event.
import type { Handlers } from '#core/http'
import type { externalEventRoutes } from '../contract/server-external-events.ts'
import { takeExternalEvents } from '../domain/servers/external-events.ts'
import type { Nova } from '../domain/nova.ts'

export const externalEventHandlers = (nova: Nova): Handlers<typeof externalEventRoutes> => ({
  async createExternalEvents({ ctx, body }) {
    const codes = await takeExternalEvents(nova, ctx, body.events.map(({ server_uuid: serverId, name, status = 'completed', tag }) => ({ serverId, name, status, ...(tag !== undefined && { tag }) })))
    const events = body.events.map((event, at) => {
      const code = codes[at] ?? 404
      return { server_uuid: event.server_uuid, name: event.name, ...(event.tag !== undefined && { tag: event.tag }), status: code === 200 ? 'completed' : 'failed', code }
    })
    return { status: codes.every((code) => code === 200) ? 200 : 207, body: { events } }
  },
})
