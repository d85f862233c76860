// The mechanism driver: whether and how a port is plugged in on a host.
import type { PortRow } from '../db/tables.ts'
import type { Neutron } from './neutron.ts'

export type Binding = Pick<PortRow, 'host_id' | 'vif_type' | 'vif_details'>

export const unbound: Binding = { host_id: '', vif_type: 'unbound', vif_details: '{}' }

/** Whether a port is to have a wire on the host of its binding: those of routers and DHCP have ends of their own. */
export function isWired(row: Pick<PortRow, 'host_id' | 'vif_type' | 'device_owner'>): boolean {
  return row.host_id !== '' && row.vif_type === 'bridge' && !row.device_owner.startsWith('network:')
}

/** How the agent of a host plugs a port in; `binding_failed` where none lives or it cannot. */
export function bindTo(neutron: Pick<Neutron, 'agents'>, host: string, vnicType: string, deviceOwner: string): Binding {
  if (host === '') return unbound
  const agent = neutron.agents.find('l2', host)
  if (vnicType !== 'normal' || !neutron.agents.isAlive(agent)) return { host_id: host, vif_type: 'binding_failed', vif_details: '{}' }
  // Routers and DHCP have ends of their own; only the guests' taps are opened by somebody else.
  if (deviceOwner.startsWith('network:')) return { host_id: host, vif_type: 'bridge', vif_details: '{"connectivity":"l2","port_filter":false}' }
  return { host_id: host, vif_type: 'bridge', vif_details: '{"connectivity":"l2","port_filter":true}' }
}
