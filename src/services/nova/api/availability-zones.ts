// Handlers and views of availability zones.
import type { Handlers } from '#core/http'
import type { availabilityZoneRoutes } from '../contract/availability-zones.ts'
import { listZones, type Zone } from '../domain/availability-zones.ts'
import type { ServiceStatus } from '../domain/compute-services.ts'
import type { Nova } from '../domain/nova.ts'
import { microseconds } from './values.ts'

export const availabilityZoneHandlers = (nova: Nova): Handlers<typeof availabilityZoneRoutes> => ({
  /** Without the zone that nova's own services stand in. */
  async listAvailabilityZones() {
    const zones = (await listZones(nova)).filter(({ name }) => name !== nova.settings.internal_service_availability_zone)
    return { status: 200, body: { availabilityZoneInfo: zones.map((zone) => viewZone(zone, null)) } }
  },
  async listAvailabilityZonesInDetail() {
    const zones = await listZones(nova)
    return { status: 200, body: { availabilityZoneInfo: zones.map((zone) => viewZone(zone, zone.available ? viewHosts(zone.services) : null)) } }
  },
})

function viewZone<H>({ name, available }: Zone, hosts: H) {
  return { zoneName: name, zoneState: { available }, hosts }
}

function viewHosts(services: readonly ServiceStatus[]) {
  const byHost = Map.groupBy(services, ({ service }) => service.host)
  return Object.fromEntries([...byHost].map(([host, here]) => [host, Object.fromEntries(here.map(({ service, up }) => [
    service.binary, { active: service.disabled === 0, available: up, updated_at: service.updated_at === null ? null : microseconds(service.updated_at) },
  ]))]))
}
