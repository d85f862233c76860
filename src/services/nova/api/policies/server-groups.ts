// Who may do what with server groups.
import type { Rule } from '#core/policy'
import { admin, member, reader, rule } from './rule.ts'

export const serverGroupRules: readonly Rule[] = [
  rule('os_compute_api:os-server-groups:create', member, 'Create a server group.'),
  rule('os_compute_api:os-server-groups:delete', member, 'Delete a server group.'),
  rule('os_compute_api:os-server-groups:index', reader, 'List server groups.'),
  rule('os_compute_api:os-server-groups:index:all_projects', admin, "List all projects' server groups."),
  rule('os_compute_api:os-server-groups:show', reader, 'Show a server group.'),
]
