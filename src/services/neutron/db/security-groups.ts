// Security groups and their rules.
import { isUniqueViolation, type SqlBool, sql } from '#core/db'
import { type Condition, grouped, listed, type ListOf, type ListRequest, listRows, rowsBy, tagFilters } from './list.ts'
import { tagsOf, type Tx } from './networks.ts'
import type { SecurityGroupRow, SecurityGroupRuleRow } from './tables.ts'

export interface SecurityGroupRecord {
  readonly row: SecurityGroupRow
  readonly rules: readonly SecurityGroupRuleRow[]
  readonly tags: readonly string[]
}

export const securityGroupList: ListOf = {
  table: 'security_groups',
  columns: listed('security_groups', { texts: ['name'], flags: ['stateful'] }),
  special: { ...tagFilters('security_groups'), shared: (values) => (values.includes('false') ? sql<SqlBool>`1 = 1` : sql<SqlBool>`1 = 0`) },
}

export const ruleList: ListOf = {
  table: 'security_group_rules',
  columns: listed('security_group_rules', {
    texts: ['security_group_id', 'direction', 'ethertype', 'protocol', 'remote_ip_prefix', 'remote_group_id'], numbers: ['port_range_min', 'port_range_max'],
  }),
}

export function groupsOf(projectId: string): Condition {
  return sql<SqlBool>`security_groups.project_id = ${projectId}`
}

export function rulesOf(projectId: string): Condition {
  return sql<SqlBool>`security_group_rules.security_group_id in (select id from security_groups where project_id = ${projectId})`
}

async function complete(db: Tx, rows: readonly SecurityGroupRow[]): Promise<SecurityGroupRecord[]> {
  const ids = rows.map((row) => row.id)
  if (ids.length === 0) return []
  const rules = grouped(await rowsBy<SecurityGroupRuleRow>(db, 'security_group_rules', 'security_group_id', ids, 'created_at'), 'security_group_id')
  const tags = grouped(await tagsOf(db, ids), 'resource_id')
  return rows.map((row) => ({ row, rules: rules.get(row.id) ?? [], tags: (tags.get(row.id) ?? []).map((tag) => tag.tag) }))
}

export async function listSecurityGroups(db: Tx, request: ListRequest, scope?: Condition): Promise<SecurityGroupRecord[]> {
  return complete(db, await listRows<SecurityGroupRow>(db, securityGroupList, request, scope))
}

export async function listRules(db: Tx, request: ListRequest, scope?: Condition): Promise<SecurityGroupRuleRow[]> {
  return listRows<SecurityGroupRuleRow>(db, ruleList, request, scope)
}

export async function securityGroupRow(db: Tx, id: string): Promise<SecurityGroupRow | undefined> {
  return db.selectFrom('security_groups').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function securityGroupRecord(db: Tx, id: string): Promise<SecurityGroupRecord | undefined> {
  const row = await securityGroupRow(db, id)
  return row && (await complete(db, [row]))[0]
}

export async function securityGroupRecords(db: Tx, ids: readonly string[]): Promise<SecurityGroupRecord[]> {
  return complete(db, await rowsBy<SecurityGroupRow>(db, 'security_groups', 'id', ids))
}

export async function defaultGroupId(db: Tx, projectId: string): Promise<string | undefined> {
  return (await db.selectFrom('security_groups').select('id').where('default_of', '=', projectId).executeTakeFirst())?.id
}

/** @returns those of the ids that are groups, with their owners */
export async function groupOwners(db: Tx, ids: readonly string[]): Promise<{ id: string; project_id: string }[]> {
  return db.selectFrom('security_groups').select(['id', 'project_id']).where('id', 'in', [...ids]).execute()
}

/** @returns false when the project has its default group already */
export async function insertSecurityGroup(tx: Tx, row: SecurityGroupRow): Promise<boolean> {
  try {
    await tx.insertInto('security_groups').values(row).execute()
    return true
  } catch (error) {
    if (isUniqueViolation(error, 'security_groups.default_of')) return false
    throw error
  }
}

/** @returns false when the group has such a rule */
export async function insertRules(tx: Tx, rows: readonly SecurityGroupRuleRow[]): Promise<boolean> {
  try {
    await tx.insertInto('security_group_rules').values([...rows]).execute()
    return true
  } catch (error) {
    if (isUniqueViolation(error)) return false
    throw error
  }
}

export async function ruleRow(db: Tx, id: string): Promise<SecurityGroupRuleRow | undefined> {
  return db.selectFrom('security_group_rules').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function ruleByFingerprint(db: Tx, groupId: string, fingerprint: string): Promise<string | undefined> {
  return (await db.selectFrom('security_group_rules').select('id').where('security_group_id', '=', groupId).where('fingerprint', '=', fingerprint).executeTakeFirst())?.id
}

export async function deleteRule(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('security_group_rules').where('id', '=', id).execute()
}

export async function deleteSecurityGroupRow(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('security_groups').where('id', '=', id).execute()
}

export async function groupHasPorts(tx: Tx, id: string): Promise<boolean> {
  return (await tx.selectFrom('port_security_groups').select('port_id').where('security_group_id', '=', id).limit(1).executeTakeFirst()) !== undefined
}

/** Addresses of the ports in a group, those included that they may use beside their own; of some addresses only, if they are named. */
export async function memberAddresses(db: Tx, groupId: string, among?: readonly string[]): Promise<string[]> {
  let own = db.selectFrom('ip_allocations').select('ip_allocations.ip_address')
    .innerJoin('port_security_groups', 'port_security_groups.port_id', 'ip_allocations.port_id').where('port_security_groups.security_group_id', '=', groupId)
  let allowed = db.selectFrom('port_address_pairs').select('port_address_pairs.ip_address')
    .innerJoin('port_security_groups', 'port_security_groups.port_id', 'port_address_pairs.port_id').where('port_security_groups.security_group_id', '=', groupId)
  if (among) {
    own = own.where('ip_allocations.ip_address', 'in', [...among])
    allowed = allowed.where('port_address_pairs.ip_address', 'in', [...among])
  }
  const rows = [...(await own.execute()), ...(await allowed.execute())]
  return [...new Set(rows.map((row) => row.ip_address))]
}

/** Hosts that carry ports of any of the groups. */
export async function hostsOfGroups(db: Tx, groupIds: readonly string[]): Promise<string[]> {
  if (groupIds.length === 0) return []
  const rows = await db.selectFrom('ports').select('host_id').distinct()
    .where(sql<SqlBool>`id in (select port_id from port_security_groups where security_group_id in (${sql.join(groupIds)}))`).where('host_id', '!=', '').execute()
  return rows.map((row) => row.host_id)
}

/** Groups with a rule that names one of the given groups as the other side. */
export async function groupsThatName(db: Tx, remoteGroupIds: readonly string[]): Promise<{ security_group_id: string; remote_group_id: string }[]> {
  if (remoteGroupIds.length === 0) return []
  const rows = await db.selectFrom('security_group_rules').select(['security_group_id', 'remote_group_id']).distinct().where('remote_group_id', 'in', [...remoteGroupIds]).execute()
  return rows.flatMap(({ security_group_id, remote_group_id }) => (remote_group_id === null ? [] : [{ security_group_id, remote_group_id }]))
}
