// Who may do what with keypairs: their user, and admins.
import type { Rule } from '#core/policy'
import { rule, userOrAdmin } from './rule.ts'

export const keypairRules: readonly Rule[] = [
  rule('os_compute_api:os-keypairs:index', userOrAdmin, "List a user's keypairs."),
  rule('os_compute_api:os-keypairs:create', userOrAdmin, 'Create a keypair.'),
  rule('os_compute_api:os-keypairs:show', userOrAdmin, 'Show a keypair.'),
  rule('os_compute_api:os-keypairs:delete', userOrAdmin, 'Delete a keypair.'),
]
