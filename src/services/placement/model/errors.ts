// What can be wrong with a request to placement. The codes are upstream's, which clients compare (placement/errors.py).
import { BadRequest, Conflict, errorClass, Forbidden, NotFound } from '#core/errors'

export const ConcurrentUpdate = errorClass('ConcurrentUpdate', 409, 'placement.concurrent_update')
export const DuplicateName = errorClass('DuplicateName', 409, 'placement.duplicate_name')
export const InventoryInUse = errorClass('InventoryInUse', 409, 'placement.inventory.inuse')
export const ProviderInUse = errorClass('ProviderInUse', 409, 'placement.resource_provider.inuse')
export const ProviderHasChildren = errorClass('ProviderHasChildren', 409, 'placement.resource_provider.cannot_delete_parent')
export const UnknownProvider = errorClass('UnknownProvider', 400, 'placement.resource_provider.not_found')
export const BadQueryValue = errorClass('BadQueryValue', 400, 'placement.query.bad_value')
export const MissingQueryValue = errorClass('MissingQueryValue', 400, 'placement.query.missing_value')
export const RepeatedQueryKey = errorClass('RepeatedQueryKey', 400, 'placement.query.duplicate_key')
/** A method that a path has only in newer versions. */
export const MethodTooNew = errorClass('MethodTooNew', 405, 'method_too_new')

export const notPerformed = (rule: string) => new Forbidden(`Policy does not allow ${rule} to be performed.`)
export const noProvider = (uuid: string) => new NotFound(`No resource provider with uuid ${uuid.slice(0, 80)} found`)
/** @param where what was asked, in the words that upstream puts before it */
export const noSuchClass = (name: string, where: string) => new BadRequest(`${where}No such resource class ${name}.`)
export const noSuchTraits = (names: readonly string[], where = '') => new BadRequest(`${where}No such trait(s): ${names.join(', ')}.`)

/** The provider has none of it, or too little. Upstream gives these no code of their own. */
export const doesNotHave = (resourceClass: string, provider: string) =>
  new Conflict(`Unable to allocate inventory: Inventory for '${resourceClass}' on resource provider '${provider}' invalid.`)
export const exceedsCapacity = (resourceClass: string, provider: string) =>
  new Conflict(`Unable to allocate inventory: Unable to create allocation for '${resourceClass}' on resource provider '${provider}'. The requested amount would exceed the capacity.`)
export const violatesConstraints = (resourceClass: string, provider: string) =>
  new Conflict(`Unable to allocate inventory: Unable to create allocation for '${resourceClass}' on resource provider '${provider}'. The requested amount would violate inventory constraints.`)
