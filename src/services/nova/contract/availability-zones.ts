// Availability zones.
import { Closed, defineRoutes, Nullable, Type } from '#core/spec'

const ServiceState = Closed({ active: Type.Boolean(), available: Type.Boolean(), updated_at: Nullable(Type.String()) })
/** By host and binary. */
const Hosts = Type.Record(Type.String(), Type.Record(Type.String(), ServiceState))
const zones = { 200: Closed({ availabilityZoneInfo: Type.Array(Closed({ zoneName: Type.String(), zoneState: Closed({ available: Type.Boolean() }), hosts: Nullable(Hosts) })) }) }

export const availabilityZoneRoutes = defineRoutes('nova', {
  listAvailabilityZones: {
    method: 'GET', path: '/os-availability-zone', policy: 'os_compute_api:os-availability-zone:list', summary: 'The zones that servers can be put into.',
    reply: zones, faults: [401, 403],
  },
  listAvailabilityZonesInDetail: {
    method: 'GET', path: '/os-availability-zone/detail', policy: 'os_compute_api:os-availability-zone:detail', summary: 'All zones with their hosts and services.',
    reply: zones, faults: [401, 403],
  },
})
