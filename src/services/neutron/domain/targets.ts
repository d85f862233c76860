// What policy rules look at of each noun: its owner, its network's owner, and who else it is open to.
import type { Target } from '#core/policy'
import type { NetworkRow, RouterRow, SubnetRow } from '../db/tables.ts'

type NetworkPart = Pick<NetworkRow, 'project_id' | 'shared' | 'external'>

export function networkTarget(row: NetworkPart): Target {
  return { project_id: row.project_id, tenant_id: row.project_id, shared: row.shared === 1, 'router:external': row.external === 1 }
}

export function subnetTarget({ row, network }: { readonly row: Pick<SubnetRow, 'project_id'>; readonly network: NetworkPart }): Target {
  return { ...networkTarget(network), project_id: row.project_id, tenant_id: row.project_id, 'network:project_id': network.project_id, 'network:tenant_id': network.project_id }
}

export function portTarget(port: { readonly project_id: string; readonly device_owner?: string }, network: NetworkPart): Target {
  return {
    project_id: port.project_id, tenant_id: port.project_id, device_owner: port.device_owner ?? '',
    'network:project_id': network.project_id, 'network:tenant_id': network.project_id, shared: network.shared === 1,
  }
}

export function routerTarget(row: Pick<RouterRow, 'project_id'>): Target {
  return { project_id: row.project_id, tenant_id: row.project_id }
}
