// The zones that agents live in. Hosts are not put into zones of their own: there is one.
import { agentRows } from '../db/agents.ts'
import type { Tx } from '../db/networks.ts'
import { AvailabilityZoneNotFound } from '../model/errors.ts'
import { agentTypes } from './agents.ts'

export const agentZone = 'nova'

/** Whose agents make the zones of a resource. */
const agentKinds = { network: 'dhcp', router: 'l3' } as const
type ZonedResource = keyof typeof agentKinds

export interface Zone {
  readonly name: string
  readonly resource: ZonedResource
  readonly state: 'available' | 'unavailable'
}

export async function listZones(db: Tx): Promise<Zone[]> {
  const agents = await agentRows(db)
  return (Object.keys(agentKinds) as ZonedResource[]).flatMap((resource) => {
    const own = agents.filter((agent) => agent.agent_type === agentTypes[agentKinds[resource]].type)
    return own.length === 0 ? [] : [{ name: agentZone, resource, state: own.some((agent) => agent.admin_state_up === 1) ? 'available' : 'unavailable' } as const]
  })
}

/** @throws AvailabilityZoneNotFound for a hint at a zone that no agent lives in (neutron/db/agents_db.py, validate_availability_zones) */
export async function checkZoneHints(db: Tx, resource: ZonedResource, hints: readonly string[]): Promise<void> {
  if (hints.length === 0) return
  const zones = (await listZones(db)).filter((zone) => zone.resource === resource).map(({ name }) => name)
  const strange = hints.find((hint) => !zones.includes(hint))
  if (strange !== undefined) throw new AvailabilityZoneNotFound(`AvailabilityZone ${strange} could not be found.`)
}
