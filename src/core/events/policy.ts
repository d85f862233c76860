// Who may see operations and events: the members and readers of the project that they belong to, and admins.
import { commonChecks, type Rule } from '#core/policy'

export const eventRules: readonly Rule[] = [
  { name: 'nimbo:operations:list', check: commonChecks.projectReaderOrAdmin, description: 'List the operations of a project.' },
  { name: 'nimbo:operations:get', check: commonChecks.projectReaderOrAdmin, description: 'Show an operation.' },
  { name: 'nimbo:events:watch', check: commonChecks.projectReaderOrAdmin, description: 'Follow the events of a project.' },
  { name: 'nimbo:all_projects', check: commonChecks.admin, description: 'See the operations and events of other projects, or of all.' },
  { name: 'nimbo:requests:take_back', check: commonChecks.service, description: 'Take back a create of another service that may still be on its way.' },
  { name: 'nimbo:internals', check: commonChecks.admin, description: 'See hosts, leases and inner errors with them.' },
]
