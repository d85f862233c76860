// Who may see and set limits, and see what was used.
import type { Rule } from '#core/policy'
import { admin, anyone, reader, rule } from './rule.ts'

export const quotaRules: readonly Rule[] = [
  rule('os_compute_api:limits', anyone, 'See the limits of the own project.'),
  rule('os_compute_api:limits:other_project', admin, 'See the limits of another project.'),
  rule('os_compute_api:os-quota-sets:show', reader, "See a project's quota."),
  rule('os_compute_api:os-quota-sets:detail', reader, "See a project's quota and use."),
  rule('os_compute_api:os-quota-sets:defaults', anyone, 'See the quota of a project for which nothing was set.'),
  rule('os_compute_api:os-quota-sets:update', admin, "Set a project's quota."),
  rule('os_compute_api:os-quota-sets:delete', admin, "Put a project's quota back to the defaults."),
  rule('os_compute_api:os-quota-class-sets:show', admin, 'See the limits of a class.'),
  rule('os_compute_api:os-quota-class-sets:update', admin, 'Set the limits of a class.'),
  rule('os_compute_api:os-simple-tenant-usage:show', reader, 'See what a project used.'),
  rule('os_compute_api:os-simple-tenant-usage:list', admin, 'See what all projects used.'),
  rule('os_compute_api:extensions', anyone, 'List extensions.'),
]
