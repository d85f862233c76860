// Keystone's rules: upstream's names and its newer defaults (keystone/common/policies). A check that the domain makes
// once it knows the object is `authorize`.
import type { Identity } from '#core/context'
import { compilePolicy, type Policy, type Rule, type Scope } from '#core/policy'
import { forbidden } from '../model/errors.ts'

const everywhere: readonly Scope[] = ['system', 'domain', 'project']
const cloudWide: readonly Scope[] = ['system', 'project']

const admin = 'role:admin'
const systemReader = '(role:reader and system_scope:all)'
const adminOrSystemReader = `${admin} or ${systemReader}`

const rule = (name: string, check: string, description: string, scopes?: readonly Scope[]): Rule =>
  ({ name: `identity:${name}`, check, description, ...(scopes && { scopes }) })

const tokenSubject = 'user_id:%(target.token.user_id)s'

const tokens: readonly Rule[] = [
  rule('validate_token', `${adminOrSystemReader} or role:service or ${tokenSubject}`, 'Look up a token.', everywhere),
  rule('check_token', `${adminOrSystemReader} or ${tokenSubject}`, 'Ask whether a token is valid.', everywhere),
  rule('revoke_token', `${admin} or ${tokenSubject}`, 'Revoke a token.', everywhere),
  rule('get_auth_catalog', '', "Show the catalog of one's own token."),
  rule('get_auth_projects', '', 'List the projects that one may have a token for.'),
  rule('get_auth_domains', '', 'List the domains that one may have a token for.'),
  rule('get_auth_system', '', 'Ask whether one may have a token for the system.'),
]

const own = (attribute: string, role = 'reader') => `(role:${role} and domain_id:%(${attribute})s)`
const domainManager = (attribute: string) => `${admin} or ${own(attribute, 'manager')}`

const projectReaders = `${adminOrSystemReader} or ${own('target.project.domain_id')} or project_id:%(target.project.id)s`

const projects: readonly Rule[] = [
  rule('list_domains', `${adminOrSystemReader} or ${own('target.domain.id')}`, 'List domains.', everywhere),
  rule('get_domain', `${adminOrSystemReader} or domain_id:%(target.domain.id)s or project_domain_id:%(target.domain.id)s`, 'Show a domain.', everywhere),
  rule('create_domain', admin, 'Create a domain.', cloudWide),
  rule('update_domain', admin, 'Change a domain.', cloudWide),
  rule('delete_domain', admin, 'Delete a domain.', cloudWide),
  rule('get_project', projectReaders, 'Show a project.', everywhere),
  rule('list_projects', `${adminOrSystemReader} or ${own('target.domain_id')}`, 'List projects.', everywhere),
  rule('list_user_projects', `${adminOrSystemReader} or ${own('target.user.domain_id')} or user_id:%(target.user.id)s`, 'List the projects of a user.', everywhere),
  rule('create_project', domainManager('target.project.domain_id'), 'Create a project.', everywhere),
  rule('update_project', domainManager('target.project.domain_id'), 'Change a project.', everywhere),
  rule('delete_project', domainManager('target.project.domain_id'), 'Delete a project.', everywhere),
  rule('list_project_tags', projectReaders, "List a project's tags.", everywhere),
  rule('get_project_tag', projectReaders, 'Ask whether a project has a tag.', everywhere),
  rule('update_project_tags', domainManager('target.project.domain_id'), "Replace a project's tags.", everywhere),
  rule('create_project_tag', domainManager('target.project.domain_id'), 'Add a tag to a project.', everywhere),
  rule('delete_project_tags', domainManager('target.project.domain_id'), "Remove a project's tags.", everywhere),
  rule('delete_project_tag', domainManager('target.project.domain_id'), 'Remove a tag from a project.', everywhere),
]

const users: readonly Rule[] = [
  rule('get_user', `${adminOrSystemReader} or ${own('target.user.domain_id')} or user_id:%(target.user.id)s`, 'Show a user.', everywhere),
  rule('list_users', `${adminOrSystemReader} or ${own('target.domain_id')}`, 'List users.', everywhere),
  rule('create_user', domainManager('target.user.domain_id'), 'Create a user.', everywhere),
  rule('update_user', domainManager('target.user.domain_id'), 'Change a user, also its password.', everywhere),
  rule('delete_user', domainManager('target.user.domain_id'), 'Delete a user.', everywhere),
]

const groupManager = `${admin} or (role:manager and domain_id:%(target.group.domain_id)s and domain_id:%(target.user.domain_id)s)`

const groups: readonly Rule[] = [
  rule('get_group', `${adminOrSystemReader} or ${own('target.group.domain_id')}`, 'Show a group.', everywhere),
  rule('list_groups', `${adminOrSystemReader} or ${own('target.group.domain_id')}`, 'List groups.', everywhere),
  rule('list_groups_for_user', `${adminOrSystemReader} or ${own('target.user.domain_id')} or user_id:%(user_id)s`, 'List the groups of a user.', everywhere),
  rule('create_group', domainManager('target.group.domain_id'), 'Create a group.', everywhere),
  rule('update_group', domainManager('target.group.domain_id'), 'Change a group.', everywhere),
  rule('delete_group', domainManager('target.group.domain_id'), 'Delete a group.', everywhere),
  rule('list_users_in_group', `${adminOrSystemReader} or ${own('target.group.domain_id')}`, 'List the users of a group.', everywhere),
  rule('check_user_in_group', `${adminOrSystemReader} or (role:reader and domain_id:%(target.group.domain_id)s and domain_id:%(target.user.domain_id)s)`, 'Ask whether a user is in a group.', everywhere),
  rule('add_user_to_group', groupManager, 'Put a user into a group.', everywhere),
  rule('remove_user_from_group', groupManager, 'Take a user out of a group.', everywhere),
]

/** The roles that a manager of a domain may give there. */
const managedRole = "('manager':%(target.role.name)s or 'member':%(target.role.name)s or 'reader':%(target.role.name)s)"

const roles: readonly Rule[] = [
  rule('get_role', `${adminOrSystemReader} or (role:manager and ${managedRole})`, 'Show a role.', everywhere),
  // Upstream says “and not domain_id:None”: a token for a domain; which one does not matter.
  rule('list_roles', `${adminOrSystemReader} or (role:manager and domain_id:%(caller_domain_id)s)`, 'List roles.', everywhere),
  ...(['create_role', 'update_role', 'delete_role', 'create_domain_role', 'update_domain_role', 'delete_domain_role'] as const).map((name) =>
    rule(name, admin, `${name.replaceAll('_', ' ')}.`, cloudWide)),
  rule('get_domain_role', adminOrSystemReader, 'Show a role of one domain.', cloudWide),
  rule('list_domain_roles', adminOrSystemReader, 'List the roles of one domain.', cloudWide),
  rule('list_implied_roles', adminOrSystemReader, 'List what a role implies.', cloudWide),
  rule('get_implied_role', adminOrSystemReader, 'Show an implication.', cloudWide),
  rule('check_implied_role', adminOrSystemReader, 'Ask for an implication.', cloudWide),
  rule('create_implied_role', admin, 'Add an implication.', cloudWide),
  rule('delete_implied_role', admin, 'Remove an implication.', cloudWide),
  rule('list_role_inference_rules', adminOrSystemReader, 'List all implications.', cloudWide),
]

/** The caller's domain is that of the actor and that of the target. */
const grantWithin = (role: string) => ['user', 'group'].flatMap((actor) => ['project.domain_id', 'domain.id'].map((target) =>
  `(role:${role} and domain_id:%(target.${actor}.domain_id)s and domain_id:%(target.${target})s)`)).join(' or ')
const usableRole = '(domain_id:%(target.role.domain_id)s or None:%(target.role.domain_id)s)'
const giving = `${admin} or ((${grantWithin('admin')}) and ${usableRole}) or ((${grantWithin('manager')}) and ${managedRole})`

const grants: readonly Rule[] = [
  rule('check_grant', `${adminOrSystemReader} or ((${grantWithin('reader')}) and ${usableRole})`, 'Ask whether a role is given.', everywhere),
  rule('list_grants', `${adminOrSystemReader} or ${grantWithin('reader')}`, 'List the roles given to somebody on something.', everywhere),
  rule('create_grant', giving, 'Give a role.', everywhere),
  rule('revoke_grant', giving, 'Take a role away.', everywhere),
  ...(['user', 'group'] as const).flatMap((actor) => [
    rule(`list_system_grants_for_${actor}`, adminOrSystemReader, `List the roles of a ${actor} on the system.`, cloudWide),
    rule(`check_system_grant_for_${actor}`, adminOrSystemReader, `Ask whether a ${actor} has a role on the system.`, cloudWide),
    rule(`create_system_grant_for_${actor}`, admin, `Give a ${actor} a role on the system.`, cloudWide),
    rule(`revoke_system_grant_for_${actor}`, admin, `Take a role on the system from a ${actor}.`, cloudWide),
  ]),
  rule('list_role_assignments', `${adminOrSystemReader} or ${own('target.domain_id')}`, 'List assignments.', everywhere),
  rule('list_role_assignments_for_tree', `${adminOrSystemReader} or ${own('target.domain_id')}`, 'List assignments on a project and all below it.', everywhere),
]

const catalog: readonly Rule[] = [
  rule('get_region', '', 'Show a region.', everywhere),
  rule('list_regions', '', 'List regions.', everywhere),
  ...(['region', 'service', 'endpoint'] as const).flatMap((noun) => ['create', 'update', 'delete'].map((verb) => rule(`${verb}_${noun}`, admin, `${verb} a ${noun}.`, cloudWide))),
  ...(['service', 'endpoint'] as const).flatMap((noun) => [
    rule(`get_${noun}`, adminOrSystemReader, `Show a ${noun}.`, cloudWide), rule(`list_${noun}s`, adminOrSystemReader, `List ${noun}s.`, cloudWide),
  ]),
]

export const policyRules: readonly Rule[] = [...tokens, ...projects, ...users, ...groups, ...roles, ...grants, ...catalog]

export function identityPolicy(overrides: Readonly<Record<string, string>> = {}): Policy {
  return compilePolicy(policyRules, overrides)
}

/** @throws Refused with upstream's words */
export function authorize(policy: Policy, name: string, identity: Identity, target: Readonly<Record<string, unknown>> = {}): void {
  if (!policy.allows(name, identity, target)) throw forbidden(name)
}
