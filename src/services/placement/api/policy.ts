// Who may ask placement what. Upstream's names and defaults: an administrator or another service; usages also a reader.
import { commonChecks, type Rule } from '#core/policy'

const rules: readonly (readonly [name: string, method: string, path: string, description: string])[] = [
  ['placement:resource_providers:list', 'GET', '/resource_providers', 'List resource providers.'],
  ['placement:resource_providers:create', 'POST', '/resource_providers', 'Create a resource provider.'],
  ['placement:resource_providers:show', 'GET', '/resource_providers/{uuid}', 'Show a resource provider.'],
  ['placement:resource_providers:update', 'PUT', '/resource_providers/{uuid}', 'Update a resource provider.'],
  ['placement:resource_providers:delete', 'DELETE', '/resource_providers/{uuid}', 'Delete a resource provider.'],
  ['placement:resource_classes:list', 'GET', '/resource_classes', 'List resource classes.'],
  ['placement:resource_classes:create', 'POST', '/resource_classes', 'Create a resource class.'],
  ['placement:resource_classes:show', 'GET', '/resource_classes/{name}', 'Show a resource class.'],
  ['placement:resource_classes:update', 'PUT', '/resource_classes/{name}', 'Update a resource class.'],
  ['placement:resource_classes:delete', 'DELETE', '/resource_classes/{name}', 'Delete a resource class.'],
  ['placement:resource_providers:inventories:list', 'GET', '/resource_providers/{uuid}/inventories', 'List the inventories of a provider.'],
  ['placement:resource_providers:inventories:create', 'POST', '/resource_providers/{uuid}/inventories', 'Add an inventory to a provider.'],
  ['placement:resource_providers:inventories:show', 'GET', '/resource_providers/{uuid}/inventories/{resource_class}', 'Show an inventory.'],
  ['placement:resource_providers:inventories:update', 'PUT', '/resource_providers/{uuid}/inventories', 'Set inventories.'],
  ['placement:resource_providers:inventories:delete', 'DELETE', '/resource_providers/{uuid}/inventories', 'Delete inventories.'],
  ['placement:resource_providers:aggregates:list', 'GET', '/resource_providers/{uuid}/aggregates', 'List the aggregates of a provider.'],
  ['placement:resource_providers:aggregates:update', 'PUT', '/resource_providers/{uuid}/aggregates', 'Set the aggregates of a provider.'],
  ['placement:resource_providers:usages', 'GET', '/resource_providers/{uuid}/usages', 'Show the usages of a provider.'],
  ['placement:traits:list', 'GET', '/traits', 'List traits.'],
  ['placement:traits:show', 'GET', '/traits/{name}', 'Show a trait.'],
  ['placement:traits:update', 'PUT', '/traits/{name}', 'Make sure that a trait exists.'],
  ['placement:traits:delete', 'DELETE', '/traits/{name}', 'Delete a trait.'],
  ['placement:resource_providers:traits:list', 'GET', '/resource_providers/{uuid}/traits', 'List the traits of a provider.'],
  ['placement:resource_providers:traits:update', 'PUT', '/resource_providers/{uuid}/traits', 'Set the traits of a provider.'],
  ['placement:resource_providers:traits:delete', 'DELETE', '/resource_providers/{uuid}/traits', 'Take all traits from a provider.'],
  ['placement:allocations:manage', 'POST', '/allocations', 'Set the allocations of several consumers.'],
  ['placement:allocations:list', 'GET', '/allocations/{consumer_uuid}', 'Show the allocations of a consumer.'],
  ['placement:allocations:update', 'PUT', '/allocations/{consumer_uuid}', 'Set the allocations of a consumer.'],
  ['placement:allocations:delete', 'DELETE', '/allocations/{consumer_uuid}', 'Delete the allocations of a consumer.'],
  ['placement:resource_providers:allocations:list', 'GET', '/resource_providers/{uuid}/allocations', 'List the allocations of a provider.'],
  ['placement:allocation_candidates:list', 'GET', '/allocation_candidates', 'List allocation candidates.'],
]

export const placementRules: readonly Rule[] = [
  ...rules.map(([name, method, path, description]): Rule => ({
    name, description, check: commonChecks.adminOrService, scopes: ['project'], operations: [{ method, path }],
  })),
  {
    name: 'placement:reshaper:reshape', check: commonChecks.service, scopes: ['project'], description: 'Move inventories and allocations between providers.',
    operations: [{ method: 'POST', path: '/reshaper' }],
  },
  {
    name: 'placement:usages', check: `${commonChecks.adminOrService} or (role:reader and project_id:%(project_id)s)`, scopes: ['project'],
    description: 'Show what a project uses in all.', operations: [{ method: 'GET', path: '/usages' }],
  },
]
