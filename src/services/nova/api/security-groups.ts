// Handlers and views of security groups for clients from before 2.36 (nova/api/openstack/compute/security_groups.py).
import { BadRequest } from '#core/errors'
import { type Handlers, readPage } from '#core/http'
import type { SecurityGroupBody, securityGroupRoutes } from '../contract/security-groups.ts'
import type { Nova } from '../domain/nova.ts'
import { findSecurityGroup, findSecurityGroups, type NamedGroup, type ShownGroups } from '../domain/security-groups.ts'
import type { SecurityRuleView } from '../neighbours/network.ts'
import { looksLikeUuid, readOffset } from './values.ts'

export const securityGroupHandlers = (nova: Nova): Handlers<typeof securityGroupRoutes> => ({
  async listSecurityGroups({ ctx, query }) {
    const { limit, all_tenants: everywhere } = query
    const from = readOffset(query.offset)
    const page = readPage(limit === undefined ? {} : { limit }, { sortable: [], defaultSort: [], maxLimit: nova.settings.max_limit, zeroIsUnlimited: true })
    const { groups, sources } = await findSecurityGroups(nova, ctx, everywhere !== undefined && ctx.identity.roles.includes('admin'))
    return { status: 200, body: { security_groups: viewSecurityGroups({ groups: groups.slice(from, from + page.limit), sources }) } }
  },
  async showSecurityGroup({ ctx, params }) {
    if (!looksLikeUuid(params.id)) throw new BadRequest('Security group id should be uuid')
    const [group] = viewSecurityGroups(await findSecurityGroup(nova, ctx, params.id))
    return { status: 200, body: { security_group: group as SecurityGroupBody } }
  },
})

/** What comes in: older clients know no rules for what goes out. */
export function viewSecurityGroups({ groups, sources }: ShownGroups): SecurityGroupBody[] {
  return groups.map(({ id, name, description, projectId, rules }) => ({
    id, name, description, tenant_id: projectId, rules: rules.filter(({ direction }) => direction === 'ingress').map((rule) => viewRule(rule, id, sources.get(rule.remoteGroupId ?? ''))),
  }))
}

const viewRule = (rule: SecurityRuleView, groupId: string, source: NamedGroup | undefined) => ({
  id: rule.id, parent_group_id: groupId, ip_protocol: rule.protocol, ...portsOf(rule),
  group: source ? { name: source.name, tenant_id: source.projectId } : {}, ip_range: rule.prefix === null ? (rule.remoteGroupId === null ? { cidr: '0.0.0.0/0' } : {}) : { cidr: rule.prefix },
})

/** All ports of a protocol, as upstream writes them. */
function portsOf({ protocol, fromPort, toPort }: SecurityRuleView) {
  const all = protocol !== null && fromPort === null && toPort === null
  if (!all) return { from_port: fromPort, to_port: toPort }
  return /^(tcp|udp)$/i.test(protocol) ? { from_port: 1, to_port: 65_535 } : { from_port: -1, to_port: -1 }
}
