// Who may ask placement what. Upstream's names and defaults: an administrator or another service; usages also a reader.
import { commonChecks, type Rule } from '#core/policy'

const rules: readonly (readonly [name: string, description: string])[] = [
  ['placement:resource_providers:list', 'List resource providers.'],
  ['placement:resource_providers:create', 'Create a resource provider.'],
  ['placement:resource_providers:show', 'Show a resource provider.'],
  ['placement:resource_providers:update', 'Update a resource provider.'],
  ['placement:resource_providers:delete', 'Delete a resource provider.'],
  ['placement:resource_classes:list', 'List resource classes.'],
  ['placement:resource_classes:create', 'Create a resource class.'],
  ['placement:resource_classes:show', 'Show a resource class.'],
  ['placement:resource_classes:update', 'Update a resource class.'],
  ['placement:resource_classes:delete', 'Delete a resource class.'],
  ['placement:resource_providers:inventories:list', 'List the inventories of a provider.'],
  ['placement:resource_providers:inventories:create', 'Add an inventory to a provider.'],
  ['placement:resource_providers:inventories:show', 'Show an inventory.'],
  ['placement:resource_providers:inventories:update', 'Set inventories.'],
  ['placement:resource_providers:inventories:delete', 'Delete inventories.'],
  ['placement:resource_providers:aggregates:list', 'List the aggregates of a provider.'],
  ['placement:resource_providers:aggregates:update', 'Set the aggregates of a provider.'],
  ['placement:resource_providers:usages', 'Show the usages of a provider.'],
  ['placement:traits:list', 'List traits.'],
  ['placement:traits:show', 'Show a trait.'],
  ['placement:traits:update', 'Make sure that a trait exists.'],
  ['placement:traits:delete', 'Delete a trait.'],
  ['placement:resource_providers:traits:list', 'List the traits of a provider.'],
  ['placement:resource_providers:traits:update', 'Set the traits of a provider.'],
  ['placement:resource_providers:traits:delete', 'Take all traits from a provider.'],
  ['placement:allocations:manage', 'Set the allocations of several consumers.'],
  ['placement:allocations:list', 'Show the allocations of a consumer.'],
  ['placement:allocations:update', 'Set the allocations of a consumer.'],
  ['placement:allocations:delete', 'Delete the allocations of a consumer.'],
  ['placement:resource_providers:allocations:list', 'List the allocations of a provider.'],
  ['placement:allocation_candidates:list', 'List allocation candidates.'],
]

export const placementRules: readonly Rule[] = [
  ...rules.map(([name, description]): Rule => ({ name, description, check: commonChecks.adminOrService, scopes: ['project'] })),
  {
    name: 'placement:reshaper:reshape', check: commonChecks.service, scopes: ['project'], description: 'Move inventories and allocations between providers.',
  },
  {
    name: 'placement:usages', check: `${commonChecks.adminOrService} or (role:reader and project_id:%(project_id)s)`, scopes: ['project'],
    description: 'Show what a project uses in all.',
  },
]
