// The default group of a project, made on first use: everything goes out, and only its own members come in.
import type { Tx } from '../db/networks.ts'
import { defaultGroupId, insertRules, insertSecurityGroup } from '../db/security-groups.ts'
import type { SecurityGroupRow, SecurityGroupRuleRow } from '../db/tables.ts'
import { type Neutron, timeText } from './neutron.ts'
import { protocolKey } from './rule-grammar.ts'

/** A block that is all there is, which rules may leave unsaid. */
const everywhere = new Set<string | null>([null, '0.0.0.0/0', '::/0'])

/** All that makes a rule, in one text: rules that mean the same have the same. */
export function fingerprint(rule: Pick<SecurityGroupRuleRow, 'direction' | 'ethertype' | 'protocol' | 'port_range_min' | 'port_range_max' | 'remote_ip_prefix' | 'remote_group_id'>): string {
  const { direction, ethertype, protocol, port_range_min: min, port_range_max: max, remote_ip_prefix: prefix, remote_group_id: group } = rule
  return [direction, ethertype, protocolKey(protocol, ethertype), min ?? '', max ?? '', everywhere.has(prefix) ? '' : prefix, group ?? ''].join('|')
}

function rule(neutron: Neutron, group: SecurityGroupRow, direction: string, ethertype: string, remoteGroupId: string | null): SecurityGroupRuleRow {
  const { project_id, created_at } = group
  const made = { direction, ethertype, protocol: null, port_range_min: null, port_range_max: null, remote_ip_prefix: null, remote_group_id: remoteGroupId }
  return {
    id: neutron.ids.uuid(), project_id, description: '', revision_number: 1, created_at, updated_at: created_at,
    security_group_id: group.id, ...made, fingerprint: fingerprint(made),
  }
}

/** A new group lets everything out; the default group also lets its own members in. */
export function firstRules(neutron: Neutron, group: SecurityGroupRow): SecurityGroupRuleRow[] {
  const versions = ['IPv4', 'IPv6']
  const out = versions.map((version) => rule(neutron, group, 'egress', version, null))
  return group.default_of === null ? out : [...out, ...versions.map((version) => rule(neutron, group, 'ingress', version, group.id))]
}

/** @returns the id of the project's default group; of two that make it at once one does */
export async function ensureDefaultGroup(neutron: Neutron, tx: Tx, projectId: string): Promise<string> {
  const known = await defaultGroupId(tx, projectId)
  if (known !== undefined) return known
  const now = timeText(neutron)
  const row: SecurityGroupRow = {
    id: neutron.ids.uuid(), project_id: projectId, name: 'default', description: 'Default security group', stateful: 1, default_of: projectId,
    revision_number: 1, created_at: now, updated_at: now,
  }
  if (await insertSecurityGroup(tx, row)) {
    await insertRules(tx, firstRules(neutron, row))
    return row.id
  }
  return (await defaultGroupId(tx, projectId)) ?? row.id
}
