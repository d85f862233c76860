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

export const policyRules: readonly Rule[] = [...tokens]

export function identityPolicy(overrides: Readonly<Record<string, string>> = {}): Policy {
  return compilePolicy(policyRules, overrides)
}

/** @throws Refused with upstream's words */
export function authorize(policy: Policy, name: string, identity: Identity, target: Readonly<Record<string, unknown>> = {}): void {
  if (!policy.allows(name, identity, target)) throw forbidden(name)
}
