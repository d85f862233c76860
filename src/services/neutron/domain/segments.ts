// Type drivers: which segment a network gets. A segment is claimed by a unique row, so no two networks share one.
import { lockClaim } from '#core/db'
import { freeSegmentationId, insertSegment, type Tx } from '../db/networks.ts'
import type { SegmentRow } from '../db/tables.ts'
import { FlatNetworkInUse, InvalidInput, NoNetworkAvailable, TunnelIdInUse } from '../model/errors.ts'
import type { Neutron } from './neutron.ts'

export interface WantedSegment {
  readonly type?: string
  readonly physicalNetwork?: string
  readonly segmentationId?: number
}

/** What VXLAN's headers take from each packet. */
const vxlanOverhead = 50

/** The largest packets that a segment carries. */
export function segmentMtu(neutron: Neutron, segment: Pick<SegmentRow, 'network_type' | 'physical_network'>): number {
  const physical = neutron.config.physicalNetworks.find(({ name }) => name === segment.physical_network)
  if (segment.network_type === 'flat') return physical?.mtu ?? neutron.config.globalPhysnetMtu
  return segment.network_type === 'vxlan' ? neutron.config.globalPhysnetMtu - vxlanOverhead : neutron.config.globalPhysnetMtu
}

/** @throws InvalidInput, FlatNetworkInUse, TunnelIdInUse, NoNetworkAvailable */
export async function claimSegment(neutron: Neutron, tx: Tx, networkId: string, wanted: WantedSegment): Promise<SegmentRow> {
  if (wanted.type === undefined) {
    if (wanted.physicalNetwork !== undefined || wanted.segmentationId !== undefined) throw new InvalidInput("Invalid input for operation: provider:network_type required.")
    for (const type of neutron.config.tenantNetworkTypes) {
      const segment = await claim(neutron, tx, networkId, { type })
      if (segment) return segment
    }
    throw new NoNetworkAvailable('Unable to create the network. No tenant network is available for allocation.')
  }
  const segment = await claim(neutron, tx, networkId, wanted)
  if (!segment) throw new NoNetworkAvailable('Unable to create the network. No available network found in maximum allowed attempts.')
  return segment
}

async function claim(neutron: Neutron, tx: Tx, networkId: string, wanted: WantedSegment): Promise<SegmentRow | undefined> {
  const row = { id: neutron.ids.uuid(), network_id: networkId, network_type: wanted.type ?? '', physical_network: null, segmentation_id: null }
  switch (wanted.type) {
    case 'local':
      if (wanted.physicalNetwork !== undefined || wanted.segmentationId !== undefined) throw new InvalidInput('Invalid input for operation: provider attributes specified for local network.')
      return inserted(tx, { ...row, claim: `local:${networkId}` })
    case 'flat': {
      const physical = wanted.physicalNetwork
      if (physical === undefined) throw new InvalidInput('Invalid input for operation: physical_network required for flat provider network.')
      if (wanted.segmentationId !== undefined) throw new InvalidInput('Invalid input for operation: segmentation_id specified for flat provider network.')
      if (!neutron.config.physicalNetworks.some(({ name }) => name === physical)) throw new InvalidInput(`Invalid input for operation: physical_network '${physical}' unknown for flat provider network.`)
      const segment = await inserted(tx, { ...row, physical_network: physical, claim: `flat:${physical}` })
      if (!segment) throw new FlatNetworkInUse(`Unable to create the flat network. Physical network ${physical} is in use.`)
      return segment
    }
    case 'vxlan':
      return claimVxlan(neutron, tx, row, wanted)
    default:
      throw new InvalidInput(`Invalid input for operation: network_type value '${wanted.type}' not supported.`)
  }
}

async function claimVxlan(neutron: Neutron, tx: Tx, row: Omit<SegmentRow, 'claim'>, wanted: WantedSegment): Promise<SegmentRow | undefined> {
  if (wanted.physicalNetwork !== undefined) throw new InvalidInput('Invalid input for operation: provider:physical_network specified for vxlan network.')
  const asked = wanted.segmentationId
  if (asked !== undefined) {
    if (asked < 1 || asked > 16_777_215) throw new InvalidInput(`Invalid input for operation: segmentation id should be lower or equal to 16777215.`)
    const segment = await inserted(tx, { ...row, segmentation_id: asked, claim: `vxlan:${asked}` })
    if (!segment) throw new TunnelIdInUse(`Unable to create the network. The tunnel ID ${asked} is in use.`)
    return segment
  }
  await lockClaim(tx, 'segments', 'vxlan')
  const free = await freeSegmentationId(tx, 'vxlan', neutron.config.vniRange, neutron.random)
  return free === undefined ? undefined : inserted(tx, { ...row, segmentation_id: free, claim: `vxlan:${free}` })
}

async function inserted(tx: Tx, row: SegmentRow): Promise<SegmentRow | undefined> {
  return (await insertSegment(tx, row)) ? row : undefined
}
