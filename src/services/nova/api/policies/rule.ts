// How a noun states its policy rules: name, who may, what it means.
import { commonChecks, type Rule } from '#core/policy'

export const who = {
  admin: commonChecks.admin, member: commonChecks.projectMemberOrAdmin, reader: commonChecks.projectReaderOrAdmin, service: commonChecks.adminOrService,
  anyone: commonChecks.anyone, nobody: commonChecks.nobody,
} as const

/** Upstream scopes all of nova's rules to projects. */
export function rule(name: string, check: string, description: string): Rule {
  return { name, check, description, scopes: ['project'] }
}
