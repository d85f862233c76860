// Security groups and their rules: what may come to a port and what may leave it.
import { Closed, defineRoutes, deferred, Nullable, Type } from '#core/spec'
import { AnyQuery, attributesOf, Description, Flag, Id, listShown, Name, oneOrMany, oneOrManyShown, owner, params, single, singleShown, standard } from './common.ts'

export const NewSecurityGroup = Closed({ name: Type.Optional(Name), description: Type.Optional(Description), stateful: Type.Optional(Flag), ...owner })
export const SecurityGroupChange = Closed({ name: Type.Optional(Name), description: Type.Optional(Description), stateful: Type.Optional(Flag) })

export const SecurityGroupRule = Closed({
  ...standard,
  security_group_id: Type.String(),
  direction: Type.String(),
  ethertype: Type.String(),
  protocol: Nullable(Type.String()),
  port_range_min: Nullable(Type.Integer()),
  port_range_max: Nullable(Type.Integer()),
  remote_ip_prefix: Nullable(Type.String()),
  remote_group_id: Nullable(Type.String()),
  normalized_cidr: Nullable(Type.String()),
})

export const SecurityGroup = Closed({
  ...standard,
  name: Type.String(),
  stateful: Type.Boolean(),
  shared: Type.Boolean(),
  security_group_rules: Type.Array(SecurityGroupRule),
})

/** What is none is refused with a fault of its own. */
const PortNumber = Nullable(Type.Union([Type.Integer(), Type.String({ maxLength: 16 })]))

export const NewSecurityGroupRule = Closed({
  security_group_id: Id,
  direction: Type.Union([Type.Literal('ingress'), Type.Literal('egress')]),
  ethertype: Type.Optional(Nullable(Type.String({ maxLength: 16 }))),
  protocol: Type.Optional(Nullable(Type.Union([Type.String({ maxLength: 40 }), Type.Integer()]))),
  port_range_min: Type.Optional(PortNumber),
  port_range_max: Type.Optional(PortNumber),
  remote_ip_prefix: Type.Optional(Nullable(Type.String({ maxLength: 255 }))),
  remote_group_id: Type.Optional(Nullable(Type.String({ maxLength: 64 }))),
  description: Type.Optional(Description),
  ...owner,
})

const attributes = attributesOf(SecurityGroup, NewSecurityGroup)

export const securityGroupRoutes = defineRoutes('neutron', {
  listSecurityGroups: {
    method: 'GET', path: '/security-groups', policy: deferred('get_security_group'), summary: 'List security groups; the first look makes the default group.',
    query: AnyQuery, reply: { 200: listShown('security_groups', SecurityGroup) }, faults: [400, 401],
  },
  createSecurityGroup: {
    method: 'POST', path: '/security-groups', policy: deferred('create_security_group'), summary: 'Create a security group, which lets everything out and nothing in.',
    body: oneOrMany('security_group', 'security_groups', NewSecurityGroup, attributes), reply: { 201: oneOrManyShown('security_group', 'security_groups', SecurityGroup) }, faults: [400, 401, 403, 409],
  },
  showSecurityGroup: {
    method: 'GET', path: '/security-groups/:id', policy: deferred('get_security_group'), summary: 'Show a security group with its rules.',
    params, query: AnyQuery, reply: { 200: singleShown('security_group', SecurityGroup) }, faults: [401, 404],
  },
  updateSecurityGroup: {
    method: 'PUT', path: '/security-groups/:id', policy: deferred('update_security_group'), summary: 'Change a security group.',
    params, body: single('security_group', SecurityGroupChange, attributes), reply: { 200: singleShown('security_group', SecurityGroup) }, faults: [400, 401, 403, 404, 409, 412],
  },
  deleteSecurityGroup: {
    method: 'DELETE', path: '/security-groups/:id', policy: deferred('delete_security_group'), summary: 'Delete a security group that no port uses.',
    params, reply: { 204: null }, faults: [401, 403, 404, 409, 412],
  },
})

const ruleAttributes = attributesOf(SecurityGroupRule, NewSecurityGroupRule)

export const securityGroupRuleRoutes = defineRoutes('neutron', {
  listSecurityGroupRules: {
    method: 'GET', path: '/security-group-rules', policy: deferred('get_security_group_rule'), summary: 'List the rules of the security groups of the caller.',
    query: AnyQuery, reply: { 200: listShown('security_group_rules', SecurityGroupRule) }, faults: [400, 401],
  },
  createSecurityGroupRule: {
    method: 'POST', path: '/security-group-rules', policy: deferred('create_security_group_rule'), summary: 'Add one rule, or several, to a security group.', maxBodyBytes: 1_048_576,
    body: oneOrMany('security_group_rule', 'security_group_rules', NewSecurityGroupRule, ruleAttributes),
    reply: { 201: oneOrManyShown('security_group_rule', 'security_group_rules', SecurityGroupRule) }, faults: [400, 401, 403, 404, 409],
  },
  showSecurityGroupRule: {
    method: 'GET', path: '/security-group-rules/:id', policy: deferred('get_security_group_rule'), summary: 'Show a rule.',
    params, query: AnyQuery, reply: { 200: singleShown('security_group_rule', SecurityGroupRule) }, faults: [401, 404],
  },
  deleteSecurityGroupRule: {
    method: 'DELETE', path: '/security-group-rules/:id', policy: deferred('delete_security_group_rule'), summary: 'Take a rule away.',
    params, reply: { 204: null }, faults: [401, 403, 404, 412],
  },
})
