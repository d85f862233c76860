// Who may do what with flavors, their extra specs and access to them.
import type { Rule } from '#core/policy'
import { admin, reader, rule } from './rule.ts'

export const flavorRules: readonly Rule[] = [
  rule('os_compute_api:os-flavor-manage:create', admin, 'Create a flavor.'),
  rule('os_compute_api:os-flavor-manage:update', admin, 'Describe a flavor anew.'),
  rule('os_compute_api:os-flavor-manage:delete', admin, 'Delete a flavor.'),
  rule('os_compute_api:os-flavor-access', admin, 'List the projects that may use a private flavor.'),
  rule('os_compute_api:os-flavor-access:add_tenant_access', admin, 'Let a project use a private flavor.'),
  rule('os_compute_api:os-flavor-access:remove_tenant_access', admin, 'Stop a project from using a private flavor.'),
  rule('os_compute_api:os-flavor-extra-specs:index', reader, "See flavors' extra specs."),
  rule('os_compute_api:os-flavor-extra-specs:show', reader, 'See one extra spec of a flavor.'),
  rule('os_compute_api:os-flavor-extra-specs:create', admin, 'Set extra specs of a flavor.'),
  rule('os_compute_api:os-flavor-extra-specs:update', admin, 'Set one extra spec of a flavor.'),
  rule('os_compute_api:os-flavor-extra-specs:delete', admin, 'Remove an extra spec of a flavor.'),
]
