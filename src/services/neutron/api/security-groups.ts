// Handlers of security groups and their rules, and how they look.
import type { Handlers } from '#core/http'
import type { Static } from '#core/spec'
import type { SecurityGroup, SecurityGroupRule, securityGroupRoutes, securityGroupRuleRoutes } from '../contract/security-groups.ts'
import { ruleList, securityGroupList, type SecurityGroupRecord } from '../db/security-groups.ts'
import type { SecurityGroupRuleRow } from '../db/tables.ts'
import type { Neutron } from '../domain/neutron.ts'
import { readIfMatch } from '../domain/revisions.ts'
import { normalized, readEtherType, readPort, readPrefix, readProtocol } from '../domain/rule-grammar.ts'
import { createRules, deleteRule, findRule, listRules, type NewRuleBody } from '../domain/security-group-rules.ts'
import { createSecurityGroups, deleteSecurityGroup, findSecurityGroup, listSecurityGroups, type NewGroupBody, updateSecurityGroup } from '../domain/security-groups.ts'
import { bodies, listBody, type FilterReaders, made, pick, readFlag, readList } from './collection.ts'
import { changeOf } from './networks.ts'

export function viewRule(row: SecurityGroupRuleRow): Static<typeof SecurityGroupRule> {
  return {
    id: row.id, tenant_id: row.project_id, project_id: row.project_id, security_group_id: row.security_group_id, ethertype: row.ethertype, direction: row.direction,
    protocol: row.protocol, port_range_min: row.port_range_min, port_range_max: row.port_range_max, remote_ip_prefix: row.remote_ip_prefix,
    normalized_cidr: normalized(row.remote_ip_prefix), remote_group_id: row.remote_group_id, description: row.description, tags: [],
    created_at: row.created_at, updated_at: row.updated_at, revision_number: row.revision_number,
  }
}

export function viewGroup({ row, rules, tags }: SecurityGroupRecord): Static<typeof SecurityGroup> {
  return {
    id: row.id, name: row.name, tenant_id: row.project_id, project_id: row.project_id, stateful: row.stateful === 1, shared: false, description: row.description,
    security_group_rules: rules.map(viewRule), tags: [...tags], created_at: row.created_at, updated_at: row.updated_at, revision_number: row.revision_number,
  }
}

export const securityGroupHandlers = (neutron: Neutron): Handlers<typeof securityGroupRoutes> => ({
  async listSecurityGroups({ ctx, query, baseUrl }) {
    const request = readList(query, securityGroupList, { shared: readFlag })
    const records = await listSecurityGroups(neutron, ctx, request)
    return { status: 200, body: listBody('security_groups', records.map(viewGroup), records.map(({ row }) => row.id), query, request, `${baseUrl}/security-groups`) }
  },
  async createSecurityGroup({ ctx, body }) {
    const records = await createSecurityGroups(neutron, ctx, bodies<NewGroupBody>(body, 'security_group', 'security_groups'))
    return { status: 201, body: made(body, 'security_group', 'security_groups', records.map(viewGroup)) }
  },
  async showSecurityGroup({ ctx, params, query }) {
    return { status: 200, body: { security_group: pick(query, viewGroup(await findSecurityGroup(neutron, ctx, neutron.database.read, params.id))) } }
  },
  async updateSecurityGroup({ ctx, params, body, headers }) {
    return { status: 200, body: { security_group: viewGroup(await updateSecurityGroup(neutron, ctx, params.id, changeOf(body.security_group, headers['if-match']))) } }
  },
  async deleteSecurityGroup({ ctx, params, headers }) {
    await deleteSecurityGroup(neutron, ctx, params.id, readIfMatch(headers['if-match']))
    return { status: 204 }
  },
})

const ruleFilters: FilterReaders = {
  protocol: (text) => readProtocol(text) ?? '', ethertype: readEtherType, remote_ip_prefix: (text) => readPrefix(text) ?? '',
  port_range_min: (text) => String(readPort(text)), port_range_max: (text) => String(readPort(text)),
}

export const securityGroupRuleHandlers = (neutron: Neutron): Handlers<typeof securityGroupRuleRoutes> => ({
  async listSecurityGroupRules({ ctx, query, baseUrl }) {
    const request = readList(query, ruleList, ruleFilters)
    const rows = await listRules(neutron, ctx, request)
    return { status: 200, body: listBody('security_group_rules', rows.map(viewRule), rows.map((row) => row.id), query, request, `${baseUrl}/security-group-rules`) }
  },
  async createSecurityGroupRule({ ctx, body }) {
    const rows = await createRules(neutron, ctx, bodies<NewRuleBody>(body, 'security_group_rule', 'security_group_rules'))
    return { status: 201, body: made(body, 'security_group_rule', 'security_group_rules', rows.map(viewRule)) }
  },
  async showSecurityGroupRule({ ctx, params, query }) {
    return { status: 200, body: { security_group_rule: pick(query, viewRule((await findRule(neutron, ctx, neutron.database.read, params.id)).row)) } }
  },
  async deleteSecurityGroupRule({ ctx, params, headers }) {
    await deleteRule(neutron, ctx, params.id, readIfMatch(headers['if-match']))
    return { status: 204 }
  },
})
