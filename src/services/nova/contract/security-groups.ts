// Security groups as nova shows neutron's to clients from before 2.36: they look there for the group that a server is to join.
import { Closed, defineRoutes, type Static, Type, versioned } from '#core/spec'
import { Filter } from './schemas.ts'
import { IdParams } from './values.ts'

export const SecurityGroupBody = Type.Object({ id: Type.String(), name: Type.String(), description: Type.String(), tenant_id: Type.String(), rules: Type.Array(Type.Unknown()) })
export type SecurityGroupBody = Static<typeof SecurityGroupBody>

const rule = (name: string) => `os_compute_api:os-security-groups:${name}`

export const securityGroupRoutes = defineRoutes('nova', {
  listSecurityGroups: {
    method: 'GET', path: '/os-security-groups', until: '2.35', policy: rule('get'), summary: 'The security groups of the project; of all, for administrators who ask for them.',
    query: versioned({ '2.1': Type.Object({ limit: Filter, offset: Filter, all_tenants: Filter }, { additionalProperties: true }) }),
    reply: { 200: Closed({ security_groups: Type.Array(SecurityGroupBody) }) }, faults: [400, 401, 403],
  },
  showSecurityGroup: {
    method: 'GET', path: '/os-security-groups/:id', until: '2.35', policy: rule('show'), summary: 'One security group.', params: IdParams,
    reply: { 200: Closed({ security_group: SecurityGroupBody }) }, faults: [400, 401, 403, 404],
  },
})
