// Nimbo's own API: one address for the operations and events of all services.
import { createFront } from '#core/events'
import { defineService, type Role, type Runtime } from '#core/service'

async function startApi({ services, authUrl, checkReplies, ...capabilities }: Runtime): Promise<Role> {
  const { nova, neutron, cinder, glance } = services
  return { transport: createFront({ services: [nova, neutron, cinder, glance], capabilities, authUrl, checkReplies }), stop() {} }
}

export const nimbo = defineService({ name: 'nimbo', roles: { api: startApi } })
