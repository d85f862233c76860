// How nova's policy rules are written down: all for tokens of projects, as upstream since Zed.
import { commonChecks, type Rule } from '#core/policy'

export const { admin, adminOrService, anyone, projectMemberOrAdmin: member, projectReaderOrAdmin: reader, userOrAdmin } = commonChecks

export function rule(name: string, check: string, description: string): Rule {
  return { name, check, description, scopes: ['project'] }
}
