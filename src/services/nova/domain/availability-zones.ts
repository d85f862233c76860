// Availability zones: those that services are in, open when a service in them is enabled.
import { allServices, type ServiceStatus } from './compute-services.ts'
import type { Nova } from './nova.ts'

export interface Zone {
  readonly name: string
  readonly available: boolean
  /** The enabled services in it. */
  readonly services: readonly ServiceStatus[]
}

/** Open ones first, each kind by name. */
export async function listZones(nova: Nova): Promise<Zone[]> {
  const byZone = Map.groupBy(await allServices(nova), ({ zone }) => zone)
  const zones = [...byZone].map(([name, services]) => {
    const enabled = services.filter(({ service }) => service.disabled === 0)
    return { name, available: enabled.length > 0, services: enabled }
  })
  return zones.sort((a, b) => Number(b.available) - Number(a.available) || (a.name < b.name ? -1 : 1))
}
