// Who may see and change hosts, their services, their aggregates and zones.
import type { Rule } from '#core/policy'
import { admin, anyone, rule } from './rule.ts'

const aggregates = ['index', 'create', 'show', 'update', 'delete', 'add_host', 'remove_host', 'set_metadata']
const hypervisors = ['list', 'list-detail', 'statistics', 'show', 'uptime', 'search', 'servers']

export const hostRules: readonly Rule[] = [
  ...aggregates.map((action) => rule(`os_compute_api:os-aggregates:${action}`, admin, `Aggregates: ${action}.`)),
  ...hypervisors.map((action) => rule(`os_compute_api:os-hypervisors:${action}`, admin, `Hypervisors: ${action}.`)),
  rule('os_compute_api:os-services:list', admin, 'List the services of nova.'),
  rule('os_compute_api:os-services:update', admin, 'Enable, disable or force down a service.'),
  rule('os_compute_api:os-services:delete', admin, 'Remove a service.'),
  rule('os_compute_api:os-availability-zone:list', anyone, 'List availability zones.'),
  rule('os_compute_api:os-availability-zone:detail', admin, 'List availability zones with their hosts.'),
]
